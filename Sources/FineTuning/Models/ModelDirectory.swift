public import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// A model on disk: weights, configuration, tokenizer files, and the settings of a classifier if it
/// is one.
public struct ModelDirectory: Sendable {
  /// What the user named.
  public let name: String
  /// The folder of `config.json` and the tokenizer's files.
  public let folder: String
  /// The weights.
  public let checkpoint: Checkpoint
  /// `config.json` as it stands.
  public let configurationJSON: JSONValue
  /// What of it the encoder needs.
  public let configuration: BERTConfiguration
  /// The settings in `espalier.json`; `nil` for a model that Espalier did not train.
  public let settings: ClassifierSettings?
  /// What sentence-transformers stored beside the model; `nil` when it is not one of its folders.
  public let sentence: SentenceSettings?

  /// Opens a model.
  ///
  /// - Parameters:
  ///   - name: one of
  ///     1. a folder in the Hugging Face layout,
  ///     2. a file of weights with `config.json` beside it,
  ///     3. a name such as `google-bert/bert-base-uncased` in the local Hugging Face cache.
  ///   - base: the same of the model that a delta in `name` was made from (`TrainingRun.Saves.delta`).
  /// - Throws: `FineTuningError`, `SurgeryError` or `CheckpointError` that names the file and what is
  ///   wrong with it.
  public init(_ name: String, base: String? = nil) throws {
    self.name = name
    let weights: String
    (folder, weights) = try ModelDirectory.place(of: name)
    let configPath = Path.join(folder, "config.json")
    guard WholeFile.exists(configPath) else {
      throw FineTuningError.noConfiguration(of: name, in: folder)
    }
    configurationJSON = try FileSystem.json(configPath)
    checkpoint =
      if let base {
        try ModelDirectory.checkpoint(weights, of: name, over: base)
      } else {
        try Checkpoint.open(weights)
      }
    configuration = try BERTConfiguration(
      configurationJSON, path: configPath, checkpoint: checkpoint)
    let settingsPath = Path.join(folder, ClassifierSettings.fileName)
    settings =
      WholeFile.exists(settingsPath)
      ? try ClassifierSettings(try FileSystem.json(settingsPath), path: settingsPath) : nil
    try settings?.demandFit(configuration, path: settingsPath)
    sentence = try SentenceSettings(ofModelIn: folder)
    try demandConsistency()
  }

  /// A model that is not written yet, from its parts.
  ///
  /// - Parameters:
  ///   - checkpoint: the weights.
  ///   - json: `config.json`.
  ///   - folder: the folder of the model that it comes from, for errors.
  /// - Throws: `FineTuningError` when the parts contradict each other.
  package init(
    unwritten checkpoint: Checkpoint, configuration json: JSONValue, from folder: String
  ) throws(FineTuningError) {
    name = folder
    self.folder = folder
    self.checkpoint = checkpoint
    configurationJSON = json
    configuration = try BERTConfiguration(
      json, path: Path.join(folder, "config.json"), checkpoint: checkpoint)
    settings = nil
    sentence = nil
    try demandConsistency()
  }

  /// What is probably not meant, a sentence each: layers of the checkpoint that `config.json` does not count take
  /// no part, as with transformers.
  public var notes: [String] {
    guard let prefix = try? BERTParameters.prefix(in: checkpoint) else { return [] }
    var count = configuration.layerCount
    while let path = configuration.family.keys.path(.output, layer: count),
      checkpoint[Key("\(prefix)\(path).weight")] != nil
    {
      count += 1
    }
    let left = count - configuration.layerCount
    var notes = familyNote.map { [$0] } ?? []
    if let settings, let type = configurationJSON["problem_type"]?.string,
      !type.isSame(as: settings.task.problemType)
    {
      notes.append(
        "\(Path.join(folder, "config.json")): \"problem_type\" is \(quoted(type)), but \(ClassifierSettings.fileName) "
          + "says \(quoted(settings.task.rawValue)), which is followed")
    }
    guard left > 0 else { return notes }
    return notes + [
      "\(Path.join(folder, "config.json")): counts \(configuration.layerCount) of the \(count) layers of the "
        + "checkpoint; the last \(left == 1 ? "one takes" : "\(left) take") no part"
    ]
  }

  private static func checkpoint(
    _ weights: String, of name: String, over base: String
  ) throws -> Checkpoint {
    guard CheckpointDelta.alone(at: weights) != nil else {
      throw FineTuningError.wholeModel(name, over: base)
    }
    return try Checkpoint.open(weights, over: Checkpoint.open(place(of: base).weights))
  }

  /// Where the files beside the weights are, and the weights.
  private static func place(of name: String) throws -> (folder: String, weights: String) {
    if WholeFile.isFolder(name) { return (name, name) }
    if WholeFile.exists(name) { return (Path.parent(of: name), name) }
    let snapshot = try HuggingFaceCache.snapshot(of: name)
    return (snapshot, snapshot)
  }

  /// What the model predicts: as its settings say, or `problem_type` of its `config.json`; otherwise a
  /// head with one output predicts a number, as transformers takes it, and any other one label.
  ///
  /// - Throws: `FineTuningError` when the checkpoint has parts of a head that do not fit together.
  public func task() throws(FineTuningError) -> PredictionTask {
    if let settings { return settings.task }
    let labels = try Head.found(in: checkpoint)?.labels
    guard let value = configurationJSON["problem_type"], value != .null else {
      return labels == 1 ? .regression : .classification
    }
    let path = Path.join(folder, "config.json")
    guard let task = value.word.flatMap(PredictionTask.init(problemType:)) else {
      throw .member(
        "problem_type", value, expected: .words(PredictionTask.allCases.map(\.problemType)),
        path: path)
    }
    if labels == 1, task == .classification {
      throw .oneOutput(task, path: path)
    }
    if let labels, task == .regression, labels != 1 {
      throw .severalNumbers(labels, path: path)
    }
    return task
  }

  /// The names of the labels of a head with `count` outputs, in the order of the logits: those of `id2label`
  /// in `config.json`, which a user may have edited after the training, then those of `espalier.json`.
  package func headLabels(count: Int) -> HeadLabels {
    func isDefault(_ names: [String]) -> Bool {
      names.isSame(as: HeadLabels.defaults(names.count))
    }
    let stored = settings?.labels
    let edited = labelNames(count: count)
    var notes: [String] = []
    if edited == nil, let named = configurationJSON["id2label"]?.object?.count {
      notes.append(
        "\(Path.join(folder, "config.json")): id2label with \(Text.counted(named, "name")) is not read: the head has "
          + "\(Text.counted(count, "output")), 0 to \(count - 1)")
    }
    if let numbers = configurationJSON["label2id"]?.object, !numbers.isEmpty {
      let path = Path.join(folder, "config.json")
      if let edited {
        // The names may be edited in id2label alone: only the same name with another number is a contradiction.
        let isContrary = edited.indices.contains(where: { row in
          numbers[Key(edited[row])]?.integer.map { $0 != row } ?? false
            && edited.count { LabelText.same($0, edited[row]) } == 1
        })
        if isContrary {
          notes.append(
            "\(path): label2id contradicts id2label, which is followed: \(listed(edited))")
        }
      } else if configurationJSON["id2label"] ?? .null == .null, stored == nil {
        notes.append("\(path): label2id without id2label is not read, as in transformers")
      }
    }
    guard let names = edited.flatMap({ isDefault($0) ? nil : $0 }) ?? stored ?? edited else {
      return HeadLabels(
        names: HeadLabels.defaults(count), isNamed: false, model: name, notes: notes)
    }
    if let stored, settings?.task != .regression, stored.map({ Key($0) }) != names.map({ Key($0) })
    {
      notes.append(
        "\(Path.join(folder, "config.json")): id2label has other names than \(ClassifierSettings.fileName); the "
          + "labels are \(listed(names))")
    }
    return HeadLabels(names: names, isNamed: !isDefault(names), model: name, notes: notes)
  }

  /// The names of the labels in `id2label` of `config.json`, in the order of the logits, if there
  /// are `count` of them.
  package func labelNames(count: Int) -> [String]? {
    guard let names = configurationJSON["id2label"]?.object, names.count == count else {
      return nil
    }
    let ordered = (0..<count).compactMap { names[Key(String($0))]?.string }
    return ordered.count == count ? ordered : nil
  }
}
