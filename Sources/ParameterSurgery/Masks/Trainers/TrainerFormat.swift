internal import CheckpointFiles
internal import OrderedCollections

/// How other trainers are told what trains.
public enum TrainerFormat: String, Sendable, Hashable, CaseIterable {
  /// A Python file that applies the mask to a PyTorch model.
  case torch
  /// The same with a callback for the Trainer of Hugging Face.
  case hf
  /// One name a line; rows as a selector takes them.
  case names
  /// Arguments of PEFT's configurations, as JSON.
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
  /// The mask in the words of another trainer, as the text of a file.
  ///
  /// - Throws: ``SurgeryError`` when that trainer has no words for it: what it would really train is
  ///   worked out by its own rules and must be what the mask says.
  public func exported(to format: TrainerFormat) throws(SurgeryError) -> String {
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

  private var nameList: String {
    var text = ""
    for (key, state) in states {
      switch state {
      case .frozen: continue
      case .trainable: text += key.string + "\n"
      case .rows(let rows):
        for range in rows.ranges {
          text += "\(key.string)[\(range.lowerBound):\(range.upperBound)]\n"
        }
      }
    }
    return text
  }

  /// Anchored at both ends, for axolotl matches from the start alone. It reads a dot as a dot.
  private var axolotlPatterns: String {
    var text = ""
    if states.values.contains(where: { if case .rows = $0 { true } else { false } }) {
      text += "# Axolotl lets weight decay act on the frozen rows of these tensors: set it to 0.\n"
    }
    text += "unfrozen_parameters:\n"
    for (key, state) in states {
      let pattern = "^\(PythonRegex.escaped(key.string, dots: false))$"
      switch state {
      case .frozen: continue
      case .trainable: text += "  - \(FlatYAML.quoted(pattern))\n"
      case .rows(let rows):
        for range in rows.ranges {
          let item = "\(pattern)[\(range.lowerBound):\(range.upperBound)]"
          text += "  - \(FlatYAML.quoted(item))\n"
        }
      }
    }
    return text
  }

  private func msSwiftArguments() throws(SurgeryError) -> String {
    try refuseRows("ms-swift")
    let names = trainableKeys.map { PythonRegex.escaped($0.string, dots: true) }
    let pattern = "^(" + names.joined(separator: "|") + ")$"
    return "--freeze_parameters_ratio 1.0 --trainable_parameters_regex "
      + "'\(pattern.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))'\n"
  }

  private func ortNames() throws(SurgeryError) -> String {
    try refuseRows("ONNX Runtime")
    let json = JSONValue.members([
      "requires_grad": .array(trainableKeys.map { .string($0.string) }),
      "frozen_params": .array(frozenKeys.map { .string($0.string) }),
    ])
    return json.text(indent: 2) + "\n"
  }

  func refuseRows(_ trainer: String) throws(SurgeryError) {
    for (key, state) in states {
      if case .rows = state {
        throw SurgeryError(
          "\(trainer) cannot train some rows of a tensor, and the mask trains rows of "
            + "\(quoted(key.string)) alone; export to torch or hf, which can")
      }
    }
  }

  /// Throws unless what a trainer would train is what the mask says.
  func demand(_ trained: Set<Key>, by trainer: String) throws(SurgeryError) {
    let wanted = Set(trainableKeys)
    if trained == wanted { return }
    if let extra = trained.subtracting(wanted).min() {
      throw SurgeryError(
        "\(trainer) has no words for this mask: the nearest would train "
          + "\(quoted(extra.string)) too, which is frozen; export to torch or hf")
    }
    if let lost = wanted.subtracting(trained).min() {
      throw SurgeryError(
        "\(trainer) has no words for this mask: the nearest would not train "
          + "\(quoted(lost.string)); export to torch or hf")
    }
  }
}
