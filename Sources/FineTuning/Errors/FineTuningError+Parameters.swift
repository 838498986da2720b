internal import CheckpointFiles
internal import ParameterSurgery

/// What can be wrong with `config.json`.
extension FineTuningError {
  private static func malformed(
    _ path: String, _ name: String, _ reason: String
  ) -> FineTuningError {
    FineTuningError(.malformedModel, path: path, field: name, reason)
  }

  private static func unsupported(
    _ path: String, _ name: String, _ reason: String
  ) -> FineTuningError {
    FineTuningError(.unsupportedModel, path: path, field: name, reason)
  }

  static func configurationIsNotObject(_ path: String) -> FineTuningError {
    FineTuningError(
      .malformedModel, path: path, "expected a JSON object with the model's configuration")
  }

  /// Two members that mean the same and differ.
  static func contradiction(
    _ name: String, _ value: Int, _ other: String, _ second: Int, path: String
  ) -> FineTuningError {
    malformed(
      path, name,
      "\"\(name)\" is \(value), and \"\(other)\", which means the same, is \(second)")
  }

  static func probability(_ name: String, _ value: Float, path: String) -> FineTuningError {
    malformed(path, name, "\"\(name)\" is \(value), expected a probability below 1")
  }

  static func notImplemented(
    _ name: String, _ value: JSONValue, expected: [JSONValue], path: String
  ) -> FineTuningError {
    unsupported(
      path, name,
      "\"\(name)\": \(short(value)) is not implemented; "
        + "expected \(Expectation.values(expected).phrase)")
  }

  /// A part of a model that changes the computation in a way that is not implemented.
  enum UnsupportedPart {
    case differentLayers
    case prunedHeads
    case quantisedWeights
    case ownCode
  }

  static func notImplemented(
    _ name: String, _ value: JSONValue, _ part: UnsupportedPart, path: String
  ) -> FineTuningError {
    let reason =
      switch part {
      case .differentLayers: "layers that differ from each other are not implemented"
      case .prunedHeads: "heads that are removed while a model is loaded are not implemented"
      case .quantisedWeights: "quantised weights are not implemented"
      case .ownCode: "the model comes with code of its own, which may compute something else"
      }
    return unsupported(path, name, "\"\(name)\" is \(short(value)): \(reason)")
  }

  static func noPositions(padding: Int?, rows: Int, path: String) -> FineTuningError {
    malformed(
      path, "pad_token_id",
      "positions count from \"pad_token_id\" \(padding.map(String.init) ?? "null") on, which leaves none of "
        + "\"max_position_embeddings\" \(rows)")
  }

  static func hiddenSize(_ size: Int, heads: Int, path: String) -> FineTuningError {
    malformed(
      path, "hidden_size",
      "\"hidden_size\" \(size) is not a multiple of \"num_attention_heads\" \(heads)")
  }

  // MARK: The family

  private static var families: String {
    ModelFamily.all.map { "\"\($0.modelType)\"" }.joined(separator: ", ")
  }

  static func unknownFamily(_ type: JSONValue, path: String) -> FineTuningError {
    unsupported(
      path, "model_type",
      "\"model_type\": \(short(type)) is not implemented; expected \(families)")
  }

  /// A class of another family than the one that the configuration names.
  static func otherArchitecture(
    _ className: String, of other: ModelFamily, than family: ModelFamily, path: String
  ) -> FineTuningError {
    malformed(
      path, "architectures",
      "\"model_type\" is \(quoted(family.modelType)), and \"architectures\" names \(quoted(className)), "
        + "a class of \(quoted(other.modelType)), which computes something else; correct one of them"
    )
  }

  static func contradictoryArchitectures(
    _ first: String, _ second: String, path: String
  ) -> FineTuningError {
    malformed(
      path, "architectures",
      "no \"model_type\", and \"architectures\" names \(quoted(first)) and "
        + "\(quoted(second)), which compute different things; add \"model_type\"")
  }

  static func unknownArchitectures(_ names: [String], path: String) -> FineTuningError {
    unsupported(
      path, "architectures",
      "no \"model_type\", and \"architectures\" names \(names.map(quoted).joined(separator: ", ")), "
        + "a class of no family that is implemented; expected a \"model_type\" of \(families)")
  }

  static func noFamily(path: String) -> FineTuningError {
    unsupported(
      path, "model_type",
      "neither \"model_type\" nor \"architectures\" says which family the model belongs to; add a "
        + "\"model_type\" of \(families)")
  }
}

/// What can be wrong with the tensors of a model.
extension FineTuningError {
  private static func tensor(
    _ key: Key?, in checkpoint: String, kind: Kind = .malformedModel, _ reason: String
  ) -> FineTuningError {
    FineTuningError(kind, path: checkpoint, key: key, reason)
  }

  static func noEncoder(in checkpoint: String, anchor: Key) -> FineTuningError {
    tensor(
      nil, in: checkpoint,
      "not an encoder's checkpoint: no key ends in \(quoted(anchor.string))")
  }

  static func severalEncoders(
    _ prefixes: [String], in checkpoint: String, anchor: Key
  ) -> FineTuningError {
    tensor(
      nil, in: checkpoint,
      "\(prefixes.count) keys end in \(quoted(anchor.string)) "
        + "(\(prefixes.prefix(3).map { quoted($0 + anchor.string) }.joined(separator: ", "))); "
        + "keep one model in the checkpoint")
  }

  static func headWithoutOutputs(
    _ head: Head, labels: Int, in checkpoint: String
  ) -> FineTuningError {
    tensor(nil, in: checkpoint, "the head \(head) has \(labels) outputs, none to use")
  }

  static func brokenHead(
    _ first: [Int], _ last: [Int]?, in checkpoint: String
  ) -> FineTuningError {
    tensor(
      "linear.0.weight", in: checkpoint,
      "\"linear.0.weight\" is \(first), which does not fit "
        + "\"linear.2.weight\" \(last.map { "\($0)" } ?? "(absent)")")
  }

  static func twoSpellings(_ first: Key, _ second: Key, in checkpoint: String) -> FineTuningError {
    tensor(
      first, in: checkpoint,
      "\(quoted(first.string)) and \(quoted(second.string)) are two "
        + "spellings of one parameter; drop one")
  }

  static func parameterShape(
    _ key: Key, _ shape: Shape, expected: [Int], in checkpoint: String
  ) -> FineTuningError {
    tensor(
      key, in: checkpoint, "\(quoted(key.string)) has shape \(shape), expected \(expected)")
  }

  static func quantised(
    _ tensor: QuantizedTensor, key: Key, in checkpoint: String
  ) -> FineTuningError {
    self.tensor(
      key, in: checkpoint, kind: .unsupportedModel,
      "\(tensor.refusal); only models that are not quantised are run")
  }

  static func parameterType(_ key: Key, _ dtype: DType, in checkpoint: String) -> FineTuningError {
    tensor(
      key, in: checkpoint, "\(quoted(key.string)) is \(dtype), expected a floating-point dtype")
  }

  static func missingKeys(_ names: [String], in checkpoint: String) -> FineTuningError {
    tensor(
      names.first.map { Key($0) }, in: checkpoint,
      "missing keys: \(names.prefix(5).map(quoted).joined(separator: ", "))"
        + (names.count > 5 ? " and \(names.count - 5) more" : ""))
  }

  // MARK: What can train

  /// A selection of a tensor that is another name of one of which nothing trains.
  static func nothingTrains(tied key: Key, to parameter: Key) -> FineTuningError {
    FineTuningError(
      .mask, key: key,
      "nothing can train: \(quoted(key.string)) is \(quoted(parameter.string)) under another name, of which the "
        + "classifier trains nothing: select that")
  }

  static func nothingTrains(_ key: Key, _ pooling: Pooling) -> FineTuningError {
    FineTuningError(
      .mask, key: key,
      "nothing can train: \(quoted(key.string)) receives no gradient with the pooling "
        + "\"\(pooling.rawValue)\"; select tensors that the classifier uses")
  }
}
