internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// Trains a classifier: epochs over shuffled data, AdamW, evaluation, and the best rows kept.
package final class Trainer {
  package internal(set) var model: Classifier
  let training: TokenizedDataset
  let evaluation: TokenizedDataset
  package let options: TrainingOptions
  let padding: (length: Int, token: Int32)?
  /// The longest sequence, in tokens.
  let maximumLength: Int
  let featureStore: FeatureStore?
  /// The folder of the run, which keeps what the frozen prefix computes until the run ends, for the case that it is
  /// interrupted; `nil` when the run has no folder or a store keeps it.
  var journalFolder: String?
  /// What trains from which epoch on.
  let phases: [TrainingPhase]
  /// Makes the model of a later phase.
  let rebuild: ((TrainingPhase) throws -> Classifier)?
  let optimiser: AdamW
  let rates: LearningRates
  let schedule: LearningRateSchedule
  let objective: Objective
  package internal(set) var state = TrainingState()
  var best: BestRows?
  /// What trained in an earlier part of the run, under another mask.
  var former: OrderedDictionary<Key, (rows: RowSet, values: Tensor)> = [:]
  var trainingFeatures: FeatureCache?
  let tensorDigests = TensorDigests()
  /// What the store knows the frozen prefix by, for the cut that it was computed for.
  var prefixDigest: (cut: Classifier.Cut, digest: String)?
  var evaluationFeatures: FeatureCache?

  /// Tokens in one pass without a backward: enough to keep the matrix product at its peak, few enough
  /// that what a layer hands on stays small.
  static func groupTokens(_ configuration: BERTConfiguration) -> Int {
    max(512, min(2048, 800_000 / max(1, configuration.hiddenSize)))
  }

  package init(
    model: Classifier, training: TokenizedDataset, evaluation: TokenizedDataset,
    options: TrainingOptions, rates: LearningRates,
    padding: (length: Int, token: Int32)?, task: PredictionTask = .classification,
    maximumLength: Int = ClassifierSettings.defaultMaximumLength, featureStore: FeatureStore? = nil,
    phases: [TrainingPhase] = [], rebuild: ((TrainingPhase) throws -> Classifier)? = nil
  ) throws {
    try options.validate()
    guard training.count > 0 else { throw FineTuningError.noTrainingExamples }
    self.model = model
    self.training = training
    self.evaluation = evaluation
    self.options = options
    self.padding = padding
    self.maximumLength = maximumLength
    self.featureStore = featureStore
    self.phases = phases
    self.rebuild = rebuild
    var optimiser = AdamW(learningRate: options.learningRate ?? 0)
    optimiser.weightDecay = options.weightDecay
    optimiser.decay = options.decay
    optimiser.beta1 = options.beta1
    optimiser.beta2 = options.beta2
    optimiser.epsilon = options.epsilon
    self.optimiser = optimiser
    self.rates = rates
    let total = Trainer.updates(training.count, options) * options.epochs
    schedule = LearningRateSchedule(
      decay: options.schedule, warmupSteps: options.warmup.steps(of: total), totalSteps: total)
    objective = Objective(
      task,
      crossEntropy: CrossEntropy(
        labelSmoothing: options.labelSmoothing,
        classWeights: options.balancesLabels
          ? Trainer.balancedWeights(training.targets.labels, classes: model.labelCount) : nil))
  }

  /// Updates in one epoch.
  package static func updates(_ examples: Int, _ options: TrainingOptions) -> Int {
    let size = options.batchSize * options.accumulation
    return (examples + size - 1) / size
  }

  /// Batches in one epoch: the last batch of an update may be smaller than the others.
  static func batches(_ examples: Int, _ options: TrainingOptions) -> Int {
    let size = options.batchSize * options.accumulation
    let rest = examples % size
    return examples / size * options.accumulation
      + (rest + options.batchSize - 1) / options.batchSize
  }

  /// Weights that give every label the same share: n / (K · count), as scikit-learn's "balanced".
  static func balancedWeights(_ labels: [Int], classes: Int) -> [Double] {
    var counts = [Int](repeating: 0, count: classes)
    for label in labels { counts[label] += 1 }
    return counts.map { $0 == 0 ? 0 : Double(labels.count) / Double(classes * $0) }
  }

  // MARK: Running

  /// Trains until the last epoch or until the patience ends; leaves the best rows in the model.
  ///
  /// - Parameter onEvent: is called with what happens; throwing from it stops the run, and what was stored
  ///   at the last epoch's end can be resumed.
  package func run(onEvent: (TrainingRun.Event) throws -> Void) throws {
    try demandFiniteWeights(belowCut: false)
    while state.epoch < options.epochs, !isExhausted {
      try runEpoch(onEvent: onEvent)
    }
    restoreBest()
  }

  /// - Throws: `FineTuningError` that names the first weight above the cut, or below it, that is not finite. Training
  ///   would only find a loss that is not a number, which looks like a learning rate that is too high.
  func demandFiniteWeights(belowCut: Bool) throws(FineTuningError) {
    for parameter in model.parameters.parameters
    where model.cut.isAbove(parameter.stage) == belowCut {
      let elements = parameter.values.elements
      guard !model.math.sumOfSquares(elements).isFinite else { continue }
      for index in 0..<elements.count where !elements[index].isFinite {
        throw .notFinite(parameter.name, elements[index], at: index)
      }
    }
  }

  /// Whether the patience has ended.
  package var isExhausted: Bool { options.patience.map { state.staleEpochs >= $0 } ?? false }

  private func runEpoch(onEvent: (TrainingRun.Event) throws -> Void) throws {
    let clock = ContinuousClock()
    let start = clock.now
    try beginPhase()
    let cached = try prepareTrainingFeatures(onEvent: onEvent)
    let order = Trainer.order(count: training.count, seed: options.seed, epoch: state.epoch)
    let updateSize = options.batchSize * options.accumulation
    let updates = Trainer.updates(training.count, options)
    var totalLoss = 0.0
    var totalWeight = 0.0
    var correct: Int?
    var tokens = 0
    var rate = 0.0
    let stepsStart = clock.now
    for update in 0..<updates {
      let indices = order[update * updateSize..<min((update + 1) * updateSize, order.count)]
      let divisor = indices.reduce(0) { $0 + objective.weight(of: training.targets[$1]) }
      rate = optimiser.learningRate * schedule.factor(at: state.step)
      let result = try self.update(Array(indices), divisor: max(divisor, .leastNonzeroMagnitude))
      totalLoss += result.loss * divisor
      totalWeight += divisor
      if let right = result.correct { correct = (correct ?? 0) + right }
      tokens += indices.reduce(0) { $0 + training.ids[$1].count }
      try onEvent(
        .step(
          epoch: state.epoch + 1, step: update + 1, of: updates, loss: result.loss,
          tokensPerSecond: Double(tokens) / max(1e-9, seconds(clock.now - stepsStart))))
    }
    let trainSeconds = seconds(clock.now - start)
    model.math.releaseIdleMemory()
    try prepareEvaluationFeatures(onEvent: onEvent)
    let metrics = try evaluate()
    state.epoch += 1
    var record = EpochRecord(
      epoch: state.epoch, step: state.step,
      trainLoss: totalLoss / max(totalWeight, .leastNonzeroMagnitude),
      trainAccuracy: correct.map { Double($0) / Double(training.count) },
      evalLoss: metrics.loss, learningRate: rate, seconds: trainSeconds,
      tokensPerSecond: Double(tokens) / max(1e-9, trainSeconds), cached: cached, isBest: false)
    record.take(metrics)
    record.isBest = improves(record)
    if record.isBest {
      state.bestEpoch = state.epoch
      state.staleEpochs = 0
      for index in state.records.indices { state.records[index].isBest = false }
    } else {
      state.staleEpochs += 1
    }
    state.records.append(record)
    model.math.releaseIdleMemory()
    if record.isBest { try keepBest() }
    try onEvent(.epoch(record))
  }

  /// One update over `indices`: forward and backward for each batch, clipping, AdamW.
  func update(
    _ indices: [Int], divisor: Double
  ) throws -> (loss: Double, correct: Int?) {
    var total = 0.0
    var correct: Int?
    let parameters = model.parameters.trained
    for start in stride(from: 0, to: indices.count, by: options.batchSize) {
      let part = Array(indices[start..<min(start + options.batchSize, indices.count)])
      let targets = part.map { training.targets[$0] }
      let streams = DropoutStreams(seed: options.seed, step: state.batches)
      state.batches += 1
      let batch = batch(part, of: training)
      let features =
        trainingFeatures?.rows(of: part)
        ?? model.prefix(batch, dropout: options.usesTrunkDropout ? streams : nil)
      let (logits, tape) = model.forward(
        batch, features: features, recording: true,
        dropout: options.usesDropout || options.usesTrunkDropout ? streams : nil)
      let dLogits = Matrix(rows: logits.rows, columns: logits.columns)
      total += objective.forward(
        dLogits: dLogits, logits: logits, targets: targets, divisor: divisor)
      if let right = objective.correct(logits, targets) { correct = (correct ?? 0) + right }
      model.backward(dLogits: dLogits, tape: tape)
    }
    let norm = AdamW.gradientNorm(parameters, math: model.math)
    guard total.isFinite, norm.isFinite else { throw divergence(loss: total, parameters) }
    let factor = schedule.factor(at: state.step)
    optimiser.step(
      parameters, rate: { rates[$0.name] * factor },
      gradientScale: options.maximumGradientNorm > 0
        ? AdamW.clipFactor(norm: norm, maximum: options.maximumGradientNorm) : 1,
      math: model.math)
    state.step += 1
    return (total, correct)
  }

  private func divergence(loss: Double, _ parameters: [Parameter]) -> FineTuningError {
    let culprit = parameters.first { parameter in
      parameter.training.map { !model.math.sumOfSquares($0.gradient.elements).isFinite } ?? false
    }
    return .diverged(step: state.step + 1, gradientOf: culprit?.name, loss: loss)
  }

  /// What of a batch the model needs: with features at the pooled vectors, no tokens at all.
  private func batch(_ indices: [Int], of data: TokenizedDataset) -> PackedBatch {
    model.cut == .pooled && !options.usesTrunkDropout && trainingFeatures != nil
      ? PackedBatch([]) : data.batch(indices, padding: padding)
  }

  // MARK: Order

  /// A permutation of the examples that depends on seed and epoch alone.
  static func order(count: Int, seed: UInt64, epoch: Int) -> [Int] {
    var generator = SplitMix64(
      seed: seed ^ (UInt64(truncatingIfNeeded: epoch) &+ 1) &* 0xD134_2543_DE82_EF95)
    return generator.shuffled(Array(0..<count))
  }
}

func seconds(_ duration: Duration) -> Double {
  Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
}

/// The index of the largest logit of each row; the first of equals.
package func predictions(_ logits: Matrix) -> [Int] {
  (0..<logits.rows).map { row in
    var best = 0
    for column in 1..<max(1, logits.columns) where logits[row, column] > logits[row, best] {
      best = column
    }
    return best
  }
}
