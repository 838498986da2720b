internal import CheckpointFiles

extension MaskReader {
  /// Prefixes end anywhere, expressions match anywhere; what is trainable wins.
  mutating func readMsSwift(_ settings: TrainerSettings) throws(SurgeryError) {
    let selecting = [
      "freeze_parameters", "freeze_parameters_regex", "freeze_parameters_ratio",
      "trainable_parameters", "trainable_parameters_regex",
    ]
    try demandFull(settings)
    try settings.refuse([
      "lisa_activated_layers":
        "LISA trains other layers from time to time, which one mask cannot express"
    ])
    try settings.refuseUnknown(
      except: Set(
        selecting.map { Key($0) } + [
          "freeze_vit", "freeze_aligner", "freeze_llm", "lisa_step_interval",
        ]),
      of: "ms-swift")
    let prefixes = try settings.texts("freeze_parameters") ?? []
    // A stored args.json lists what these three stand for among the prefixes.
    if prefixes.isEmpty, try settings.flag("freeze_llm") ?? false {
      throw .freezesLanguageModel
    }
    if prefixes.isEmpty, let part = MultimodalParts.first(in: parameters) {
      for name in ["freeze_vit", "freeze_aligner"] where try settings.flag(name) ?? true {
        throw .freezesParts(name, part: part)
      }
    }
    let ratio = try settings.number("freeze_parameters_ratio") ?? 0
    guard ratio == 0 || ratio == 1 else { throw .ratio(ratio) }
    if ratio == 0 { trained = Set(parameters.map(\.key)) }
    for (suffix, trains) in [("freeze_parameters", false), ("trainable_parameters", true)] {
      var matched: [Key] = []
      for prefix in try settings.texts(suffix) ?? [] {
        matched += try match(prefix, in: suffix) { $0.rangeOfPrefix(prefix) }
      }
      if let expression = try settings.text(suffix + "_regex") {
        var regex = try PythonRegex(expression)
        matched += try match(expression, in: suffix + "_regex") { regex.search($0) }
      }
      if trains { trained.formUnion(matched) } else { trained.subtract(matched) }
    }
    spreadOverTies()
  }

  /// Refuses adapters. The setting has had three names; its default is an adapter, which trains nothing of the base.
  private mutating func demandFull(_ settings: TrainerSettings) throws(SurgeryError) {
    var isGiven = false
    for name in ["train_type", "tuner_type", "sft_type"] {
      guard let type = try settings.text(name) else { continue }
      isGiven = true
      guard type.isSame(as: "full") else { throw .trainsAdapter(name, type) }
    }
    if !isGiven {
      warnings.append(
        "neither train_type nor tuner_type is given, and the default of ms-swift is an adapter; read as full"
      )
    }
  }
}

/// Components of names that only multimodal models have. Some trainers freeze such parts by tables of
/// their own.
enum MultimodalParts {
  private static let components: Set<Key> = [
    "visual", "vision_tower", "vision_model", "vision_encoder", "multi_modal_projector",
    "mm_projector", "audio_tower", "audio_model", "embed_vision", "embed_audio", "vpm", "apm",
    "resampler", "mlp_AR", "aligner", "connector",
  ]

  /// The first such component.
  static func first(in parameters: some Sequence<TensorInfo>) -> String? {
    first(in: parameters.lazy.map(\.key))
  }

  /// The first such component.
  static func first(in keys: some Sequence<Key>) -> String? {
    for key in keys {
      if let part = key.parts.first(where: components.contains) { return part.string }
    }
    return nil
  }
}

extension FreezeMask {
  func msSwiftArguments() throws(SurgeryError) -> String {
    try refuseRows("ms-swift")
    let names = trainableKeys.map { PythonRegex.escaped($0.string, dots: true) }
    let pattern = "^(" + names.joined(separator: "|") + ")$"
    // The quotes are those of a shell.
    let parts = pattern.unicodeScalars.split(separator: "'", omittingEmptySubsequences: false)
    return "--train_type full --freeze_parameters_ratio 1.0 --trainable_parameters_regex "
      + "'\(parts.map { String($0) }.joined(separator: "'\\''"))'\n"
  }
}
