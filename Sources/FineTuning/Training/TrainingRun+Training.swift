internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

extension TrainingRun {
  /// What happens while a run trains.
  public enum Event: Sendable {
    /// The frozen prefix has been computed for `done` of `total` tokens.
    case caching(done: Int, total: Int)
    /// Something that the user should know and that stops nothing.
    case note(String)
    /// An update was made.
    case step(epoch: Int, step: Int, of: Int, loss: Double, tokensPerSecond: Double)
    /// An epoch ended, and everything needed to resume is stored.
    case epoch(EpochRecord)
  }

  /// What a run came to.
  public struct Result: Sendable {
    /// One a finished epoch; the one that was kept is marked.
    public let records: [EpochRecord]
    /// Whether the patience ended the run before its last epoch.
    public let stoppedEarly: Bool
    /// The metrics of the kept epoch on the evaluation data.
    public let metrics: EvaluationMetrics
    /// What the kept epoch does on the evaluation data besides: the baseline, and the texts that are most wrong.
    public let details: EvaluationDetails
    /// Seconds from the first step to the last file.
    public let seconds: Double
  }

  /// The names of the files beside the model's own.
  public enum FileName {
    /// The mask of what trained, over the trained model's keys.
    public static let mask = "freeze-mask.json"
    /// One JSON object an epoch.
    public static let history = "history.jsonl"
    /// Loss and accuracy over the epochs.
    public static let curve = "curve.svg"
    /// The folder of the epochs that are kept.
    public static let epochs = "epochs"
    /// The delta of an epoch, in ``epochs``.
    public static func epoch(_ number: Int) -> String { "epoch-\(number).delta.safetensors" }
    /// The whole run on one page.
    public static let report = "report.html"
    /// What the kept epoch does on the evaluation data, for programs.
    public static let results = "results.json"
  }

  /// A text file that belongs to a run.
  public struct Document: Sendable, Hashable {
    /// The name of the file in the run's folder.
    public let name: String
    /// What it holds.
    public let text: String

    /// A file with a name and a text.
    public init(name: String, text: String) {
      self.name = name
      self.text = text
    }
  }

  /// Trains, and leaves a model in the Hugging Face layout in `folder`: weights, configuration,
  /// tokenizer, settings, mask and history.
  ///
  /// After every epoch the state is stored, so that a run that was interrupted can continue, bit for
  /// bit: see ``Request/resuming``. It is removed when the run is finished.
  ///
  /// - Parameters:
  ///   - folder: a new or empty one, or that of the run that is resumed.
  ///   - onEvent: is called with what happens; throwing from it stops the run.
  ///   - documents: the files that describe the finished run, such as a page of its figures. They are written
  ///     before the state is removed.
  /// - Throws: when a file cannot be written, the loss is not finite, or `onEvent` throws.
  public func train(
    into folder: String, onEvent: (Event) throws -> Void = { _ in },
    documents: (Result) throws -> [Document] = { _ in [] }
  ) throws -> Result {
    try alone {
      try TrainingRun.demandFree(folder, resuming: resumption != nil)
      // From here on the folder is this run's; it goes again when nothing is put into it.
      return try FileSystem.filling(folder) {
        let lock = try FileSystem.locking(folder)
        defer { withExtendedLifetime(lock) {} }
        // Another process may have gone on with the run before the lock was taken.
        try TrainingRun.demandFree(folder, resuming: resumption != nil)
        return try trainAlone(into: folder, documents: documents, onEvent: onEvent)
      }
    }
  }

  private func trainAlone(
    into folder: String, documents: (Result) throws -> [Document],
    onEvent: (Event) throws -> Void
  ) throws -> Result {
    // Before anything trains, for the files may change later.
    let origin = try origin().json
    let clock = ContinuousClock()
    let start = clock.now
    trainer.journalFolder = folder
    if resumption == nil { try storeState(in: folder, origin: origin) }
    do {
      try trainer.run { event in
        guard case .epoch(var record) = event else { return try onEvent(event) }
        record.moved = try movements(storedIn: folder)
        trainer.state.records[trainer.state.records.count - 1] = record
        if let keptEpochs { try keep(record.epoch, keptEpochs, in: folder) }
        try storeState(in: folder, origin: origin)
        try onEvent(.epoch(record))
      }
    } catch {
      // A first epoch that failed would fail again: the folder is free for another try.
      if trainer.state.epoch == 0 {
        trainer.removeJournals()
        WholeFile.remove(Path.join(folder, TrainingState.fileName))
      }
      throw error
    }
    guard trainer.state.bestEpoch != nil else {
      throw FineTuningError.noFiniteLoss
    }
    let logits = try trainer.evaluationLogits()
    let metrics = EvaluationMetrics(
      settings.task, logits: logits, targets: trainer.evaluation.targets,
      labelNames: settings.labels)
    try write(to: folder)
    let result = Result(
      records: trainer.state.records,
      stoppedEarly: trainer.state.epoch < options.epochs,
      metrics: metrics,
      details: EvaluationDetails(settings.task, logits: logits, examples: evaluationExamples),
      seconds: seconds(clock.now - start))
    for document in try documents(result) {
      try replaceFile(at: Path.join(folder, document.name), Array(document.text.utf8))
    }
    // Everything is in place: nothing is left to resume.
    trainer.removeJournals()
    WholeFile.remove(Path.join(folder, TrainingState.fileName))
    return result
  }

  /// - Throws: `FineTuningError` when a stored run has other settings than this one.
  func demandSettings(of stored: StoredRun) throws(FineTuningError) {
    guard let before = stored.settings.object, let now = stateSettings.object else {
      throw .stateMember(stored.path, "settings", stored.settings, expected: .object)
    }
    for (name, value) in now {
      // An object of options has been compared member by member; a string is that of an earlier version.
      if name == "options", case .object(_)? = before[name] {
        let options = try TrainingOptions(stored: before[name] ?? .null, path: stored.path)
        guard let option = options.difference(from: requestedOptions) else { continue }
        throw .otherOption(option, of: stored.folder)
      }
      let expected = name == "options" ? .string(requestedOptions.textOfEarlierVersions) : value
      guard before[name]?.isSame(as: expected) == true else {
        throw .otherSetting(name.string, of: stored.folder)
      }
    }
  }

  /// What a resumed run must agree with: everything that changes what is computed. The number of
  /// epochs is part of it, for the learning rate depends on it.
  var stateSettings: JSONValue {
    func digest(_ data: TokenizedDataset) -> JSONValue {
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      func mix(_ value: Int) {
        hash = (hash ^ UInt64(truncatingIfNeeded: value)) &* 0x100_0000_01B3
      }
      for (index, example) in data.ids.enumerated() {
        for id in example { mix(Int(id)) }
        switch data.targets[index] {
        case .label(let label): mix(-1 - label)
        case .value(let value):
          hash = (hash ^ value.bitPattern) &* 0x100_0000_01B3
        case .labels(let labels):
          for label in labels { mix(-1 - label) }
          mix(.min)
        }
      }
      return .string(String(hash, radix: 16))
    }
    return .members([
      "layout": .string(mask.layoutDigest),
      "options": requestedOptions.stored,
      "pooling": .string(settings.pooling.rawValue),
      "max_length": .integer(settings.maximumLength),
      "task": .string(settings.task.rawValue),
      "training data": digest(trainer.training),
      "evaluation data": digest(trainer.evaluation),
    ])
  }

  // MARK: Writing

  /// - Throws: when `folder` holds something that is not the run being resumed, or cannot be made.
  private static func demandFree(_ folder: String, resuming: Bool) throws {
    if WholeFile.exists(folder), !WholeFile.isFolder(folder) {
      throw FineTuningError.outputIsFile(folder)
    }
    if resuming, !WholeFile.exists(Path.join(folder, TrainingState.fileName)) {
      throw FineTuningError.finishedElsewhere(folder)
    }
    if WholeFile.isFolder(folder), !resuming, try !FileSystem.isEmpty(folder) {
      let state = WholeFile.exists(Path.join(folder, TrainingState.fileName))
      throw FineTuningError.folderNotEmpty(folder, holdsRun: state)
    }
    let ground = FolderCreation.ground(of: folder)
    guard WholeFile.isFolder(ground), WholeFile.isWritable(ground) else {
      throw FineTuningError.outputNotWritable(folder)
    }
    // What a killed run was writing is of no use to anyone.
    if WholeFile.isFolder(folder) { WholeFile.removeLeftovers(in: folder) }
  }

  private func storeState(in folder: String, origin: JSONValue) throws {
    let state = try trainer.snapshot(
      settings: stateSettings, origin: origin, invocation: invocation)
    try write(state, to: Path.join(folder, TrainingState.fileName))
    if trainer.state.epoch > 0 { try writeHistory(in: folder) }
  }

  /// Writes a checkpoint in the folder of the run, where no link leads out of it.
  func write(_ checkpoint: Checkpoint, to path: String) throws {
    var options = WriteOptions()
    options.followsLinks = false
    try checkpoint.write(to: path, options: options)
  }

  private func writeHistory(in folder: String) throws {
    let lines = trainer.state.records.map { $0.json.text() + "\n" }.joined()
    try replaceFile(at: Path.join(folder, FileName.history), Array(lines.utf8))
  }

  /// The trained model's state dict, in the order of PyTorch's.
  func trainedCheckpoint() throws -> Checkpoint {
    var tensors: OrderedDictionary<Key, Tensor> = [:]
    for parameter in trainer.model.parameters.parameters {
      tensors[Key(parameter.name)] = try parameter.stored(stackedRows: parameter.stackedRows())
    }
    return Checkpoint(format: .safetensors, tensors: tensors, metadata: ["format": "pt"])
  }

  private func write(to folder: String) throws {
    func put(_ name: String, _ text: String) throws {
      try replaceFile(at: Path.join(folder, name), Array(text.utf8))
    }
    let trained = try trainedCheckpoint()
    switch saves {
    case .model: try write(trained, to: Path.join(folder, "model.safetensors"))
    case .delta:
      try write(try delta(of: trained), to: Path.join(folder, CheckpointDelta.fileName))
    }
    try put("config.json", configuration().text(indent: 2) + "\n")
    try tokenizer.files.write(to: folder)
    try put(ClassifierSettings.fileName, settings.json.text(indent: 2) + "\n")
    // Of the phases that the run came to.
    let phase = phases.last { $0.firstEpoch <= trainer.state.epoch } ?? phases[0]
    try put(
      FileName.mask,
      phase.effectiveMask(trainer.model.parameters, former: trainer.formerRows).jsonText)
    try writeHistory(in: folder)
  }

  /// The model's configuration with the names of the labels.
  private func configuration() -> JSONValue {
    settings.describing(
      model.configurationJSON, as: head == .classifier ? model.configuration.family : nil)
  }
}
