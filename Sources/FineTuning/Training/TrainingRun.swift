internal import CheckpointFiles
internal import OrderedCollections
public import ParameterSurgery

/// A fine-tuning run, from files to a trained model in a folder.
///
///     var request = TrainingRun.Request(model: try ModelDirectory("bert-base-uncased"))
///     request.head = .mlp(width: 128)
///     request.selection = .selectors(["linear"])
///     request.training = try LabelledDataset("train.tsv")
///     let run = try TrainingRun(request)
///     print(run.plan.trainedCount)
///     let result = try run.train(into: "tuned")
///
/// Nothing is written before `train(into:)`.
public final class TrainingRun {
  /// What trains.
  public enum TrainSelection: Sendable {
    /// A mask made for the model's checkpoint.
    case mask(FreezeMask)
    /// Selectors, of which the last that matches wins.
    case selectors([String])
    /// What the run that is resumed trained last.
    case resumed
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

    /// An interrupted run to go on with, under the same settings. The mask may be another: what still
    /// trains keeps its optimiser state, and what no longer trains keeps the values it reached.
    public var resuming: StoredRun?
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
  /// The mask that holds: over the names of the trained model, with unreachable tensors frozen.
  public let mask: FreezeMask
  /// What the trained model needs to repeat its training's reading of texts.
  public let settings: ClassifierSettings
  /// The options, with the learning rate decided.
  public let options: TrainingOptions

  /// What was taken over from an interrupted run.
  public let resumption: Resumption?

  let invocation: [String]
  /// The options as they were asked for: the default learning rate depends on the mask, which may
  /// change from part to part of a run.
  let requestedOptions: TrainingOptions
  let model: ModelDirectory
  /// The checkpoint with its head, under the names it came with.
  let checkpoint: Checkpoint
  let head: Head
  let trainer: Trainer
  let tokenizer: WordPieceTokenizer

  /// Loads, tokenises and plans.
  ///
  /// - Throws: `FineTuningError`, `SurgeryError` or `CheckpointError`: the first thing that does not
  ///   fit, in one sentence.
  public init(_ request: Request) throws {
    var notes: [String] = []
    var options = request.options
    try options.validate()
    if options.precision == .bfloat16 {
      guard let refusal = CPUFeatures.current.bFloat16Refusal else {
        throw FineTuningError("training in bf16 is not there yet; leave out --precision bf16")
      }
      notes.append("\(refusal): the run stays in f32")
    }
    model = request.model
    tokenizer = try WordPieceTokenizer(directory: model.folder)
    guard tokenizer.vocabularySize <= model.configuration.vocabularySize else {
      throw FineTuningError(
        "\(model.folder): the tokenizer knows \(tokenizer.vocabularySize) tokens, the model "
          + "\(model.configuration.vocabularySize); they do not belong together")
    }

    // Head and labels.
    let prepared = try TrainingRun.prepare(request, notes: &notes)
    checkpoint = try request.resuming?.applied(to: prepared.checkpoint) ?? prepared.checkpoint
    invocation = request.invocation
    requestedOptions = options
    head = prepared.head
    settings = try TrainingRun.settings(request, prepared, tokenizer: tokenizer)

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
        let rows = stored.rows[BERTParameters.trainedName(of: key, prefix: prefix)]
        let whole = RowSet([0..<(tensor.shape.dimensions.first ?? 1)])
        states[key] = rows.map { $0 == whole ? .trainable : .rows($0) } ?? .frozen
      }
      requested = FreezeMask(states: states, rules: [], layoutDigest: tree.layoutDigest)
    }

    // Data.
    var training = try request.training.relabelled(as: settings.labels)
    let evaluation: LabelledDataset
    if let given = request.evaluation {
      evaluation = try given.relabelled(as: settings.labels)
    } else {
      (training, evaluation) = training.splitting(holdingOut: 0.1, seed: options.seed)
      notes.append(
        "no evaluation data given: \(evaluation.count) of \(request.training.count) examples, a "
          + "stratified tenth, are held out")
    }
    guard evaluation.count > 0 else {
      throw FineTuningError(
        "no example is left to evaluate on; give evaluation data with --eval")
    }
    let padding =
      settings.pooling == .meanAll
      ? (length: settings.maximumLength, token: tokenizer.paddingID) : nil
    let trainingTokens = training.tokenized(tokenizer, maximumLength: settings.maximumLength)
    let evaluationTokens = evaluation.tokenized(tokenizer, maximumLength: settings.maximumLength)

    // The model.
    let classifier = try Classifier(
      checkpoint: checkpoint, configuration: model.configuration, head: head,
      labels: settings.labels.count, pooling: settings.pooling,
      math: Kernels(threads: request.threads)
    ) { key in
      switch requested[key] {
      case .trainable: .all
      case .rows(let rows): .ranges(rows.ranges)
      case .frozen, nil: .none
      }
    }
    mask = try TrainingRun.effectiveMask(classifier.parameters, requested)
    for key in classifier.parameters.unreachable.prefix(5) {
      notes.append(
        "\(quoted(key.string)) is selected, but no gradient reaches it: it stays as it is")
    }
    if classifier.parameters.unreachable.count > 5 {
      notes.append("… and \(classifier.parameters.unreachable.count - 5) more of that kind")
    }
    if !classifier.parameters.unused.isEmpty {
      let unused = classifier.parameters.unused
      notes.append(
        "\(unused.count) tensors are not part of the classifier and are not written: "
          + unused.prefix(3).map { quoted($0.string) }.joined(separator: ", ")
          + (unused.count > 3 ? ", …" : ""))
    }
    let rate =
      options.learningRate ?? (classifier.parameters.trains(below: .head) ? 5e-5 : 1e-3)
    options.learningRate = rate
    self.options = options
    let rates = try LearningRates(
      rate, options: options, parameters: classifier.parameters,
      layerCount: classifier.configuration.layerCount, tree: tree)
    trainer = try Trainer(
      model: classifier, training: trainingTokens, evaluation: evaluationTokens,
      options: options, rates: rates, padding: padding,
      featureStore: try request.cacheFolder.map(TrainingRun.featureStore))
    let trainer = trainer  // the closure may not use self yet
    resumption = try request.resuming.map { try trainer.resume($0) }
    plan = try TrainingPlan(trainer, notes: notes)
    if let stored = request.resuming,
      let difference = TrainingRun.difference(stateSettings, stored.settings)
    {
      throw FineTuningError(
        "\(stored.folder): the run was started with another \(difference); resume with the same "
          + "settings")
    }
  }

  private static func featureStore(in folder: String) throws -> FeatureStore {
    if FileSystem.exists(folder), !FileSystem.isFolder(folder) {
      throw FineTuningError("\(folder): is a file; name a folder for the cache")
    }
    let place = FileSystem.isFolder(folder) ? folder : FileSystem.folder(of: folder)
    guard FileSystem.isWritable(place) else {
      throw FineTuningError("\(folder): the cache cannot be written there")
    }
    return FeatureStore(folder: folder)
  }

  /// The checkpoint with a head, and the labels it has room for.
  private struct Prepared {
    var checkpoint: Checkpoint
    var head: Head
    var labelCount: Int
    /// Whether the head is new.
    var isNew: Bool
  }

  private static func prepare(_ request: Request, notes: inout [String]) throws -> Prepared {
    let found = try Head.found(in: request.model.checkpoint)
    if let found {
      if let head = request.head, head != found.head {
        throw FineTuningError(
          "\(request.model.name): the checkpoint has the head \(found.head), not \(head)")
      }
      return Prepared(
        checkpoint: request.model.checkpoint, head: found.head, labelCount: found.labels,
        isNew: false)
    }
    let labels = request.training.labels.count
    guard labels >= 2 else {
      throw FineTuningError(
        "all training examples have the label \(quoted(request.training.labels.first ?? "")); "
          + "a classifier needs two labels or more")
    }
    let graft: Graft.Head
    switch request.head {
    case .mlp(let width): graft = .mlp(width: width)
    case .linear: graft = .linear
    case .classifier, nil:
      throw FineTuningError(
        "\(request.model.name): the checkpoint has no classification head; add one with "
          + "--head mlp:128, or with espalier graft")
    }
    let prefix = try BERTParameters.prefix(in: request.model.checkpoint)
    let checkpoint = try Graft(
      head: graft, labels: labels, prefix: prefix.isEmpty ? "bert." : "",
      seed: request.options.seed, hiddenSize: request.model.configuration.hiddenSize
    ).apply(to: request.model.checkpoint)
    notes.append("a new head \(request.head.map { "\($0)" } ?? "") for \(labels) labels is added")
    return Prepared(
      checkpoint: checkpoint, head: request.head ?? .linear, labelCount: labels, isNew: true)
  }

  private static func settings(
    _ request: Request, _ prepared: Prepared, tokenizer: WordPieceTokenizer
  ) throws(FineTuningError) -> ClassifierSettings {
    let model = request.model
    let known =
      prepared.isNew
      ? nil : model.settings?.labels ?? model.labelNames(count: prepared.labelCount)
    let data = request.training.labels
    let labels: [String]
    if let known, data.allSatisfy(known.contains) {
      labels = known
    } else if data.count <= prepared.labelCount {
      // A head without names of its own takes those of the data.
      labels =
        data + (data.count..<prepared.labelCount).map { "LABEL_\($0)" }
    } else {
      throw FineTuningError(
        "the training data has \(data.count) labels, the model's head has room for "
          + "\(prepared.labelCount)")
    }
    let limit = min(
      model.configuration.maximumPositions, tokenizer.modelMaximumLength ?? .max)
    let length = request.maximumLength ?? model.settings?.maximumLength ?? min(128, limit)
    guard length >= 3, length <= limit else {
      throw FineTuningError(
        "the maximum length is \(length), expected 3 to \(limit), the most that \(model.name) reads"
      )
    }
    return ClassifierSettings(
      pooling: request.pooling ?? model.settings?.pooling
        ?? (prepared.head == .classifier ? .pooler : .mean),
      labels: labels, maximumLength: length)
  }

  /// The mask over the trained model's names and layout: what is out of reach is frozen.
  private static func effectiveMask(
    _ parameters: ParameterStore, _ requested: FreezeMask
  ) throws -> FreezeMask {
    var tensors: OrderedDictionary<Key, Tensor> = [:]
    var states: OrderedDictionary<Key, FreezeMask.State> = [:]
    for parameter in parameters.parameters {
      let name = Key(parameter.name)
      tensors[name] = parameter.tensor
      states[name] =
        parameter.trainsWhole
        ? .trainable : parameter.trains ? .rows(RowSet(parameter.rows)) : .frozen
    }
    return FreezeMask(
      states: states, rules: requested.rules,
      layoutDigest: ParameterTree(Checkpoint(tensors: tensors)).layoutDigest)
  }
}

extension LabelledDataset {
  /// The same rows with labels numbered as in `names`.
  ///
  /// - Throws: `FineTuningError` that names a label that is not among them.
  func relabelled(as names: [String]) throws(FineTuningError) -> LabelledDataset {
    if labels == names { return self }
    var places: [Int] = []
    for label in labels {
      guard let place = names.firstIndex(of: label) else {
        throw FineTuningError(
          "the label \(quoted(label)) is not one of the model's: "
            + names.prefix(10).map(quoted).joined(separator: ", "))
      }
      places.append(place)
    }
    return LabelledDataset(
      examples: examples.map { example in
        var example = example
        example.label = example.label.map { places[$0] }
        return example
      }, labels: names)
  }

  /// The rows as ids. Rows without a label get 0.
  func tokenized(_ tokenizer: any Tokenizer, maximumLength: Int) -> TokenizedDataset {
    let encodings = examples.map {
      tokenizer.encode($0.text, $0.pair, maximumLength: maximumLength)
    }
    return TokenizedDataset(
      ids: encodings.map(\.ids), types: encodings.map { $0.tokenTypes.map(Int32.init) },
      labels: examples.map { $0.label ?? 0 })
  }
}
