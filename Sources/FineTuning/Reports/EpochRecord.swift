public import CheckpointFiles

/// What one epoch came to: a line of `history.jsonl`.
public struct EpochRecord: Sendable, Hashable {
  /// The epoch, from 1.
  public var epoch: Int
  /// Updates since the start of the run.
  public var step: Int
  /// The mean loss of the training examples while they trained.
  public var trainLoss: Double
  /// The share of training examples that were right while they trained; `nil` for numbers.
  public var trainAccuracy: Double?
  /// The mean loss on the evaluation data after the epoch.
  public var evalLoss: Double
  /// The share of evaluation examples that are right in every label after the epoch; `nil` for
  /// numbers.
  public var evalAccuracy: Double?
  /// The macro F1 on the evaluation data after the epoch; `nil` for numbers.
  public var evalF1: Double?
  /// The micro F1 after the epoch, for several labels a text.
  public var evalMicroF1: Double?
  /// Pearson's correlation after the epoch, for numbers.
  public var evalPearson: Double?
  /// Spearman's correlation after the epoch, for numbers.
  public var evalSpearman: Double?
  /// The learning rate of the last update.
  public var learningRate: Double
  /// Seconds of training, computing the frozen prefix included, evaluating not.
  public var seconds: Double
  /// Training tokens a second.
  public var tokensPerSecond: Double
  /// Whether the frozen prefix came from the cache.
  public var cached: Bool
  /// Whether it is the best epoch so far; in the end, the one that is kept.
  public var isBest: Bool

  init(
    epoch: Int, step: Int, trainLoss: Double, trainAccuracy: Double?, evalLoss: Double,
    learningRate: Double, seconds: Double, tokensPerSecond: Double, cached: Bool, isBest: Bool
  ) {
    self.epoch = epoch
    self.step = step
    self.trainLoss = trainLoss
    self.trainAccuracy = trainAccuracy
    self.evalLoss = evalLoss
    self.learningRate = learningRate
    self.seconds = seconds
    self.tokensPerSecond = tokensPerSecond
    self.cached = cached
    self.isBest = isBest
  }

  /// Takes the figures of the evaluation data.
  mutating func take(_ metrics: EvaluationMetrics) {
    switch metrics {
    case .classification(let metrics):
      evalAccuracy = metrics.accuracy
      evalF1 = metrics.macroF1
    case .regression(let metrics):
      evalPearson = metrics.pearson
      evalSpearman = metrics.spearman
    case .multiLabel(let metrics):
      evalAccuracy = metrics.subsetAccuracy
      evalF1 = metrics.macroF1
      evalMicroF1 = metrics.microF1
    }
  }

  /// The record as an object. Numbers that are not finite are `null`.
  ///
  /// Figures that the task does not have are left out.
  public var json: JSONValue {
    var members: [(String, JSONValue)] = [
      ("epoch", .integer(epoch)), ("step", .integer(step)), ("train_loss", number(trainLoss)),
    ]
    func add(_ name: String, _ value: Double?) {
      if let value { members.append((name, number(value))) }
    }
    add("train_accuracy", trainAccuracy)
    add("eval_loss", evalLoss)
    for (name, figure) in EpochRecord.figures { add(name, self[keyPath: figure]) }
    members += [
      ("learning_rate", number(learningRate)), ("seconds", number(seconds)),
      ("tokens_per_second", number(tokensPerSecond)), ("cached", .bool(cached)),
      ("best", .bool(isBest)),
    ]
    return .object(pairs: members)
  }

  private static var figures: [(String, WritableKeyPath<EpochRecord, Double?>)] {
    [
      ("eval_accuracy", \.evalAccuracy), ("eval_f1", \.evalF1), ("eval_micro_f1", \.evalMicroF1),
      ("eval_pearson", \.evalPearson), ("eval_spearman", \.evalSpearman),
    ]
  }

  /// A record from its object.
  ///
  /// - Throws: `FineTuningError` when a member is missing or of another kind.
  init(_ json: JSONValue, path: String) throws(FineTuningError) {
    func broken(_ name: String) -> FineTuningError {
      FineTuningError("\(path): an epoch's \"\(name)\" is missing or of another kind")
    }
    func count(_ name: String) throws(FineTuningError) -> Int {
      guard let value = json[name]?.integer, (0...(1 << 53)).contains(value) else {
        throw broken(name)
      }
      return value
    }
    func real(_ name: String) throws(FineTuningError) -> Double {
      guard let member = json[name] else { throw broken(name) }
      if case .null = member { return .nan }
      guard let value = member.double else { throw broken(name) }
      return value
    }
    func flag(_ name: String) throws(FineTuningError) -> Bool {
      guard case .bool(let value) = json[name] else { throw broken(name) }
      return value
    }
    epoch = try count("epoch")
    step = try count("step")
    trainLoss = try real("train_loss")
    trainAccuracy = json["train_accuracy"]?.double
    evalLoss = try real("eval_loss")
    learningRate = try real("learning_rate")
    seconds = try real("seconds")
    tokensPerSecond = try real("tokens_per_second")
    cached = try flag("cached")
    isBest = try flag("best")
    for (name, figure) in EpochRecord.figures where json[name] != nil {
      self[keyPath: figure] = try real(name)
    }
  }
}

/// A finite number, or `null`: JSON knows no NaN.
func number(_ value: Double) -> JSONValue { value.isFinite ? .real(value) : .null }

/// A rate as a whole number from 0 to 10^15. Records may come from a file: any figure, or none.
package func wholeCount(_ value: Double) -> Int { Int(min(max(0, value), 1e15)) }
