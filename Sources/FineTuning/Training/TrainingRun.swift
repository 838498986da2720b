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
/// Nothing is written before ``train(into:onEvent:documents:)``, and of calls from several threads one waits for the other.
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

  /// Which epochs a run keeps besides the best one.
  public enum KeptEpochs: Sendable, Hashable {
    /// Every epoch.
    case all
    /// This number of the newest epochs.
    case newest(Int)
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
    /// The epochs that are kept as deltas from the model to start from, in the folder ``FileName/epochs``; `nil` keeps
    /// none.
    public var keptEpochs: KeptEpochs?
    /// The columns that were named for the data; kept in the settings of the trained model.
    public var columns: ColumnNames?

    /// An interrupted run to continue with, under the same settings. The mask may be another: what still
    /// trains keeps its optimiser state, and what no longer trains keeps the values it reached.
    public var resuming: StoredRun?
    /// Whether what a PyTorch file holds and no one can read is left out, with a note. Otherwise it is
    /// refused.
    public var ignoresForeign = false
    /// Kept in the stored state, so that the call can be repeated: arguments of a command.
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
  let keptEpochs: KeptEpochs?
  /// The options as they were asked for: the default learning rate depends on the mask, which may
  /// change from part to part of a run.
  let requestedOptions: TrainingOptions
  let model: ModelDirectory
  /// The checkpoint with its head, under the names it came with.
  let checkpoint: Checkpoint
  let head: Head
  // Invariant: what the trainer changes is touched under `training` alone, or by the code that created the run and has
  // not handed it on (`TrainingStudy`).
  let trainer: Trainer
  private let training = Mutex(())
  /// The checkpoint with its head and without what trained since, from which the origin is determined.
  let base: Checkpoint
  private var knownOrigin: RunOrigin?
  /// What trains from which epoch on.
  let phases: [TrainingPhase]
  let tokenizer: any Tokenizer
  /// The texts to evaluate on, in the order of the trainer's.
  let evaluationExamples: [LabelledDataset.Example]
  /// The file of the training data, and that of the evaluation data unless it is held out.
  package let paths: (training: String?, evaluation: String?)

  /// Loads, tokenises and plans.
  ///
  /// - Throws: `FineTuningError`, `SurgeryError` or `CheckpointError`: the first thing that does not
  ///   fit, in one sentence.
  public init(_ request: Request) throws {
    var notes: [TrainingNote] = []
    var options = try TrainingRun.checkedOptions(request, notes: &notes)
    requestedOptions = options
    model = request.model
    notes += try TrainingRun.foreignNotes(request)
    tokenizer = try TrainingRun.tokenizer(of: model)
    let prepared = try TrainingRun.prepare(request, notes: &notes)
    base = prepared.checkpoint
    checkpoint =
      try request.resuming?.applied(
        to: prepared.checkpoint, family: model.configuration.family) ?? prepared.checkpoint
    invocation = request.invocation
    saves = request.saves
    keptEpochs = request.keptEpochs
    head = prepared.head
    settings = try TrainingRun.settings(request, prepared, tokenizer: tokenizer, notes: &notes)
    let tree = ParameterTree(checkpoint)
    phases = try TrainingPhase.phases(
      startingWith: TrainingRun.requestedMask(request, checkpoint, tree),
      unfreezing: options.unfreezing, in: tree)
    let data = try TrainingRun.tokenizedData(
      request, prepared, settings, tokenizer: tokenizer, seed: options.seed, notes: &notes)
    evaluationExamples = data.evaluationExamples
    paths = (request.training.path, request.evaluation?.path)

    // A run that is resumed continues where it stopped: a phase that begins next has not begun.
    let reached = max(1, request.resuming?.state.epoch ?? 0)
    let (current, last) = (
      phases.last { $0.firstEpoch <= reached } ?? phases[0], phases[phases.count - 1]
    )
    let build = TrainingRun.classifierBuilder(
      request, checkpoint, prepared, settings, precision: options.precision)
    let classifier = try build(current)
    if request.resuming == nil { try TrainingRun.demandGrowth(phases, classifier.parameters) }
    notes += TrainingRun.notes(on: classifier, checkpoint, prepared, request, last: last)
    let rates = try TrainingRun.rates(
      &options, classifier, last: last, in: tree)
    self.options = options
    trainer = try Trainer(
      model: classifier, training: data.training, evaluation: data.evaluation,
      options: options, rates: rates, padding: data.padding, task: settings.task,
      maximumLength: settings.maximumLength,
      featureStore: try request.cacheFolder.map(TrainingRun.featureStore),
      phases: phases, rebuild: build)
    let trainer = trainer  // the closure may not use self yet
    resumption = try request.resuming.map { try trainer.resume($0) }
    mask = last.effectiveMask(classifier.parameters, former: trainer.formerRows)
    notes += TrainingRun.notes(on: trainer)
    if let stored = request.resuming {
      let now = try RunOrigin(
        of: trainer.model, from: base, tokenizer: tokenizer, labels: settings.labels,
        digests: trainer.tensorDigests)
      knownOrigin = now
      if let note = try now.check(against: stored, model: model.name) {
        notes.append(TrainingNote(note))
      }
    }
    plan = try TrainingPlan(
      trainer, settings: settings, columns: request.training.columns, notes: notes)
    try request.resuming.map(demandSettings)
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
