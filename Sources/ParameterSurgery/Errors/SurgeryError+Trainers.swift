internal import CheckpointFiles

/// Sentences about configurations of other trainers that are imported as masks.
extension SurgeryError {
  /// A file of settings that cannot be read: a sentence about its form.
  private static func malformedSettings(_ sentence: String) -> SurgeryError {
    SurgeryError(.malformed, sentence)
  }

  // MARK: - Files

  static let textIsNotUTF8 = malformedSettings("the file is not UTF-8")
  static let notSettings = malformedSettings("the file is not a JSON object of settings")
  static let notNamesAndFlags = malformedSettings(
    "the file is not a JSON object of names and true or false")

  static func notJSON(_ error: CheckpointError) -> SurgeryError {
    malformedSettings("not JSON: \(error.description)")
  }

  func inLine(_ line: Int) -> SurgeryError {
    SurgeryError(
      kind, path: path, key: key, selector: selector, offset: offset, advice: advice,
      underlying: underlying, "line \(line): \(description)")
  }

  // MARK: - Settings

  static func setting(_ name: String, _ found: JSONValue, expected: String) -> SurgeryError {
    malformedSettings("`\(name)` is \(found.text()), expected \(expected)")
  }

  static func setting(_ name: String, _ found: String, expected: String) -> SurgeryError {
    malformedSettings("`\(name)` is \(quoted(found)), expected \(expected)")
  }

  static func missingSetting(_ name: String) -> SurgeryError {
    malformedSettings("`\(name)` is missing")
  }

  /// A setting that a mask cannot follow.
  static func isSet(_ name: String, _ effect: String) -> SurgeryError {
    SurgeryError(.unsupported, "`\(name)` is set: \(effect)")
  }

  static func unknownSetting(_ name: String, of trainer: String) -> SurgeryError {
    SurgeryError(
      .unsupported,
      "`\(name)` is set, which may change what \(trainer) trains and is not understood; "
        + "import a list of names with requires-grad instead")
  }

  static func unknownValue(_ value: String, of name: String) -> SurgeryError {
    SurgeryError(.unsupported, "`\(name)` \(quoted(value)) is not known")
  }

  static func noSettings(_ names: [String]) -> SurgeryError {
    malformedSettings("the file has none of the settings \(names.joined(separator: ", "))")
  }

  // MARK: - What trains

  static let configurationTrainsNothing = SurgeryError(
    .nothingTrains, "the configuration lets no tensor train")

  static func matchesNothing(_ pattern: String, in name: String) -> SurgeryError {
    SurgeryError(
      .matchesNothing, "\(quoted(pattern)) in \(name) matches no tensor of the checkpoint")
  }

  static func notATensor(_ name: Key) -> SurgeryError {
    SurgeryError(
      .matchesNothing, key: name, "\(quoted(name.string)) is not a tensor of the checkpoint")
  }

  static func notListed(_ key: Key) -> SurgeryError {
    SurgeryError(
      .otherCheckpoint, key: key,
      "\(quoted(key.string)) is in the checkpoint, but not in the list")
  }

  static func contradictoryState(_ key: Key) -> SurgeryError {
    SurgeryError(
      .malformed, key: key, "\(quoted(key.string)) is listed as true and as false")
  }

  static func listedTwice(_ key: Key) -> SurgeryError {
    SurgeryError(
      .malformed, key: key,
      "\(quoted(key.string)) is in `requires_grad` and in `frozen_params`")
  }

  static func notAFlag(_ name: Key, _ found: JSONValue) -> SurgeryError {
    malformedSettings("\(quoted(name.string)) is \(found.text()), expected true or false")
  }

  static let gradientListIsEmpty = SurgeryError(
    .nothingTrains, "`requires_grad` names no tensor")

  static func rowsBeyond(_ end: Int, of key: Key, rowCount: Int) -> SurgeryError {
    SurgeryError(
      .tensorMismatch, key: key,
      "rows up to \(end) of \(quoted(key.string)), which has \(rowCount)")
  }

  static func emptyRows(_ text: String) -> SurgeryError {
    SurgeryError(.syntax, "\(quoted(text)) selects no rows")
  }

  static func invalidRows(_ text: String) -> SurgeryError {
    SurgeryError(.syntax, "\(quoted(text)): the rows are not numbers in range")
  }

  static func absentRows(_ text: String, of key: Key, rowCount: Int) -> SurgeryError {
    SurgeryError(
      .tensorMismatch, key: key,
      "\(quoted(text)) selects rows that \(quoted(key.string)) with its \(rowCount) does not have")
  }

  static func invalidExpression(_ pattern: String, _ reason: String) -> SurgeryError {
    SurgeryError(.syntax, "\(quoted(pattern)): \(reason)")
  }

  // MARK: - Axolotl

  static let noUnfrozenParameters = malformedSettings(
    "the file has no `unfrozen_parameters` list at the top level")
  static let noMultimodalModule = SurgeryError(
    .matchesNothing, "`freeze_mm_modules` is set, and the checkpoint has no such module")

  // MARK: - LLaMA-Factory

  static func layersNotDivisible(_ count: Int, by part: Int) -> SurgeryError {
    SurgeryError(
      .tensorMismatch,
      "`use_llama_pro` needs a number of layers that `freeze_trainable_layers` divides; they are "
        + "\(count) and \(part)")
  }

  static let noLayerCount = malformedSettings(
    "config.json has none of num_hidden_layers, num_layers and n_layer, from which LLaMA-Factory "
      + "takes the number of layers")

  static func ambiguousLayers(_ stacks: [String]) -> SurgeryError {
    SurgeryError(
      .tensorMismatch,
      "the names do not show how many layers LLaMA-Factory counts "
        + "(\(listed(stacks.map { quoted($0) }))); it takes their number from config.json")
  }

  static func tooManyLayers(_ count: Int) -> SurgeryError {
    SurgeryError(.tooLarge, "\(grouped(count)) layers are more than a model has")
  }

  static func multimodal(_ part: String, importedFrom trainer: String) -> SurgeryError {
    SurgeryError(
      .unsupported,
      "the model has \(quoted(part)): \(trainer) has a table of its own of the parts of a "
        + "multimodal model that it freezes; import a list of names with requires-grad instead")
  }

  static let llamaProWithFull = malformedSettings(
    "`use_llama_pro` cannot be combined with `finetuning_type` full")

  static func notALayerModule(_ module: String, known: [String]) -> SurgeryError {
    SurgeryError(
      .matchesNothing,
      "\(quoted(module)) in `freeze_trainable_modules` is not a module of the layers; they have "
        + listed(known.map { quoted($0) }))
  }

  static func noTensor(_ module: String, ofLayers indices: [Int]) -> SurgeryError {
    SurgeryError(
      .matchesNothing,
      "\(quoted(module)) in `freeze_trainable_modules` matches no tensor of the layers "
        + listed(indices: indices))
  }

  static func notAnOuterModule(_ module: String, known: [String]) -> SurgeryError {
    SurgeryError(
      .matchesNothing,
      "\(quoted(module)) in `freeze_extra_modules` is not a module outside of the layers; there are "
        + listed(known.map { quoted($0) }))
  }

  // MARK: - ms-swift

  static let freezesLanguageModel = SurgeryError(
    .unsupported,
    "`freeze_llm` is set: the parts that it freezes are in a table of ms-swift; name them in "
      + "`freeze_parameters`")

  static func freezesParts(_ setting: String, part: String) -> SurgeryError {
    SurgeryError(
      .unsupported,
      "`\(setting)` is true, which is its default, and the checkpoint has \(quoted(part)): the parts "
        + "that it freezes are in a table of ms-swift; name them in `freeze_parameters`")
  }

  static func ratio(_ ratio: Double) -> SurgeryError {
    SurgeryError(
      .unsupported,
      "`freeze_parameters_ratio` is \(ratio): what that freezes depends on the order in which the "
        + "model registers its parameters, which a checkpoint does not show; expected 0 or 1")
  }

  static func trainsAdapter(_ setting: String, _ type: String) -> SurgeryError {
    SurgeryError(
      .unsupported,
      "`\(setting)` is \(quoted(type)), with which ms-swift trains an adapter and not the parameters "
        + "that `freeze_parameters` and `trainable_parameters` name; expected \"full\"")
  }

  // MARK: - PEFT

  static let allLinear = SurgeryError(
    .unsupported,
    "`target_modules` is \"all-linear\", which depends on the classes of the modules, and a "
      + "checkpoint does not show them; the adapter_config.json that PEFT stores lists them")
  static let noTargets = SurgeryError(
    .unsupported,
    "`target_modules` is missing; PEFT then takes the modules from a table of its own")
  static let trainsDecomposedWeights = SurgeryError(
    .unsupported,
    "`peft_type` \"OSF\" trains a part of the weights of `target_modules` themselves, in a "
      + "decomposed form that no mask describes")
  static let targetsMatchNothing = SurgeryError(
    .matchesNothing, "`target_modules` matches no module of the checkpoint")

  static func trainsAdaptersOnly(newHeads: [String]) -> SurgeryError {
    SurgeryError(
      .nothingTrains,
      "PEFT trains only adapters with it, nothing of the checkpoint"
        + (newHeads.isEmpty ? "" : "; a new head would be \(listed(newHeads.map { quoted($0) }))"))
  }

  static func noRowNumbers(_ module: Key, in name: String) -> SurgeryError {
    malformedSettings("`\(name)`: \(quoted(module.string)) has no row numbers")
  }

  static func savedAndInRows(_ module: Key, _ name: String) -> SurgeryError {
    malformedSettings(
      "\(quoted(module.string)) is in `modules_to_save` and in `\(name)`, which PEFT refuses")
  }

  static func ambiguousEmbedding(_ name: String) -> SurgeryError {
    SurgeryError(
      .unsupported,
      "`\(name)` is a list, and the checkpoint does not show for which embedding; write "
        + "{\"word_embeddings\": [...]}")
  }
}
