extension Trainer {
  /// Computes the frozen prefix of the training data or reads it, unless it is there. Returns whether
  /// nothing had to be computed.
  func prepareTrainingFeatures(onEvent: (TrainingRun.Event) throws -> Void) throws -> Bool {
    if trainingFeatures != nil { return true }
    let found = try features(of: training, onEvent: onEvent)
    trainingFeatures = found.features
    return found.wasKept
  }

  /// The same for the evaluation data: evaluating pays for it, not training.
  func prepareEvaluationFeatures(onEvent: (TrainingRun.Event) throws -> Void) throws {
    guard evaluationFeatures == nil else { return }
    evaluationFeatures = try features(of: evaluation, onEvent: onEvent).features
  }

  /// Takes features that were computed elsewhere, of the same examples by a model with the same
  /// frozen prefix.
  func adopt(training: FeatureCache?, evaluation: FeatureCache?) {
    trainingFeatures = training
    evaluationFeatures = evaluation
  }

  /// Where the store keeps the features of `data`; `nil` without a store. The weights are read once.
  func featureEntry(of data: TokenizedDataset) throws -> FeatureStore.Entry? {
    guard let featureStore else { return nil }
    let digest: String
    if let prefixDigest, prefixDigest.cut == model.cut {
      digest = prefixDigest.digest
    } else {
      digest = try FeatureStore.digest(model, precision: options.precision, tensorDigests)
      prefixDigest = (model.cut, digest)
    }
    return featureStore.entry(model, digest: digest, data, padding: padding)
  }

  /// The frozen prefix's output for every example of `data`, from the store if it is there, and
  /// whether it was; no features when there is none to keep.
  func features(
    of data: TokenizedDataset, onEvent: (TrainingRun.Event) throws -> Void
  ) throws -> (features: FeatureCache?, wasKept: Bool) {
    guard !options.usesTrunkDropout, model.cut != .start else { return (nil, false) }
    let entry = try featureEntry(of: data)
    if let featureStore, let entry {
      do {
        if let found = try featureStore.read(entry) {
          return (FeatureCache(model, data, paddedTo: padding?.length, features: found), true)
        }
      } catch {
        try onEvent(.note("\(error); computed and written again"))
      }
    }
    try demandFiniteWeights(belowCut: true)
    let total = data.ids.reduce(0) { $0 + max($1.count, padding?.length ?? 0) }
    let cache = try FeatureCache(
      model, data, padding: padding, groupTokens: Trainer.groupTokens(model.configuration),
      memoryLimit: options.cacheMemory
    ) { try onEvent(.caching(done: $0, total: total)) }
    model.math.releaseIdleMemory()
    if let featureStore, let entry, let cache {
      // The features are at hand: a full disk takes nothing from this run.
      do { try featureStore.write(cache.features, as: entry) } catch {
        try onEvent(.note("the cache is not kept: \(error)"))
      }
    }
    return (cache, false)
  }
}
