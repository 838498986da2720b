internal import CheckpointFiles
internal import ParameterSurgery

extension TrainingPlan {
  /// The plan of a run that is ready to start.
  ///
  /// - Throws: when the digest of the frozen prefix cannot be computed.
  init(
    _ trainer: Trainer, settings: ClassifierSettings, columns: DataColumns?, notes: [TrainingNote]
  ) throws {
    let (model, options, padding) = (trainer.model, trainer.options, trainer.padding)
    let (training, evaluation) = (trainer.training, trainer.evaluation)
    let store = model.parameters
    let reached = max(1, trainer.state.epoch)
    let first = trainer.phases.lastIndex { $0.firstEpoch <= reached } ?? 0
    let outlines = trainer.phases[first...].map { ($0, PhaseOutline($0, store)) }
    let outline = outlines[0].1

    self.columns = columns
    pooling = settings.pooling
    labels = TrainingPlan.counts(settings, training.targets, evaluation.targets)
    let numbers = settings.task == .regression ? training.targets.values : []
    values = numbers.min().flatMap { least in numbers.max().map { least...$0 } }
    tensors = outline.tensors(trainer.rates, peak: trainer.schedule.peak)
    parameterCount = store.parameters.reduce(0) { $0 + $1.shape.count }
    backwardStop = outline.backwardStop
    cached = outline.cached(options)
    func sizes(_ outline: PhaseOutline) -> [Int] {
      outline.cached(options) == nil
        ? []
        : [training, evaluation].map {
          FeatureCache.byteCount(model, cut: outline.cut, $0, paddedTo: padding?.length)
        }
    }
    let firstSizes = sizes(outline)
    cacheBytes = firstSizes.reduce(0, +)
    cacheSpills = firstSizes.contains { $0 > options.cacheMemory }
    let features = cached == nil ? nil : trainer.featureStore
    cacheFolder = features?.folder
    let isStored =
      try features.map { features in
        try [training, evaluation].allSatisfy { data in
          try trainer.featureEntry(of: data).map(features.holds) ?? false
        }
      } ?? false
    cacheIsStored = isStored
    trunkDropout = options.usesTrunkDropout
    examples = training.count
    tokens = training.tokenCount
    evaluationExamples = evaluation.count
    steps = Trainer.updates(training.count, options) * options.epochs
    learningRate = (options.learningRate ?? 0) * trainer.schedule.peak
    maximumLength = trainer.maximumLength
    cutExamples = training.cutCount
    cutEvaluationExamples = evaluation.cutCount
    let untouched = UntouchedRows(of: trainer)
    untouchedRows = untouched
    self.notes = notes + (untouched.map { [$0.note] } ?? [])

    func cost(_ outline: PhaseOutline) -> CostModel {
      CostModel(model: model, outline: outline, options: options, padding: padding)
    }
    func memory(_ outline: PhaseOutline, isStored: Bool = false) -> Int {
      let kept = sizes(outline).reduce(0) { $0 + ($1 > options.cacheMemory ? 0 : $1) }
      return cost(outline).memory(training, cacheBytes: isStored ? 0 : kept)
    }
    expectedMemory = outlines.dropFirst().reduce(memory(outline, isStored: isStored)) {
      max($0, memory($1.1))
    }
    let rate = cost(outline).measuredRate()
    expectedLaterEpoch = cost(outline).laterEpoch(training, evaluation) / rate
    expectedFirstEpoch =
      expectedLaterEpoch
      + (cached != nil && !isStored ? cost(outline).prefix(training, evaluation) / rate : 0)

    var phases: [Phase] = []
    for (index, (phase, next)) in outlines.enumerated().dropFirst() {
      let before = outlines[index - 1].1
      let known = Dictionary(
        uniqueKeysWithValues: before.trained.map { ($0.parameter.name, $0.rows) })
      phases.append(
        Phase(
          firstEpoch: phase.firstEpoch, selectors: phase.selectors,
          tensors: zip(next.tensors(trainer.rates, peak: trainer.schedule.peak), next.trained)
            .filter {
              known[$1.parameter.name] != $1.rows
            }.map(\.0),
          addedCount: next.count - before.count, trainedCount: next.count,
          backwardStop: next.backwardStop, cached: next.cached(options),
          cacheBytes: sizes(next).reduce(0, +),
          keepsCache: next.cut == before.cut && next.cached(options) != nil,
          expectedEpoch: cost(next).laterEpoch(training, evaluation) / rate))
    }
    self.phases = phases
  }

  /// How many examples have each label.
  private static func counts(
    _ settings: ClassifierSettings, _ training: [Target], _ evaluation: [Target]
  ) -> [LabelCount] {
    guard settings.task != .regression else { return [] }
    func counts(_ targets: [Target]) -> [Int] {
      var counts = [Int](repeating: 0, count: settings.labels.count)
      for target in targets {
        switch target {
        case .label(let label): counts[label] += 1
        case .labels(let labels): for label in labels { counts[label] += 1 }
        case .value: break
        }
      }
      return counts
    }
    return zip(settings.labels, zip(counts(training), counts(evaluation))).map {
      LabelCount(name: $0, training: $1.0, evaluation: $1.1)
    }
  }
}

extension TrainingPlan.UntouchedRows {
  /// Those of the word embeddings; `nil` when every row that trains has a token in a training text.
  init?(of trainer: Trainer) {
    let words = trainer.model.parameters[role: "embeddings.word_embeddings.weight"]
    guard words.trains else { return nil }
    var isTouched = [Bool](repeating: false, count: words.values.rows)
    for ids in trainer.training.ids {
      for id in ids where Int(id) < isTouched.count { isTouched[Int(id)] = true }
    }
    if let padding = trainer.padding { isTouched[Int(padding.token)] = true }
    // This row never receives a gradient.
    if let token = trainer.model.configuration.paddingToken, isTouched.indices.contains(token) {
      isTouched[token] = false
    }
    let count = words.rows.reduce(0) { $0 + isTouched[$1].count { !$0 } }
    guard count > 0 else { return nil }
    name = words.name
    trained = words.rows.reduce(0) { $0 + $1.count }
    untouched = count
    decays = trainer.optimiser.weightDecay(of: words) > 0
  }

  /// What to say of them.
  fileprivate var note: TrainingNote {
    TrainingNote(
      "\(grouped(untouched)) of the \(Text.counted(trained, "row")) of \(quoted(name)) that train belong to no token of the training "
        + "texts and receive no gradient: "
        + (decays ? "they would only decay" : "they would not change"))
  }
}
