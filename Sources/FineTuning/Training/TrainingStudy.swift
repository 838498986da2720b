/// The same training several times, to see how far a figure can be trusted: on small data one split
/// and one seed say little.
///
/// The frozen trunk is computed once for all of them. Nothing is written.
public struct TrainingStudy: Sendable {
  /// What differs from run to run.
  public enum Kind: Sendable, Hashable {
    /// Every example is evaluated once, by a model that did not train on it: stratified K-fold.
    case folds(Int)
    /// The same data with the seeds `seed ..< seed + N`.
    case seeds(Int)
  }

  /// The best epoch of one run.
  public struct Measurement: Sendable {
    /// The fold, from 1, or the seed.
    public let number: Int
    /// Examples that trained and that were evaluated.
    public let examples: (training: Int, evaluation: Int)
    /// What the epoch came to.
    public let best: EpochRecord
  }

  /// The mean and the spread of a figure over the runs.
  public struct Spread: Sendable, Hashable {
    /// The arithmetic mean.
    public let mean: Double
    /// The sample standard deviation (divided by n − 1); 0 for one run.
    public let deviation: Double

    /// Mean and spread of some values.
    public init(_ values: [Double]) {
      let count = Double(max(1, values.count))
      let mean = values.reduce(0, +) / count
      self.mean = mean
      let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      deviation = values.count > 1 ? (squares / (count - 1)).squareRoot() : 0
    }
  }

  /// What happens during a study.
  public enum Event: Sendable {
    /// The first run is planned.
    case plan(TrainingPlan)
    /// The frozen prefix has been computed for `done` of `total` tokens.
    case caching(done: Int, total: Int)
    /// Something that the user should know and that stops nothing.
    case note(String)
    /// Run `run`, from 1, of `of` made an update.
    case step(run: Int, of: Int, epoch: Int, step: Int, steps: Int)
    /// A run ended.
    case run(Measurement)
  }

  /// What was varied.
  public let kind: Kind
  /// What is predicted.
  public let task: PredictionTask
  /// One a run.
  public let measurements: [Measurement]

  /// A figure over the runs.
  public func spread(_ figure: (EpochRecord) -> Double?) -> Spread {
    Spread(measurements.compactMap { figure($0.best) })
  }

  /// Trains and measures.
  ///
  /// - Throws: `FineTuningError` when the data does not allow it, and everything that a run throws.
  public init(
    _ kind: Kind, of request: TrainingRun.Request, onEvent: (Event) throws -> Void = { _ in }
  ) throws {
    var splits: [(number: Int, seed: UInt64, training: [Int], evaluation: [Int])] = []
    var whole = request.training
    switch kind {
    case .folds(let count):
      guard request.evaluation == nil else {
        throw FineTuningError.foldsWithEvaluationData
      }
      guard count >= 2, count <= whole.count else {
        throw FineTuningError.foldCount(count, examples: whole.count)
      }
      for (index, fold) in whole.foldIndices(count, seed: request.options.seed).enumerated() {
        splits.append((index + 1, request.options.seed, fold.training, fold.heldOut))
      }
    case .seeds(let count):
      guard count >= 1 else {
        throw FineTuningError.seedCount(count)
      }
      let parts: (training: [Int], evaluation: [Int])
      if let evaluation = request.evaluation {
        let relabelled = try LabelMatching(evaluation, withTraining: whole).applied(to: evaluation)
        parts = (
          Array(0..<whole.count), Array(whole.count..<whole.count + relabelled.count)
        )
        whole.examples += relabelled.examples
      } else {
        let held = whole.holdOutIndices(0.1, seed: request.options.seed)
        parts = (held.training, held.heldOut)
      }
      for index in 0..<count {
        let seed = request.options.seed &+ UInt64(index)
        splits.append((Int(truncatingIfNeeded: seed), seed, parts.training, parts.evaluation))
      }
    }

    self.kind = kind
    task = request.training.task
    var shared: FeatureCache?
    var measurements: [Measurement] = []
    for (index, split) in splits.enumerated() {
      var part = request
      part.training = whole.selecting(split.training)
      part.evaluation = whole.selecting(split.evaluation)
      part.options.seed = split.seed
      part.resuming = nil
      let run = try TrainingRun(part)
      if index == 0 {
        try onEvent(.plan(run.plan))
        shared = try run.trainer.features(
          of: whole.tokenized(
            run.tokenizer, maximumLength: run.settings.maximumLength, for: run.model.configuration)
        ) {
          switch $0 {
          case .caching(let done, let total): try onEvent(.caching(done: done, total: total))
          case .note(let text): try onEvent(.note(text))
          case .step, .epoch: break
          }
        }.features
      }
      run.trainer.adopt(
        training: shared?.selecting(split.training),
        evaluation: shared?.selecting(split.evaluation))
      try run.trainer.run { event in
        if case .step(let epoch, let step, let steps, _, _) = event {
          try onEvent(
            .step(run: index + 1, of: splits.count, epoch: epoch, step: step, steps: steps))
        }
      }
      guard let best = run.trainer.state.records.last(where: \.isBest) else {
        throw FineTuningError.noFiniteLoss
      }
      let measurement = Measurement(
        number: split.number,
        examples: (split.training.count, split.evaluation.count), best: best)
      measurements.append(measurement)
      try onEvent(.run(measurement))
    }
    self.measurements = measurements
  }
}
