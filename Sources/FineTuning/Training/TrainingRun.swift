internal import CheckpointFiles
internal import OrderedCollections
public import ParameterSurgery
internal import Synchronization

/// A fine-tuning run, from files to a trained model in a folder.
///
///     var request = TrainingRun.Request(
///       model: try ModelDirectory("bert-base-uncased"), selection: .selectors(["linear"]),
///       training: try LabelledDataset(contentsOf: "train.tsv"))
///     request.head = .mlp(width: 128)
///     let run = try TrainingRun(request)
///     print(run.plan.trainedCount)
///     let result = try run.train(into: "tuned")
///
/// Nothing is written before ``train(into:onEvent:)``, and of calls from several threads one waits for the other.
public final class TrainingRun: @unchecked Sendable {
  /// What trains.
  public enum TrainSelection: Sendable {
    /// A mask made for the model's checkpoint.
    case mask(FreezeMask)
    /// Selectors, of which the last that matches wins.
    case selectors([String])
    /// What the run that is resumed trained last.
    case resumed
  }

  /// What a run leaves of the weights.
  public enum Saves: String, Sendable, Hashable, CaseIterable {
    /// `model.safetensors`.
    case model
    /// `model.delta.safetensors`: what changed, bound to the model that the run started from.
    case delta
  }

  /// What to train, on what, and how.
  public struct Request: Sendable {
    /// The model to start from.
    public var model: ModelDirectory
    /// A head to add when the checkpoint has none; `nil` takes the checkpoint's own.
    public var head: Head?
    /// What trains.
    public var selection: TrainSelection
    /// The labelled texts.
    public var training: LabelledDataset
    /// The texts that decide which epoch was best; `nil` holds out a tenth of the training data.
    public var evaluation: LabelledDataset?
    /// How hidden states become one vector; `nil` takes the model's own or the mean.
    public var pooling: Pooling?
    /// The longest sequence, in tokens; `nil` takes the model's own or 128.
    public var maximumLength: Int?
    /// How to train.
    public var options = TrainingOptions()
    /// Threads; `nil` takes one a physical core.
    public var threads: Int?
    /// A folder that keeps what the frozen prefix computes, for later runs; made when missing.
    public var cacheFolder: String?
    /// Whether the folder gets a whole model, or only what differs from the one to start from.
    public var saves = Saves.model

    /// An interrupted run to go on with, under the same settings. The mask may be another: what still
    /// trains keeps its optimiser state, and what no longer trains keeps the values it reached.
    public var resuming: StoredRun?
    /// Whether what a PyTorch file holds and nobody can read is left out, with a note. Otherwise it is
    /// refused.
    public var ignoresForeign = false
    /// Kept in the stored state, for whoever wants to repeat the call: arguments of a command.
    public var invocation: [String] = []

    /// A request with the default options.
    public init(model: ModelDirectory, selection: TrainSelection, training: LabelledDataset) {
      self.model = model
      self.selection = selection
      self.training = training
    }
  }

  /// What is going to happen.
  public let plan: TrainingPlan
  /// The mask that holds in the end: over the names of the trained model, with unreachable tensors
  /// frozen, and with what trained in an earlier part of a resumed run under another mask.
  public let mask: FreezeMask
  /// What the trained model needs to repeat its training's reading of texts.
  public let settings: ClassifierSettings
  /// The options, with the learning rate decided.
  public let options: TrainingOptions

  /// What each of `selectors` matches in the model with its head.
  ///
  /// - Throws: `SurgeryError` when one matches nothing.
  public func explanations(
    of selectors: [String]
  ) throws(SurgeryError) -> [Selection.Explanation] {
    try SelectorList(selectors).resolve(in: ParameterTree(checkpoint)).explanations
  }

  /// What was taken over from an interrupted run.
  public let resumption: Resumption?

  let invocation: [String]
  let saves: Saves
  /// The options as they were asked for: the default learning rate depends on the mask, which may
  /// change from part to part of a run.
  let requestedOptions: TrainingOptions
  let model: ModelDirectory
  /// The checkpoint with its head, under the names it came with.
  let checkpoint: Checkpoint
  let head: Head
  // Invariant: what the trainer changes is touched under `training` alone, or by whoever made the run and has
  // not handed it on (`TrainingStudy`).
  let trainer: Trainer
  private let training = Mutex(())
  /// The checkpoint with its head and without what trained since, which the origin is told from.
  private let base: Checkpoint
  private var knownOrigin: RunOrigin?
  /// What trains from which epoch on.
  let phases: [TrainingPhase]
  let tokenizer: any Tokenizer

  /// Loads, tokenises and plans.
  ///
  /// - Throws: `FineTuningError`, `SurgeryError` or `CheckpointError`: the first thing that does not
  ///   fit, in one sentence.
  public init(_ request: Request) throws {
    var notes: [String] = []
    var options = request.options
    try options.validate()
    try TrainingRun.demandFit(options, request.training.task)
    let features = CPUFeatures.current
    if options.precision == .bfloat16, let refusal = features.bFloat16Refusal {
      notes.append("\(refusal): the run stays in f32")
      options.precision = .float32
    }
    if options.precision == .emulatedBFloat16, !features.emulatesBFloat16 {
      throw FineTuningError("bf16 is emulated with AVX2, which this processor does not have")
    }
    model = request.model
    notes += try TrainingRun.foreignNotes(request)
    tokenizer = try TokenizerFiles(directory: model.folder).makeTokenizer()
    guard tokenizer.vocabularySize <= model.configuration.vocabularySize else {
      throw FineTuningError(
        "\(model.folder): the tokenizer knows \(tokenizer.vocabularySize) tokens, the model "
          + "\(model.configuration.vocabularySize); they do not belong together")
    }

    // Head and labels.
    let prepared = try TrainingRun.prepare(request, notes: &notes)
    base = prepared.checkpoint
    checkpoint =
      try request.resuming?.applied(
        to: prepared.checkpoint, family: model.configuration.family) ?? prepared.checkpoint
    invocation = request.invocation
    saves = request.saves
    requestedOptions = options
    head = prepared.head
    settings = try TrainingRun.settings(
      request, prepared, tokenizer: tokenizer, notes: &notes)

    // What trains.
    let tree = ParameterTree(checkpoint)
    let requested: FreezeMask
    switch request.selection {
    case .mask(let mask):
      try mask.check(fits: tree, named: checkpoint.path)
      requested = mask
    case .selectors(let selectors):
      requested = try FreezeMask(training: selectors, in: tree)
    case .resumed:
      guard let stored = request.resuming else {
        throw FineTuningError("there is no run to take the mask from")
      }
      let prefix = try BERTParameters.prefix(in: checkpoint)
      var states: OrderedDictionary<Key, FreezeMask.State> = [:]
      for (key, tensor) in checkpoint.tensors {
        let rows = stored.rows[
          model.configuration.family.trainedName(
            of: key, prefix: prefix)]
        let whole = RowSet([0..<(tensor.shape.dimensions.first ?? 1)])
        states[key] = rows.map { $0 == whole ? .trainable : .rows($0) } ?? .frozen
      }
      requested = FreezeMask(states: states, rules: [], layoutDigest: tree.layoutDigest)
    }

    let phases = try TrainingPhase.phases(
      startingWith: requested, unfreezing: options.unfreezing, in: tree)
    self.phases = phases
    // A run that is resumed goes on where it stopped: a phase that begins next has not begun.
    let reached = max(1, request.resuming?.state.epoch ?? 0)
    let current = phases.last { $0.firstEpoch <= reached } ?? phases[0]

    // Data.
    var training = try TrainingRun.relabelled(
      request.training, request, prepared, settings.labels, notes: &notes)
    let evaluation: LabelledDataset
    if let given = request.evaluation {
      guard given.task == training.task else {
        throw FineTuningError(
          "training data for \(training.task.rawValue), evaluation data for \(given.task.rawValue)")
      }
      guard given.isPaired == training.isPaired else {
        throw FineTuningError(
          "\(given.path ?? "the evaluation data"): \(given.isPaired ? "two texts" : "one text") a row, but "
            + "\(training.path ?? "the training data") has \(training.isPaired ? "two" : "one")")
      }
      evaluation = try TrainingRun.relabelled(
        given, request, prepared, settings.labels, notes: &notes)
    } else {
      (training, evaluation) = training.splitting(holdingOut: 0.1, seed: options.seed)
      notes.append(
        "no evaluation data given: \(evaluation.count) of \(request.training.count) examples, a "
          + (training.task == .classification ? "stratified tenth" : "tenth") + ", are held out")
    }
    guard evaluation.count > 0 else {
      throw FineTuningError(
        "no example is left to evaluate on; give evaluation data with --eval")
    }
    if request.resuming == nil {
      notes += request.model.notes + TrainingRun.notes(request.training, request.evaluation)
    }
    let padding =
      settings.pooling == .meanAll
      ? (length: settings.maximumLength, token: tokenizer.paddingID) : nil
    let trainingTokens = try training.tokenized(
      tokenizer, maximumLength: settings.maximumLength, for: model.configuration)
    let evaluationTokens = try evaluation.tokenized(
      tokenizer, maximumLength: settings.maximumLength, for: model.configuration)
    if let note = TrainingRun.note(
      onCut: trainingTokens, evaluationTokens, settings,
      most: model.configuration.maximumPositions)
    {
      notes.append(note)
    }

    // The model.
    let (encoder, head, labelCount, pooling) = (
      model.configuration, prepared.head, settings.labels.count, settings.pooling
    )
    let math = Kernels(threads: request.threads, precision: options.precision.product)
    let loaded = checkpoint
    let build = { (phase: TrainingPhase) throws -> Classifier in
      try Classifier(
        checkpoint: loaded, configuration: encoder, head: head, labels: labelCount,
        pooling: pooling, math: math, trainable: phase.trainableRows)
    }
    let classifier = try build(current)
    let last = phases[phases.count - 1]
    if prepared.isNew, request.resuming == nil,
      let note = TrainingRun.note(onUntrained: prepared.head, last, classifier.parameters)
    {
      notes.append(note)
    }
    if request.resuming == nil {
      try TrainingRun.demandGrowth(phases, classifier.parameters)
    }
    let ties = TiedKeys(checkpoint, classifier.parameters.parameters)
    // What trains under another name matters most.
    let unreachable = classifier.parameters.unreachable
    let tied = unreachable.filter { ties.parameter(tiedTo: $0) != nil }
    for key in (tied + unreachable.filter { !tied.contains($0) }).prefix(5) {
      notes.append(ties.note(on: key))
    }
    if classifier.parameters.unreachable.count > 5 {
      notes.append("… and \(classifier.parameters.unreachable.count - 5) more of that kind")
    }
    if !classifier.parameters.unused.isEmpty {
      let unused = classifier.parameters.unused
      notes.append(
        (unused.count == 1
          ? "1 tensor is not part of the classifier and is not written: "
          : "\(unused.count) tensors are not part of the classifier and are not written: ")
          + unused.prefix(3).map { quoted($0.string) }.joined(separator: ", ")
          + (unused.count > 3 ? ", …" : ""))
    }
    if let folder = request.cacheFolder, classifier.cut == .start {
      notes.append("the embeddings train, so there is no frozen prefix to keep in \(folder)")
    }
    let trained = classifier.parameters.parameters.filter {
      !last.rows(of: $0, in: classifier.parameters).isEmpty
    }
    let rate = options.learningRate ?? (trained.contains { $0.stage < .head } ? 5e-5 : 1e-3)
    options.learningRate = rate
    self.options = options
    let rates = try LearningRates(
      rate, options: options, trained: trained,
      layerCount: classifier.configuration.layerCount, tree: tree)
    trainer = try Trainer(
      model: classifier, training: trainingTokens, evaluation: evaluationTokens,
      options: options, rates: rates, padding: padding, task: settings.task,
      maximumLength: settings.maximumLength,
      featureStore: try request.cacheFolder.map(TrainingRun.featureStore),
      phases: phases, rebuild: build)
    let trainer = trainer  // the closure may not use self yet
    resumption = try request.resuming.map { try trainer.resume($0) }
    mask = last.effectiveMask(classifier.parameters, former: trainer.formerRows)
    if let note = TrainingRun.note(onWarmup: trainer.schedule, rate: rate) { notes.append(note) }
    if options.balancesLabels, options.criterion == .loss {
      notes.append(
        "the training loss is weighed by label, the evaluation loss that decides which epoch is kept is not; "
          + "--best-by f1 gives every label the same share")
    }
    if let stored = request.resuming {
      let now = try RunOrigin(
        of: trainer.model, from: base, tokenizer: tokenizer, labels: settings.labels,
        digests: trainer.tensorDigests)
      knownOrigin = now
      if let note = try now.check(against: stored, model: model.name) { notes.append(note) }
    }
    plan = try TrainingPlan(
      trainer, settings: settings, columns: request.training.columns, notes: notes)
    if let stored = request.resuming,
      let difference = TrainingRun.difference(stateSettings, stored.settings)
    {
      throw FineTuningError(
        "\(stored.folder): the run was started with another \(difference); resume with the same "
          + "settings")
    }
  }

  /// What the run was started from. The weights are read once.
  func origin() throws -> RunOrigin {
    if let knownOrigin { return knownOrigin }
    let origin = try RunOrigin(
      of: trainer.model, from: base, tokenizer: tokenizer, labels: settings.labels,
      digests: trainer.tensorDigests)
    knownOrigin = origin
    return origin
  }

  /// Runs `body` when no other call trains.
  func alone<R>(_ body: () throws -> R) rethrows -> R { try training.withLock { _ in try body() } }
}
