internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// The stages of ``TrainingRun/init(_:)``, in their order. Each takes what the stages before it made.
extension TrainingRun {
  /// The options of a request, with the precision that this processor has.
  ///
  /// - Throws: `FineTuningError` when an option is out of its range or does not fit what is predicted.
  static func checkedOptions(
    _ request: Request, features: CPUFeatures = .current, notes: inout [TrainingNote]
  ) throws(FineTuningError) -> TrainingOptions {
    var options = request.options
    try options.validate()
    try demandFit(options, request.training.task)
    if options.precision == .bfloat16, let refusal = features.bFloat16Refusal {
      notes.append("\(refusal): the run stays in f32")
      options.precision = .float32
    }
    if options.precision == .emulatedBFloat16, !features.emulatesBFloat16 {
      throw .bFloat16NotEmulated
    }
    return options
  }

  /// The tokenizer of a model.
  ///
  /// - Throws: `FineTuningError` when it has tokens for which the model has no embedding.
  static func tokenizer(of model: ModelDirectory) throws -> any Tokenizer {
    let tokenizer = try TokenizerFiles(directory: model.folder).makeTokenizer()
    let rows = model.configuration.vocabularySize
    guard tokenizer.vocabularySize <= rows else {
      throw FineTuningError.otherTokenizer(
        model.folder, tokens: tokenizer.vocabularySize, rows: rows)
    }
    return tokenizer
  }

  /// What the request asks to train, over the checkpoint's keys.
  ///
  /// - Throws: `SurgeryError` when a selector selects nothing or a mask does not fit.
  static func requestedMask(
    _ request: Request, _ checkpoint: Checkpoint, _ tree: ParameterTree
  ) throws -> FreezeMask {
    switch request.selection {
    case .mask(let mask):
      try mask.check(fits: tree, named: checkpoint.path)
      return mask
    case .selectors(let selectors): return try FreezeMask(training: selectors, in: tree)
    case .resumed:
      guard let stored = request.resuming else { throw FineTuningError.noRunToTakeMaskFrom }
      let prefix = try BERTParameters.prefix(in: checkpoint)
      var states: OrderedDictionary<Key, FreezeMask.State> = [:]
      for (key, tensor) in checkpoint.tensors {
        let rows = stored.rows[
          request.model.configuration.family.trainedName(of: key, prefix: prefix)]
        let whole = RowSet([0..<(tensor.shape.dimensions.first ?? 1)])
        states[key] = rows.map { $0 == whole ? .trainable : .rows($0) } ?? .frozen
      }
      return FreezeMask(states: states, rules: [], layoutDigest: tree.layoutDigest)
    }
  }

  /// The data of a run as ids.
  struct TokenizedData {
    let training: TokenizedDataset
    let evaluation: TokenizedDataset
    /// The texts of the evaluation data.
    let evaluationExamples: [LabelledDataset.Example]
    /// For a pooling over padded positions.
    let padding: (length: Int, token: Int32)?
  }

  /// The training data and the evaluation data, given or held out, as ids.
  ///
  /// - Throws: `FineTuningError` when they do not belong together or nothing is left to evaluate on.
  static func tokenizedData(
    _ request: Request, _ prepared: Prepared, _ settings: ClassifierSettings,
    tokenizer: any Tokenizer, seed: UInt64, notes: inout [TrainingNote]
  ) throws(FineTuningError) -> TokenizedData {
    let model = request.model.configuration
    var training = try relabelled(
      request.training, request, prepared, settings.labels, notes: &notes)
    let evaluation: LabelledDataset
    if let given = request.evaluation {
      try demandSameKind(training, given)
      evaluation = try relabelled(given, request, prepared, settings.labels, notes: &notes)
    } else {
      (training, evaluation) = training.splitting(holdingOut: 0.1, seed: seed)
      notes.append(
        "no evaluation data given: \(evaluation.count) of \(request.training.count) examples, a \(training.task == .classification ? "stratified tenth" : "tenth"), are held out"
      )
    }
    guard evaluation.count > 0 else { throw .nothingToEvaluate }
    if request.resuming == nil {
      notes += (request.model.notes + TrainingRun.notes(request.training, request.evaluation)).map {
        TrainingNote($0)
      }
    }
    let tokens = try training.tokenized(
      tokenizer, maximumLength: settings.maximumLength, for: model)
    let evaluationTokens = try evaluation.tokenized(
      tokenizer, maximumLength: settings.maximumLength, for: model)
    if let note = note(onCut: tokens, evaluationTokens, settings, most: model.maximumPositions) {
      notes.append(note)
    }
    return TokenizedData(
      training: tokens, evaluation: evaluationTokens, evaluationExamples: evaluation.examples,
      padding: settings.pooling == .meanAll
        ? (length: settings.maximumLength, token: tokenizer.paddingID) : nil)
  }

  /// - Throws: `FineTuningError` when training and evaluation data are for different tasks or one of them has pairs.
  private static func demandSameKind(
    _ training: LabelledDataset, _ evaluation: LabelledDataset
  ) throws(FineTuningError) {
    guard evaluation.task == training.task else {
      throw .otherTask(training: training.task, evaluation: evaluation.task)
    }
    guard evaluation.isPaired == training.isPaired else {
      throw .otherTextCount(evaluation, training: training)
    }
  }

  /// What makes the model of a phase.
  static func classifierBuilder(
    _ request: Request, _ checkpoint: Checkpoint, _ prepared: Prepared,
    _ settings: ClassifierSettings, precision: TrainingOptions.Precision
  ) -> (TrainingPhase) throws -> Classifier {
    let math = Kernels(threads: request.threads, precision: precision.product)
    let encoder = request.model.configuration
    return { phase in
      try Classifier(
        checkpoint: checkpoint, configuration: encoder, head: prepared.head,
        labels: settings.labels.count, pooling: settings.pooling, math: math,
        trainable: phase.trainableRows)
    }
  }

  /// What to say of tensors that do not train although they were selected, or that are not part of the classifier.
  static func notes(
    on classifier: Classifier, _ checkpoint: Checkpoint, _ prepared: Prepared, _ request: Request,
    last: TrainingPhase
  ) -> [TrainingNote] {
    let store = classifier.parameters
    var notes: [TrainingNote] = []
    if prepared.isNew, request.resuming == nil,
      let note = note(onUntrained: prepared.head, last, store)
    {
      notes.append(note)
    }
    let ties = TiedKeys(checkpoint, store.parameters)
    // What trains under another name matters most.
    let tied = store.unreachable.filter { ties.parameter(tiedTo: $0) != nil }
    let others = store.unreachable.filter { !tied.contains($0) }
    notes += (tied + others).prefix(5).map { TrainingNote(ties.note(on: $0)) }
    if store.unreachable.count > 5 {
      notes.append("… and \(store.unreachable.count - 5) more of that kind")
    }
    if !store.unused.isEmpty {
      let count = store.unused.count
      let names = store.unused.prefix(3).map { quoted($0.string) }.joined(separator: ", ")
      notes.append(
        "\(Text.counted(count, "tensor")) \(count == 1 ? "is" : "are") not part of the classifier and \(count == 1 ? "is" : "are") not written: \(names)\(count > 3 ? ", …" : "")"
      )
    }
    if let folder = request.cacheFolder, classifier.cut == .start {
      notes.append("the embeddings train, so there is no frozen prefix to keep in \(folder)")
    }
    return notes
  }

  /// The learning rates of everything that trains at some time; decides the default rate in `options`.
  ///
  /// - Throws: `SurgeryError` or `FineTuningError` when a selector of a rate has nothing that trains.
  static func rates(
    _ options: inout TrainingOptions, _ classifier: Classifier, last: TrainingPhase,
    in tree: ParameterTree
  ) throws -> LearningRates {
    let store = classifier.parameters
    let trained = store.parameters.filter { !last.rows(of: $0, in: store).isEmpty }
    let rate = options.learningRate ?? (trained.contains { $0.stage < .head } ? 5e-5 : 1e-3)
    options.learningRate = rate
    return try LearningRates(
      rate, options: options, trained: trained, layerCount: classifier.configuration.layerCount,
      tree: tree)
  }

  /// What to say of options that have another effect than they seem to have.
  static func notes(on trainer: Trainer) -> [TrainingNote] {
    let options = trainer.options
    var notes: [TrainingNote] = []
    if let note = note(onWarmup: trainer.schedule, rate: options.learningRate ?? 0) {
      notes.append(note)
    }
    if options.balancesLabels, options.criterion == .loss {
      notes.append(
        TrainingNote(
          "the training loss is weighed by label, but the evaluation loss that decides which epoch is kept is not; "
            + "macro F1 gives every label the same share",
          advice: [.chooseCriterion(.f1)]))
    }
    return notes
  }
}
