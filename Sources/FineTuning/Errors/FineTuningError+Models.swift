internal import CheckpointFiles
internal import ParameterSurgery

/// What can be wrong with the folder of a model.
extension FineTuningError {
  private static func model(
    _ path: String, field: String? = nil, key: Key? = nil, _ reason: String
  ) -> FineTuningError {
    FineTuningError(.malformedModel, path: path, key: key, field: field, reason)
  }

  static func noConfiguration(of model: String, in folder: String) -> FineTuningError {
    self.model(
      model, "no config.json in \(folder); the model's sizes and heads are read from it")
  }

  static func wholeModel(_ model: String, over base: String) -> FineTuningError {
    self.model(
      model, "holds no delta but a whole model, which has no use for a base (\(base)); leave it out"
    )
  }

  // MARK: espalier.json

  static func otherSettingsFormat(_ path: String) -> FineTuningError {
    model(
      path, field: "format", "expected \"format\": \"espalier-classifier\", \"version\": 1")
  }

  static func unknownPooling(_ path: String) -> FineTuningError {
    model(path, field: "pooling", "\"pooling\" is missing or unknown")
  }

  static func labelsAreNotNames(_ path: String) -> FineTuningError {
    model(path, field: "labels", "\"labels\" is not a list of names")
  }

  static func shortMaximumLength(_ path: String) -> FineTuningError {
    model(path, field: "max_length", "\"max_length\" is missing or below 3")
  }

  static func unknownTask(_ path: String) -> FineTuningError {
    model(path, field: "task", "\"task\" is unknown")
  }

  static func labelCount(_ count: Int, for task: PredictionTask, path: String) -> FineTuningError {
    model(
      path, field: "labels",
      "\"labels\" has \(count) names, expected "
        + (task == .regression ? "1 for a number" : "1 or more"))
  }

  static func longMaximumLength(
    _ length: Int, positions: Int, path: String
  ) -> FineTuningError {
    model(
      path, field: "max_length",
      "\"max_length\" is \(length), the model's config.json has \(positions) positions; expected 3 to \(positions)"
    )
  }

  // MARK: What the head predicts

  static func oneOutput(_ problem: PredictionTask, path: String) -> FineTuningError {
    model(
      path, field: "problem_type",
      "\"problem_type\" is \(quoted(problem.problemType)), and the head has one output; it needs two or more"
    )
  }

  static func severalNumbers(_ outputs: Int, path: String) -> FineTuningError {
    model(
      path, field: "problem_type",
      "\"problem_type\" is \"regression\", and the head has \(outputs) outputs; one is implemented")
  }

  /// A head with the keys of one for texts that classifies something else.
  static func otherClassifier(
    _ className: String, of object: String, path: String
  ) -> FineTuningError {
    model(
      path, field: "architectures",
      "\"architectures\" names \(quoted(className)), whose head \"classifier\" classifies "
        + "\(object), not texts; remove its tensors from the checkpoint to add a head for texts")
  }

  /// A number of labels in `config.json` that is not that of the head.
  static func declaredLabels(
    _ count: Int, outputs: Int, of checkpoint: String, path: String
  ) -> FineTuningError {
    model(
      path, field: "num_labels",
      "\"num_labels\" is \(count), and the head of \(checkpoint) has \(outputs)")
  }

  /// Names of labels in `config.json` that are not as many as the head has outputs.
  static func namedLabels(
    _ count: Int, outputs: Int, of checkpoint: String, path: String
  ) -> FineTuningError {
    model(
      path, field: "id2label",
      "\"id2label\" names \(Text.counted(count, "label")), and the head of \(checkpoint) has \(outputs)"
    )
  }

  static func unnamedLabel(_ row: Int, path: String) -> FineTuningError {
    model(path, field: "id2label", "\"id2label\" has no name for the label \(row)")
  }

  static func labelIsNotText(_ name: JSONValue, row: Int, path: String) -> FineTuningError {
    model(
      path, field: "id2label",
      "\"id2label\" names the label \(row) \(short(name)), expected a text")
  }

  // MARK: The configuration and the checkpoint

  /// Keys of another family than the one that `config.json` names.
  static func otherFamily(
    _ family: ModelFamily, key: Key, isPrefix: Bool, of checkpoint: String, path: String
  ) -> FineTuningError {
    model(
      path, field: "model_type", key: isPrefix ? nil : key,
      "describes a model of the family \(quoted(family.modelType)), and "
        + "\(checkpoint) has keys of another family (\(quoted(key.string + (isPrefix ? "…" : "")))); correct "
        + "\"model_type\"")
  }

  /// The sizes of a RoBERTa in a configuration that names no family.
  static func robertaSizes(_ configuration: BERTConfiguration, path: String) -> FineTuningError {
    model(
      path, field: "model_type",
      "no \"model_type\", and \(configuration.positionRows) positions, "
        + "\(Text.counted(configuration.typeVocabularySize, "token type")) and the "
        + "padding token \(configuration.paddingToken.map(String.init) ?? "null") are those of a RoBERTa, not of "
        + "\(quoted(configuration.family.modelType)); add \"model_type\"")
  }

  static func unknownPart(
    _ key: Key, of checkpoint: String, family: ModelFamily, configuration: String
  ) -> FineTuningError {
    model(
      checkpoint, key: key,
      "\(quoted(key.string)) is not part of an encoder of the family "
        + "\(quoted(family.modelType)), which \(configuration) describes; without it, another "
        + "model is computed")
  }

  static func noPooler(_ checkpoint: String) -> FineTuningError {
    model(
      checkpoint, key: "pooler.dense.weight",
      "the pooling \"pooler\" needs \"pooler.dense.weight\", which the "
        + "checkpoint does not have; use mean or cls")
  }

  // MARK: New heads

  static func otherEncoderName(
    _ prefix: String, than member: String, of className: String, checkpoint: String
  ) -> FineTuningError {
    model(
      checkpoint,
      "the keys of the encoder begin with \(quoted(prefix)), and "
        + "\(className) calls it \(quoted(member)); rename them first")
  }

  static func headExists(_ head: Head, in checkpoint: String) -> FineTuningError {
    model(
      checkpoint, "the checkpoint has the head \(head) already; graft overwrites nothing")
  }

  static func twoTensors(_ name: Key, in checkpoint: String) -> FineTuningError {
    model(
      checkpoint, key: name,
      "two tensors would be \(quoted(name.string)); drop one of them")
  }

  static func initializerRange(_ deviation: Double) -> FineTuningError {
    FineTuningError(
      .malformedModel, field: "initializer_range",
      "\"initializer_range\" of config.json is \(deviation)")
  }

  // MARK: sentence-transformers

  private static func modules(_ path: String, _ reason: String) -> FineTuningError {
    FineTuningError(.malformedModel, path: path, reason)
  }

  static func modulesAreNotList(_ path: String) -> FineTuningError {
    modules(path, "expected a list of modules")
  }

  static func moduleWithoutType(_ path: String) -> FineTuningError {
    modules(path, "a module has no \"type\"")
  }

  static func moduleOutsideFolder(_ place: String, path: String) -> FineTuningError {
    modules(path, "the path \(quoted(place)) leads out of the folder")
  }
}
