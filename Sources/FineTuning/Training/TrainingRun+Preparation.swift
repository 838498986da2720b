internal import CheckpointFiles
internal import ParameterSurgery

extension TrainingRun {
  /// - Throws: `FineTuningError` when options do not go with what is predicted.
  static func demandFit(
    _ options: TrainingOptions, _ task: PredictionTask
  ) throws(FineTuningError) {
    guard task.criteria.contains(options.criterion) else {
      throw .otherCriterion(options.criterion, than: task.criteria, for: task)
    }
    guard task == .classification || options.labelSmoothing == 0 && !options.balancesLabels else {
      throw .weighedLabels(for: task)
    }
  }

  /// What to say of what the model's file holds and no one can read.
  ///
  /// - Throws: `CheckpointError` when that may not be left out.
  static func foreignNotes(_ request: Request) throws(CheckpointError) -> [TrainingNote] {
    let checkpoint = request.model.checkpoint
    guard request.ignoresForeign else {
      try checkpoint.refuseForeign()
      return []
    }
    let notes =
      checkpoint.unsupported.map { "\(quoted($0.key.string)) is left out: \($0.reason)" }
      + checkpoint.foreignGlobals.map { "values of \(quoted($0)) are left out" }
    return notes.prefix(5).map { "\(checkpoint.path): \($0)" as TrainingNote }
      + (notes.count > 5 ? ["… and \(notes.count - 5) more of that kind"] : [])
  }

  static func featureStore(in folder: String) throws -> FeatureStore {
    if WholeFile.exists(folder), !WholeFile.isFolder(folder) {
      throw FineTuningError.cacheIsFile(folder)
    }
    let ground = FolderCreation.ground(of: folder)
    guard WholeFile.isFolder(ground), WholeFile.isWritable(ground) else {
      throw FineTuningError.cacheNotWritable(folder)
    }
    return FeatureStore(folder: folder)
  }

  /// - Throws: `FineTuningError` when unfreezing something would let nothing more train.
  static func demandGrowth(
    _ phases: [TrainingPhase], _ store: ParameterStore
  ) throws(FineTuningError) {
    for (before, phase) in zip(phases, phases.dropFirst()) {
      let grows = store.parameters.contains {
        before.rows(of: $0, in: store) != phase.rows(of: $0, in: store)
      }
      guard !grows else { continue }
      throw .unfreezesNothing(phase.selectors, atEpoch: phase.firstEpoch)
    }
  }

  /// What to say of the files: what they hold that is probably not meant, and columns that differ.
  static func notes(_ training: LabelledDataset, _ evaluation: LabelledDataset?) -> [String] {
    guard let evaluation else { return training.notes }
    var notes = training.notes + evaluation.notes.filter { !training.notes.contains($0) }
    if let columns = evaluation.columns, let path = evaluation.path, columns != training.columns {
      notes.append("\(path): other columns than in the training data: \(columns)")
    }
    return notes
  }

  /// What to say of texts that are longer than the longest sequence; `nil` when there are none.
  static func note(
    onCut training: TokenizedDataset, _ evaluation: TokenizedDataset,
    _ settings: ClassifierSettings, most: Int
  ) -> TrainingNote? {
    guard training.cutCount + evaluation.cutCount > 0 else { return nil }
    let length = settings.maximumLength
    return TrainingNote(
      "\(grouped(training.cutCount)) of \(Text.counted(training.count, "text")) to train and "
        + "\(grouped(evaluation.cutCount)) of \(grouped(evaluation.count)) to evaluate are longer than "
        + "\(length) tokens and are cut there"
        + (length < most ? "" : ", the most that the model reads"),
      advice: length < most ? [.raiseMaximumLength(most)] : [])
  }

  /// What to say when the warm-up does not end before the run; `nil` when it does.
  static func note(
    onWarmup schedule: LearningRateSchedule, rate: Double
  ) -> TrainingNote? {
    guard schedule.warmupSteps >= schedule.totalSteps else { return nil }
    return TrainingNote(
      "the warm-up of \(grouped(schedule.warmupSteps)) updates is as long as the run of "
        + "\(grouped(schedule.totalSteps)) or longer: the learning rate never reaches \(rate)")
  }

  /// What to say of parts of a new head that never train; `nil` when all do.
  static func note(
    onUntrained head: Head, _ phase: TrainingPhase, _ store: ParameterStore
  ) -> TrainingNote? {
    let parts = store.parameters.filter { $0.stage == .head }
    let frozen = parts.filter { phase.rows(of: $0, in: store).isEmpty }
    guard !frozen.isEmpty else { return nil }
    return TrainingNote(
      "the new head \(head) "
        + (frozen.count == parts.count
          ? "does not train and keeps its random values"
          : "trains in part: the random values of \(listed(frozen.map(\.name))) stay"),
      advice: [.trainHead])
  }

  /// The checkpoint with a head, and the labels it has room for.
  struct Prepared {
    var checkpoint: Checkpoint
    var head: Head
    var labelCount: Int
    /// Whether the head is new.
    var isNew: Bool
  }

  static func prepare(_ request: Request, notes: inout [TrainingNote]) throws -> Prepared {
    let found = try Head.found(in: request.model.checkpoint)
    if let found {
      if let head = request.head, head != found.head {
        throw FineTuningError.otherHead(found.head, asked: head, of: request.model.name)
      }
      return Prepared(
        checkpoint: request.model.checkpoint, head: found.head, labelCount: found.labels,
        isNew: false)
    }
    let task = request.training.task
    let labels = task == .regression ? 1 : request.training.labels.count
    guard labels >= 1 else {
      throw FineTuningError.noLabels
    }
    guard labels >= 2 || task != .classification else {
      throw FineTuningError.oneLabel(request.training.labels.first ?? "")
    }
    let graft: Graft.Head
    switch request.head {
    case .mlp(let width): graft = .mlp(width: width)
    case .linear: graft = .linear
    case .classifier:
      return try preparedClassifier(request, labels: labels, notes: &notes)
    case nil:
      throw FineTuningError.noHead(request.model.name)
    }
    let prefix = try BERTParameters.prefix(in: request.model.checkpoint)
    let checkpoint = try request.model.checkpoint.grafting(
      Graft(
        head: graft, labels: labels,
        prefix: prefix.isEmpty ? request.model.configuration.family.member + "." : "",
        seed: request.options.seed, hiddenSize: request.model.configuration.hiddenSize))
    return Prepared(
      checkpoint: checkpoint, head: request.head ?? .linear, labelCount: labels, isNew: true)
  }

  /// The checkpoint with the head of its family's own class.
  private static func preparedClassifier(
    _ request: Request, labels: Int, notes: inout [TrainingNote]
  ) throws -> Prepared {
    let model = request.model
    let graft = try ClassifierGraft(
      model.checkpoint, model.configuration, json: model.configurationJSON, labels: labels,
      seed: request.options.seed)
    if request.resuming == nil {
      let family = model.configuration.family
      notes.append(
        TrainingNote(
          "the new head is that of \(family.classifierClass), which pools with "
            + family.classifierPooling.rawValue))
      if graft.addsPooler {
        notes.append(
          "\(model.name): the checkpoint has no pooler, which \(family.classifierClass) needs: a new one is added"
        )
      }
    }
    return Prepared(
      checkpoint: graft.checkpoint, head: .classifier, labelCount: labels, isNew: true)
  }

  static func settings(
    _ request: Request, _ prepared: Prepared, tokenizer: any Tokenizer, notes: inout [TrainingNote]
  ) throws(FineTuningError) -> ClassifierSettings {
    let model = request.model
    let task = request.training.task
    let labels = try TrainingRun.labels(request, prepared, notes: &notes)
    let limit = model.configuration.maximumPositions
    let sentence = model.settings == nil ? model.sentence : nil
    let length =
      request.maximumLength ?? model.settings?.maximumLength
      ?? ClassifierSettings.usualMaximumLength(
        model.configuration, tokenizer.modelMaximumLength, sentence)
    guard length >= 3, length <= limit else {
      throw .maximumLength(length, limit: limit, of: model.name)
    }
    let own = prepared.head == .classifier ? model.configuration.family.ownHead.pooling : nil
    let pooling =
      request.pooling ?? (prepared.isNew ? own : nil) ?? model.settings?.pooling ?? own
      ?? sentence?.pooling ?? .mean
    try demandPooling(pooling, own, request, notes: &notes)
    if request.resuming == nil, let sentence {
      notes += sentence.notes.map { TrainingNote($0) }
      if let note = SentenceSettings.note(
        model.name, pooling: request.pooling == nil && own == nil ? sentence.pooling : nil,
        maximumLength: request.maximumLength == nil && sentence.maximumLength != nil ? length : nil)
      {
        notes.append(TrainingNote(note))
      }
    }
    var settings = ClassifierSettings(
      pooling: pooling, labels: labels, maximumLength: length, task: task,
      readsPairs: request.training.isPaired)
    settings.columns = request.columns
    return settings
  }
}

extension TrainingRun {
  /// - Throws: `FineTuningError` when another pooling is asked for than that of the family's own class,
  ///   whose head is to train.
  private static func demandPooling(
    _ pooling: Pooling, _ own: Pooling?, _ request: Request, notes: inout [TrainingNote]
  ) throws(FineTuningError) {
    guard let own, pooling != own else { return }
    let name = request.model.configuration.family.classifierClass
    guard request.pooling == nil else {
      throw .otherPooling(pooling, than: own, of: name, model: request.model.name)
    }
    if request.resuming == nil {
      notes.append(
        TrainingNote(
          "\(request.model.name): was trained with the pooling \(pooling.rawValue), and \(name) of transformers "
            + "pools with \(own.rawValue): it gives other logits"))
    }
  }
}

extension LabelledDataset {
  /// The rows as ids. Rows without a label get 0.
  ///
  /// - Throws: `FineTuningError` when the model has no row for a token of a text, or none for the second text of a
  ///   pair.
  func tokenized(
    _ tokenizer: any Tokenizer, maximumLength: Int, for model: BERTConfiguration
  ) throws(FineTuningError) -> TokenizedDataset {
    let encodings = examples.map {
      tokenizer.encode($0.text, $0.pair, maximumLength: maximumLength)
    }
    for (index, encoding) in encodings.enumerated() {
      if let id = encoding.ids.first(where: { $0 >= model.vocabularySize }) {
        throw .addedToken(id, example: index + 1, of: path, rows: model.vocabularySize)
      }
      if model.family.hasTokenTypes,
        let type = encoding.tokenTypes.first(where: { $0 >= model.typeVocabularySize })
      {
        throw .tokenType(type, example: index + 1, of: path, types: model.typeVocabularySize)
      }
    }
    return TokenizedDataset(
      ids: encodings.map(\.ids), types: encodings.map { $0.tokenTypes.map(Int32.init) },
      targets: examples.map { $0.target ?? .label(0) },
      cutCount: encodings.count(where: \.isTruncated))
  }
}
