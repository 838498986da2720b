public import CheckpointFiles

/// How far one tensor moved in one epoch.
public struct TensorMovement: Sendable, Hashable {
  /// The name in the trained model.
  public let name: String
  /// ‖after − before‖ / ‖before‖ over the elements that train; `nil` when all of them were zero before.
  public let relativeL2: Double?
}

/// The figures of one epoch: a line of `history.jsonl`.
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
  /// The tensors that moved in the epoch, in the order of the model; `nil` in records of studies and of earlier
  /// versions.
  public var moved: [TensorMovement]?

  /// What is predicted: figures that a task does not have are not in its records.
  package var task: PredictionTask {
    evalPearson != nil ? .regression : evalMicroF1 != nil ? .multiLabel : .classification
  }

  package init(
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
  package mutating func take(_ metrics: EvaluationMetrics) {
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
    if let moved {
      members.append(
        (
          "moved",
          .array(
            moved.map {
              .members([
                "key": .string($0.name), "rel_l2": $0.relativeL2.map { number($0) } ?? .null,
              ])
            })
        ))
    }
    return .object(pairs: members)
  }

  private static var figures: [(String, WritableKeyPath<EpochRecord, Double?>)] {
    [
      ("eval_accuracy", \.evalAccuracy), ("eval_f1", \.evalF1), ("eval_micro_f1", \.evalMicroF1),
      ("eval_pearson", \.evalPearson), ("eval_spearman", \.evalSpearman),
    ]
  }

  /// A record from its object. The file may come from anyone: figures are in the range of what they measure.
  ///
  /// - Throws: `FineTuningError` when a member is missing, of another kind or out of its range.
  package init(_ json: JSONValue, path: String) throws(FineTuningError) {
    func count(_ name: String) throws(FineTuningError) -> Int {
      guard let value = json[name]?.integer, (0...1 << 50).contains(value) else {
        throw .stateMember(path, name, json[name], expected: .count)
      }
      return value
    }
    func real(_ name: String, _ range: ClosedRange<Double>) throws(FineTuningError) -> Double {
      // What is not finite is stored as null.
      if case .null? = json[name] { return .nan }
      guard let value = json[name]?.double, range.contains(value) else {
        throw .stateMember(
          path, name, json[name], expected: .numbers(range))
      }
      return value
    }
    func flag(_ name: String) throws(FineTuningError) -> Bool {
      guard case .bool(let value) = json[name] else {
        throw .stateMember(path, name, json[name], expected: .boolean)
      }
      return value
    }
    let amount = 0...1e100
    epoch = try count("epoch")
    step = try count("step")
    trainLoss = try real("train_loss", amount)
    trainAccuracy = json["train_accuracy"] == nil ? nil : try real("train_accuracy", 0...1)
    evalLoss = try real("eval_loss", amount)
    learningRate = try real("learning_rate", amount)
    seconds = try real("seconds", 0...1e12)
    tokensPerSecond = try real("tokens_per_second", 0...1e15)
    cached = try flag("cached")
    isBest = try flag("best")
    for (name, figure) in EpochRecord.figures where json[name] != nil {
      // Rounding may lead a correlation slightly beyond 1.
      self[keyPath: figure] = try real(name, -1.000001...1.000001)
    }
    guard let moved = json["moved"] else { return }
    guard let elements = moved.array else {
      throw .stateMember(path, "moved", moved, expected: .list)
    }
    var movements: [TensorMovement] = []
    for element in elements {
      guard let name = element["key"]?.string, let value = element["rel_l2"],
        value == .null || value.double.map(amount.contains) ?? false
      else {
        throw .stateMember(path, "moved", element, expected: .movement)
      }
      movements.append(TensorMovement(name: name, relativeL2: value.double))
    }
    self.moved = movements
  }
}

/// A rate as a whole number from 0 to 10^15. Records may come from a file: any figure, or none.
package func wholeCount(_ value: Double) -> Int { Int(min(max(0, value), 1e15)) }

/// A finite number, or `null`: JSON has no NaN.
package func number(_ value: Double) -> JSONValue { value.isFinite ? .real(value) : .null }
