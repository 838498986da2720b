internal import CheckpointFiles
internal import OrderedCollections

/// A format in which other trainers read what trains.
///
///     for format in TrainerFormat.allCases {
///       print(format.rawValue, (try? mask.exported(to: format)) ?? "")
///     }
public enum TrainerFormat: String, Sendable, Hashable, CaseIterable {
  /// A Python file that applies the mask to a PyTorch model.
  case torch
  /// The same with a callback for the Trainer of Hugging Face.
  case hf
  /// One name a line, with rows as in a selector.
  case names
  /// A `LoraConfig` of PEFT without adapters, as JSON.
  case peft
  /// `unfrozen_parameters` of axolotl, as YAML.
  case axolotl
  /// The `freeze_…` settings of LLaMA-Factory, as YAML.
  case llamafactory
  /// Arguments of ms-swift's command line.
  case msSwift = "ms-swift"
  /// The two lists of names of ONNX Runtime's `generate_artifacts`, as JSON.
  case ort
}

extension FreezeMask {
  /// The mask in the format of another trainer, as the text of a file.
  ///
  ///     let settings = try mask.exported(to: .axolotl)
  ///
  /// - Throws: ``SurgeryError`` when that trainer cannot express it: what it would really train is computed by its own
  ///   rules and must be what the mask states.
  public func exported(to format: TrainerFormat) throws(SurgeryError) -> String {
    switch format {
    case .names, .axolotl, .llamafactory, .msSwift: try refuseControls()
    case .torch, .hf, .peft, .ort: break
    }
    switch format {
    case .torch: return torchModule(callback: false)
    case .hf: return torchModule(callback: true)
    case .names: return nameList
    case .peft: return try peftArguments()
    case .axolotl: return axolotlPatterns
    case .llamafactory: return try llamaFactorySettings()
    case .msSwift: return try msSwiftArguments()
    case .ort: return try ortNames()
    }
  }

  /// Throws when a key that trains has a control character, which lists and patterns of one line cannot contain.
  private func refuseControls() throws(SurgeryError) {
    let isControl = { (scalar: Unicode.Scalar) in
      scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
        || (0x2028...0x2029).contains(scalar.value)
    }
    for key in trainableKeys where key.string.unicodeScalars.contains(where: isControl) {
      throw .controlCharacter(in: key)
    }
  }

  /// The keys without those of known buffers, which no trainer trains whatever its patterns match.
  var parameterKeys: [Key] {
    states.keys.filter { !TensorRole.isBuffer(last: $0.parts.last ?? "") }
  }

  func refuseRows(_ trainer: String) throws(SurgeryError) {
    for (key, state) in states {
      if case .rows = state { throw .rowsNotSupported(by: trainer, key) }
    }
  }

  /// Throws unless what a trainer would train is what the mask states.
  func demand(_ trained: Set<Key>, by trainer: String) throws(SurgeryError) {
    let wanted = Set(trainableKeys)
    if trained == wanted { return }
    if let extra = trained.subtracting(wanted).min() {
      throw .notExpressible(by: trainer, alsoTraining: extra)
    }
    if let lost = wanted.subtracting(trained).min() {
      throw .notExpressible(by: trainer, notTraining: lost)
    }
  }
}
