public import CheckpointFiles

/// How a sequence's hidden states become one vector.
public enum Pooling: String, Sendable, Hashable, CaseIterable {
  /// The mean over the sequence's own tokens, `[CLS]` and `[SEP]` included.
  case mean
  /// The mean over all positions of the padded sequence, as `torch.mean(h, 1)` computes it.
  case meanAll = "mean-all"
  /// The hidden state of the first token.
  case cls
  /// tanh of a dense layer over the first token: BERT's own pooler.
  case pooler
}

/// The layers on top of the pooled vector.
public enum Head: Sendable, Hashable {
  /// Linear, tanh, linear: `linear.0.*` and `linear.2.*`, `width` wide between them.
  case mlp(width: Int)
  /// One linear layer: `linear.weight`, `linear.bias`.
  case linear
  /// The head of the family's own class, such as `BertForSequenceClassification`: `classifier.*`, and
  /// in DistilBERT `pre_classifier.*`.
  case classifier

  /// The head that a checkpoint carries, with the number of its labels; `nil` when it has none.
  ///
  /// - Throws: `FineTuningError` when it has parts of a head that do not fit together.
  package static func found(
    in checkpoint: Checkpoint
  ) throws(FineTuningError) -> (head: Head, labels: Int)? {
    func shape(_ name: String) -> [Int]? { checkpoint[Key(name)]?.shape.dimensions }
    func checked(_ head: Head, labels: Int) throws(FineTuningError) -> (head: Head, labels: Int) {
      guard labels > 0, head != .mlp(width: 0) else {
        throw FineTuningError(
          .malformedModel, path: checkpoint.path,
          "\(checkpoint.path): the head \(head) has \(labels) outputs, none to use")
      }
      return (head, labels)
    }
    if let first = shape("linear.0.weight") {
      guard let last = shape("linear.2.weight"), first.count == 2, last.count == 2,
        last[1] == first[0]
      else {
        throw FineTuningError(
          .malformedModel, path: checkpoint.path,
          "\(checkpoint.path): \"linear.0.weight\" is \(first), which does not fit "
            + "\"linear.2.weight\" \(shape("linear.2.weight").map { "\($0)" } ?? "(absent)")")
      }
      return try checked(.mlp(width: first[0]), labels: last[0])
    }
    for (name, head) in [
      ("linear", Head.linear), ("classifier", .classifier),
      ("classifier.out_proj", .classifier),
    ] {
      if let weight = shape(name + ".weight"), weight.count == 2 {
        return try checked(head, labels: weight[0])
      }
    }
    return nil
  }

  /// The parameters of the head over pooled vectors `hidden` wide.
  package func descriptions(
    hidden: Int, labels: Int, family: ModelFamily = .bert
  ) -> [ParameterDescription] {
    func linear(_ name: String, _ output: Int, _ input: Int) -> [ParameterDescription] {
      [
        ParameterDescription(name: name + ".weight", shape: [output, input], stage: .head),
        ParameterDescription(name: name + ".bias", shape: [output], stage: .head),
      ]
    }
    return switch self {
    case .mlp(let width): linear("linear.0", width, hidden) + linear("linear.2", labels, width)
    case .linear: linear("linear", labels, hidden)
    case .classifier:
      (family.ownHead.dense.map { linear($0, hidden, hidden) } ?? [])
        + linear(family.ownHead.output, labels, hidden)
    }
  }
}

extension Head: CustomStringConvertible {
  /// The spelling of the command line: `mlp:128`, `linear`, `classifier`.
  public var description: String {
    switch self {
    case .mlp(let width): "mlp:\(width)"
    case .linear: "linear"
    case .classifier: "classifier"
    }
  }
}

/// What a classifier needs to know beside its weights; stored as `espalier.json` in the folder of a
/// trained model, so that `evaluate` and `predict` repeat exactly what was trained.
public struct ClassifierSettings: Sendable, Hashable {
  /// How hidden states become one vector.
  public var pooling: Pooling
  /// The names of the labels, in the order of the logits.
  public var labels: [String]
  /// The longest sequence, in tokens, special tokens included.
  public var maximumLength: Int
  /// What is predicted.
  public var task: PredictionTask
  /// Whether the classifier was trained on pairs of texts.
  public var readsPairs: Bool

  /// Settings of a classifier.
  public init(
    pooling: Pooling, labels: [String], maximumLength: Int,
    task: PredictionTask = .classification, readsPairs: Bool = false
  ) {
    self.readsPairs = readsPairs
    self.task = task
    self.pooling = pooling
    self.labels = labels
    self.maximumLength = maximumLength
  }

  /// The longest sequence when neither the model's settings nor a user names one, and the model can read it.
  public static let defaultMaximumLength = 128

  /// The longest sequence when neither the model's settings nor a user names one: that of a sentence-transformers
  /// folder or 128 tokens, or as many as the model's positions or its tokenizer's `model_max_length` allow.
  package static func usualMaximumLength(
    _ configuration: BERTConfiguration, _ modelMaximumLength: Int?, _ sentence: SentenceSettings?
  ) -> Int {
    min(
      sentence?.maximumLength ?? defaultMaximumLength, configuration.maximumPositions,
      max(3, modelMaximumLength ?? .max))
  }

  /// The name of the file.
  public static let fileName = "espalier.json"

  /// The settings in an `espalier.json`.
  ///
  /// - Throws: `FineTuningError` when the file is not one.
  public init(_ json: JSONValue, path: String) throws(FineTuningError) {
    guard json["format"]?.word == "espalier-classifier", json["version"]?.integer == 1 else {
      throw FineTuningError(
        .malformedModel, path: path,
        "\(path): expected \"format\": \"espalier-classifier\", \"version\": 1")
    }
    guard let pooling = json["pooling"]?.word.flatMap(Pooling.init(rawValue:)) else {
      throw FineTuningError(
        .malformedModel, path: path, "\(path): \"pooling\" is missing or unknown")
    }
    guard let labels = json["labels"]?.array, labels.allSatisfy({ $0.string != nil }) else {
      throw FineTuningError(
        .malformedModel, path: path, "\(path): \"labels\" is not a list of names")
    }
    guard let length = json["max_length"]?.integer, length >= 3 else {
      throw FineTuningError(
        .malformedModel, path: path, "\(path): \"max_length\" is missing or below 3")
    }
    guard
      let task = PredictionTask(
        rawValue: json["task"].map { $0.word ?? "" } ?? "classification")
    else {
      throw FineTuningError(
        .malformedModel, path: path, "\(path): \"task\" is unknown")
    }
    guard !labels.isEmpty, task != .regression || labels.count == 1 else {
      throw FineTuningError(
        .malformedModel, path: path,
        "\(path): \"labels\" has \(labels.count) names, expected "
          + (task == .regression ? "1 for a number" : "1 or more"))
    }
    self.init(
      pooling: pooling, labels: labels.compactMap(\.string), maximumLength: length, task: task,
      readsPairs: json["pairs"]?.bool ?? false)
  }

  /// - Throws: `FineTuningError` when the encoder cannot read sequences of ``maximumLength`` tokens.
  func demandFit(
    _ configuration: BERTConfiguration, path: String
  ) throws(FineTuningError) {
    guard maximumLength <= configuration.maximumPositions else {
      throw FineTuningError(
        .malformedModel, path: path,
        "\(path): \"max_length\" is \(maximumLength), the model's config.json has "
          + "\(configuration.maximumPositions) positions; expected 3 to \(configuration.maximumPositions)"
      )
    }
  }

  /// The settings as JSON.
  public var json: JSONValue {
    var members: [(String, JSONValue)] = [
      ("format", "espalier-classifier"), ("version", 1), ("task", .string(task.rawValue)),
      ("pooling", .string(pooling.rawValue)), ("max_length", .integer(maximumLength)),
      ("labels", .array(labels.map(JSONValue.string))),
    ]
    if readsPairs { members.append(("pairs", true)) }
    return .object(pairs: members)
  }
}
