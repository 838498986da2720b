public import CheckpointFiles

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
  /// The columns that were named for the training data; `nil` when they were found by their usual names.
  public var columns: ColumnNames?

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
      throw .otherSettingsFormat(path)
    }
    guard let pooling = json["pooling"]?.word.flatMap(Pooling.init(rawValue:)) else {
      throw .unknownPooling(path)
    }
    guard let labels = json["labels"]?.array, labels.allSatisfy({ $0.string != nil }) else {
      throw .labelsAreNotNames(path)
    }
    guard let length = json["max_length"]?.integer, length >= 3 else {
      throw .shortMaximumLength(path)
    }
    guard
      let task = PredictionTask(
        rawValue: json["task"].map { $0.word ?? "" } ?? "classification")
    else {
      throw .unknownTask(path)
    }
    guard !labels.isEmpty, task != .regression || labels.count == 1 else {
      throw .labelCount(labels.count, for: task, path: path)
    }
    self.init(
      pooling: pooling, labels: labels.compactMap(\.string), maximumLength: length, task: task,
      readsPairs: json["pairs"]?.bool ?? false)
    if let columns = json["columns"] {
      guard let names = ColumnNames(columns) else {
        throw .columnNames(path: path)
      }
      self.columns = names
    }
  }

  /// - Throws: `FineTuningError` when the encoder cannot read sequences of ``maximumLength`` tokens.
  func demandFit(
    _ configuration: BERTConfiguration, path: String
  ) throws(FineTuningError) {
    guard maximumLength <= configuration.maximumPositions else {
      throw .longMaximumLength(maximumLength, positions: configuration.maximumPositions, path: path)
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
    if let columns { members.append(("columns", columns.json)) }
    return .object(pairs: members)
  }
}
