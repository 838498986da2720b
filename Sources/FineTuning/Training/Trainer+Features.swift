internal import CheckpointFiles

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

  /// What the features of `data` depend on; `nil` when nothing keeps them. The weights are read once.
  func featureEntry(of data: TokenizedDataset) throws -> FeatureStore.Entry? {
    guard let store = featureStore ?? journalFolder.map(FeatureStore.init(folder:)) else {
      return nil
    }
    let digest: String
    if let prefixDigest, prefixDigest.cut == model.cut {
      digest = prefixDigest.digest
    } else {
      digest = try FeatureStore.digest(model, precision: options.precision, tensorDigests)
      prefixDigest = (model.cut, digest)
    }
    return store.entry(model, digest: digest, data, padding: padding)
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
    var isKept = true
    func fail(_ error: any Error) throws {
      // The features are at hand: a full disk takes nothing from this run.
      isKept = false
      try onEvent(.note("the cache is not kept: \(error)"))
    }
    let journalPath = try entry.flatMap { try self.journalPath($0) }
    var journal: FeatureJournal?
    if let entry, let journalPath {
      do { journal = try FeatureJournal(journalPath, of: entry) } catch { try fail(error) }
    }
    let cache = try FeatureCache(
      model, data, padding: padding, groupTokens: Trainer.groupTokens(model.configuration),
      memoryLimit: options.cacheMemory, journal: journal,
      onJournalFailure: { error in
        // What the run itself stores needs the room.
        if let journalPath { WholeFile.remove(journalPath) }
        try fail(error)
      }
    ) { try onEvent(.caching(done: $0, total: total)) }
    model.math.releaseIdleMemory()
    if let featureStore, let entry, let cache, isKept {
      do {
        try featureStore.write(cache.features, as: entry)
        if let journalPath { WholeFile.remove(journalPath) }
      } catch { try fail(error) }
    }
    return (cache, cache?.isRestored ?? false)
  }

  /// Where the features are kept while they are computed: in the folder of the cache, or in that of the run until it
  /// ends. `nil` when the run has neither.
  private func journalPath(_ entry: FeatureStore.Entry) throws -> String? {
    if let featureStore {
      // A run may be the first one to use the folder.
      do { return try featureStore.journalPath(entry) } catch { return nil }
    }
    return journalFolder.map {
      Path.join($0, Trainer.journalPrefix + entry.digest.prefix(16) + Trainer.journalEnding)
    }
  }

  private static let (journalPrefix, journalEnding) = ("frozen-trunk-", ".espalier")

  /// Removes what ``features(of:onEvent:)`` kept in the folder of the run.
  func removeJournals() {
    guard let journalFolder else { return }
    for name in FileSystem.names(inFolder: journalFolder)
    where name.begins(with: Trainer.journalPrefix) && name.ends(with: Trainer.journalEnding) {
      WholeFile.remove(Path.join(journalFolder, name))
    }
  }
}
