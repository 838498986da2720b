internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// Trains a classifier: epochs over shuffled data, AdamW, evaluation, and the best rows kept.
package final class Trainer {
  package let model: Classifier
  let training: TokenizedDataset
  let evaluation: TokenizedDataset
  package let options: TrainingOptions
  let padding: (length: Int, token: Int32)?
  let optimiser: AdamW
  let rates: LearningRates
  let schedule: LearningRateSchedule
  let loss: CrossEntropy
  package private(set) var state = TrainingState()
  private var best: BestRows?
  /// What trained in an earlier part of the run, under another mask.
  private(set) var former: OrderedDictionary<Key, (rows: RowSet, values: Tensor)> = [:]
  private var trainingFeatures: FeatureCache?
  private var evaluationFeatures: FeatureCache?

  /// Tokens in one pass without a backward: enough to keep the matrix product at its peak, few enough
  /// that what a layer hands on stays small.
  static func groupTokens(_ configuration: BERTConfiguration) -> Int {
    max(512, min(2048, 800_000 / max(1, configuration.hiddenSize)))
  }

  /// What happens during a run.
  package enum Event {
    /// The frozen prefix has been computed for `done` of `total` tokens.
    case caching(done: Int, total: Int)
    /// An update was made.
    case step(epoch: Int, step: Int, of: Int, loss: Double, tokensPerSecond: Double)
    /// An epoch ended; the state is complete and may be stored.
    case epoch(EpochRecord)
  }

  package init(
    model: Classifier, training: TokenizedDataset, evaluation: TokenizedDataset,
    options: TrainingOptions, rates: LearningRates,
    padding: (length: Int, token: Int32)?
  ) throws {
    try options.validate()
    guard training.count > 0 else { throw FineTuningError("the training data has no examples") }
    self.model = model
    self.training = training
    self.evaluation = evaluation
    self.options = options
    self.padding = padding
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
    loss = CrossEntropy(
      labelSmoothing: options.labelSmoothing,
      classWeights: options.balancesLabels
        ? Trainer.balancedWeights(training.labels, classes: model.labelCount) : nil)
  }

  /// Updates in one epoch.
  package static func updates(_ examples: Int, _ options: TrainingOptions) -> Int {
    let size = options.batchSize * options.accumulation
    return (examples + size - 1) / size
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
  /// - Parameter onEvent: is told what happens; throwing from it stops the run, and what was stored
  ///   at the last epoch's end can be resumed.
  package func run(onEvent: (Event) throws -> Void) throws {
    while state.epoch < options.epochs, !isExhausted {
      try runEpoch(onEvent: onEvent)
    }
    restoreBest()
  }

  /// Whether the patience has ended.
  package var isExhausted: Bool { options.patience.map { state.staleEpochs >= $0 } ?? false }

  private func runEpoch(onEvent: (Event) throws -> Void) throws {
    let clock = ContinuousClock()
    let start = clock.now
    let cached = trainingFeatures != nil
    try computeTrainingFeatures(onEvent: onEvent)
    let order = Trainer.order(count: training.count, seed: options.seed, epoch: state.epoch)
    let updateSize = options.batchSize * options.accumulation
    let updates = Trainer.updates(training.count, options)
    var totalLoss = 0.0
    var totalWeight = 0.0
    var correct = 0
    var tokens = 0
    var rate = 0.0
    let stepsStart = clock.now
    for update in 0..<updates {
      let indices = order[update * updateSize..<min((update + 1) * updateSize, order.count)]
      let divisor = indices.reduce(0) { $0 + loss.weight(of: training.labels[$1]) }
      rate = optimiser.learningRate * schedule.factor(at: state.step)
      let result = try self.update(Array(indices), divisor: max(divisor, .leastNonzeroMagnitude))
      totalLoss += result.loss * divisor
      totalWeight += divisor
      correct += result.correct
      tokens += indices.reduce(0) { $0 + training.ids[$1].count }
      try onEvent(
        .step(
          epoch: state.epoch + 1, step: update + 1, of: updates, loss: result.loss,
          tokensPerSecond: Double(tokens) / max(1e-9, seconds(clock.now - stepsStart))))
    }
    let trainSeconds = seconds(clock.now - start)
    try computeEvaluationFeatures(onEvent: onEvent)
    let metrics = try evaluate()
    state.epoch += 1
    var record = EpochRecord(
      epoch: state.epoch, step: state.step,
      trainLoss: totalLoss / max(totalWeight, .leastNonzeroMagnitude),
      trainAccuracy: Double(correct) / Double(training.count),
      evalLoss: metrics.loss, evalAccuracy: metrics.metrics.accuracy,
      evalF1: metrics.metrics.macroF1, learningRate: rate, seconds: trainSeconds,
      tokensPerSecond: Double(tokens) / max(1e-9, trainSeconds), cached: cached, isBest: false)
    record.isBest = improves(record)
    if record.isBest {
      state.bestEpoch = state.epoch
      state.staleEpochs = 0
      for index in state.records.indices { state.records[index].isBest = false }
    } else {
      state.staleEpochs += 1
    }
    state.records.append(record)
    if record.isBest { try keepBest() }
    try onEvent(.epoch(record))
  }

  /// One update over `indices`: forward and backward for each batch, clipping, AdamW.
  func update(
    _ indices: [Int], divisor: Double
  ) throws -> (loss: Double, correct: Int) {
    var total = 0.0
    var correct = 0
    let parameters = model.parameters.trained
    for start in stride(from: 0, to: indices.count, by: options.batchSize) {
      let part = Array(indices[start..<min(start + options.batchSize, indices.count)])
      let labels = part.map { training.labels[$0] }
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
      total += loss.forward(dLogits: dLogits, logits: logits, labels: labels, divisor: divisor)
      correct += zip(labels, predictions(logits)).count { $0 == $1 }
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
    let place =
      culprit.map { "the gradient of \(quoted($0.name)) is not finite" } ?? "the loss is \(loss)"
    return FineTuningError(
      "step \(state.step + 1): \(place); lower the learning rate. The last epoch's state is kept")
  }

  /// What of a batch the model needs: with features at the pooled vectors, no tokens at all.
  private func batch(_ indices: [Int], of data: TokenizedDataset) -> PackedBatch {
    model.cut == .pooled && !options.usesTrunkDropout && trainingFeatures != nil
      ? PackedBatch([]) : data.batch(indices, padding: padding)
  }

  /// Computes the frozen prefix of the training data, unless it is there.
  private func computeTrainingFeatures(onEvent: (Event) throws -> Void) throws {
    guard trainingFeatures == nil else { return }
    trainingFeatures = try features(of: training) {
      try onEvent(.caching(done: $0, total: $1))
    }
  }

  /// The same for the evaluation data: evaluating pays for it, not training.
  private func computeEvaluationFeatures(onEvent: (Event) throws -> Void) throws {
    guard evaluationFeatures == nil else { return }
    evaluationFeatures = try features(of: evaluation) {
      try onEvent(.caching(done: $0, total: $1))
    }
  }

  private func paddedTokens(_ data: TokenizedDataset) -> Int {
    data.ids.reduce(0) { $0 + max($1.count, padding?.length ?? 0) }
  }

  /// Takes features that were computed elsewhere, of the same examples by a model with the same
  /// frozen prefix.
  func adopt(training: FeatureCache?, evaluation: FeatureCache?) {
    trainingFeatures = training
    evaluationFeatures = evaluation
  }

  /// The frozen prefix's output for every example of `data`; `nil` when there is none to keep.
  func features(
    of data: TokenizedDataset, progress: (_ done: Int, _ total: Int) throws -> Void
  ) throws -> FeatureCache? {
    guard !options.usesTrunkDropout, model.cut != .start else { return nil }
    let total = paddedTokens(data)
    return try FeatureCache(
      model, data, padding: padding, groupTokens: Trainer.groupTokens(model.configuration),
      memoryLimit: options.cacheMemory
    ) { try progress($0, total) }
  }

  // MARK: Evaluating

  /// Loss and metrics on the evaluation data, without dropout.
  ///
  /// - Parameter labelNames: the labels' names; their numbers when there are none.
  package func evaluate(
    labelNames: [String]? = nil
  ) throws -> (loss: Double, metrics: ClassificationMetrics) {
    let logits = Trainer.logits(
      model, evaluation, features: evaluationFeatures, padding: padding)
    let plain = CrossEntropy()
    let value = plain.forward(
      dLogits: nil, logits: logits, labels: evaluation.labels,
      divisor: Double(max(1, evaluation.count)))
    let metrics = ClassificationMetrics(
      logits: (0..<logits.rows).map { logits.row($0).array }, labels: evaluation.labels,
      labelNames: labelNames ?? (0..<model.labelCount).map(String.init))
    return (value, metrics)
  }

  /// The logits `[N, K]` of every example, in order.
  package static func logits(
    _ model: Classifier, _ data: TokenizedDataset, features: FeatureCache?,
    padding: (length: Int, token: Int32)?
  ) -> Matrix {
    let out = Matrix(rows: data.count, columns: model.labelCount)
    for group in data.groups(
      ofTokens: groupTokens(model.configuration), paddedTo: padding?.length)
    {
      let batch = data.batch(group, padding: padding)
      let values = model.forward(
        batch, features: features?.rows(of: group) ?? model.prefix(batch), recording: false,
        dropout: nil
      ).logits
      out.rows(group).assign(values)
    }
    return out
  }

  /// Whether `record` is better than the best so far. NaN never is; of equals the earliest stays.
  private func improves(_ record: EpochRecord) -> Bool {
    guard record.evalLoss.isFinite else { return false }
    guard let best = state.records.last(where: \.isBest) else { return true }
    switch options.criterion {
    case .loss: return record.evalLoss < best.evalLoss
    case .accuracy:
      return (record.evalAccuracy, -record.evalLoss) > (best.evalAccuracy, -best.evalLoss)
    case .f1: return (record.evalF1, -record.evalLoss) > (best.evalF1, -best.evalLoss)
    }
  }

  // MARK: State

  /// Copies the rows that train: they are the best so far.
  private func keepBest() throws {
    let trained = model.parameters.trained
    if best == nil { best = try BestRows(trained) }
    best?.copy(trained)
  }

  /// Puts the best epoch's rows into the model.
  private func restoreBest() { best?.restore(model.parameters.trained) }

  /// The state at the end of an epoch, to be stored at once: it looks at the rows that train.
  func snapshot(settings: JSONValue, invocation: [String]) throws -> Checkpoint {
    try state.checkpoint(
      settings: settings, invocation: invocation, parameters: model.parameters.trained,
      former: former, best: state.bestEpoch == state.epoch ? nil : best)
  }

  /// Goes on from a stored run, whose rows the model's checkpoint already holds: moments by name,
  /// counters, records. With other rows than before, the best epoch is looked for from here on, for
  /// the earlier ones trained something else.
  ///
  /// - Throws: `FineTuningError` when the state is broken.
  func resume(_ stored: StoredRun) throws -> Resumption {
    let trained = model.parameters.trained
    let resumption = stored.comparison(with: trained)
    for (name, rows) in stored.former { try keepFormer(name, rows) }
    try TrainingState.restoreMoments(trained, from: stored.checkpoint)
    state = stored.state
    if resumption.isUnchanged {
      if state.bestEpoch == state.epoch {
        try keepBest()
      } else if state.bestEpoch != nil {
        let rows = try BestRows(trained)
        try TrainingState.restoreBest(rows, trained, from: stored.checkpoint)
        best = rows
      }
    } else {
      guard state.epoch < options.epochs else {
        throw FineTuningError(
          "\(stored.folder): all \(options.epochs) epochs are done, so nothing is left for another "
            + "mask; train from the finished model with --model \(stored.folder)")
      }
      state.bestEpoch = nil
      state.staleEpochs = 0
      for index in state.records.indices { state.records[index].isBest = false }
      for (name, rows) in stored.rows { try keepFormer(name, rows) }
    }
    return resumption
  }

  /// Remembers rows that trained before, as far as they do not train now.
  private func keepFormer(_ name: Key, _ rows: RowSet) throws {
    guard let parameter = model.parameters.find(name.string) else { return }
    let frozen = rows.union(former[name]?.rows ?? RowSet([])).subtracting(RowSet(parameter.rows))
    former[name] =
      frozen.isEmpty ? nil : (frozen, try parameter.stacked(frozen.ranges).tensor())
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
