import CheckpointFiles
import FineTuning
import OrderedCollections
import ParameterSurgery

/// The files of directories in the Hugging Face layout.
enum ModelFolder {
  /// The files that belong to the model beside its weights, without its documentation.
  static let companions = [
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
    "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "spiece.model",
    "sentencepiece.bpe.model", "tokenizer.model",
  ]

  /// The name of a model's configuration.
  static let configuration = "config.json"

  /// The files of an older model in a directory that a new one does not replace: an older tokenizer would be read
  /// instead of the new one.
  static func stale(in path: String, unlike names: [String]) -> [String] {
    own.filter {
      !weights.contains($0) && !names.contains($0) && WholeFile.exists(Path.join(path, $0))
    }
  }

  /// Whether a command that writes a model may have put a file of this name into its directory.
  static func holds(_ name: String) -> Bool {
    companions.contains(name) || name == ClassifierSettings.fileName
      || name == TrainingRun.FileName.mask
      || name.hasPrefix("model") && [".safetensors", ".index.json"].contains(where: name.hasSuffix)
      || FolderChange.isPart(name)
  }

  /// Throws when the settings of a classifier cannot be written with a copy of the `config.json` in `folder`, if
  /// there is one.
  static func checkSettings(from folder: String) throws {
    let path = Path.join(folder, "config.json")
    guard WholeFile.exists(path) else { return }
    _ = try BERTConfiguration(try json(path), path: path)
  }

  /// Weights that a directory may hold already.
  static let weights = CheckpointFolder.names

  /// The files of a new directory, and those that would be read as a part of it.
  static let own =
    weights + companions + [ClassifierSettings.fileName, TrainingRun.FileName.mask]

  /// The JSON document in a file.
  static func json(_ path: String) throws(CheckpointError) -> JSONValue {
    do {
      return try JSONParser.parse(try WholeFile.read(path, limit: 1 << 24))
    } catch {
      var error = error
      error.path = path
      throw error
    }
  }

  /// Adds the settings of a classifier whose head is new, and labels that `config.json` names or no one has named
  /// yet, to the files of its directory. Without `config.json` among them, nothing is added.
  ///
  /// - Parameters:
  ///   - files: the files of the directory in addition to the weights.
  ///   - checkpoint: the encoder with the new head.
  ///   - folder: the folder of the base.
  ///   - count: the number of labels.
  ///   - sentence: the settings of a sentence-transformers folder of the base.
  ///   - isOwn: whether the head is that of the family's own class, whose pooling the classifier then has, and which
  ///     `config.json` names.
  static func addSettings(
    to files: inout ModelOutput.Companions, of checkpoint: Checkpoint, from folder: String,
    labels count: Int, sentence: SentenceSettings?, isOwn: Bool
  ) throws {
    guard let place = files.firstIndex(where: { $0.name == configuration }) else { return }
    let read = try JSONParser.parse(files[place].bytes)
    var json = withoutLabels(read, unless: count)
    let model = try ModelDirectory(unwritten: checkpoint, configuration: json, from: folder)
    let settings = ClassifierSettings(
      pooling: isOwn
        ? model.configuration.family.classifierPooling : sentence?.pooling ?? .mean,
      labels: model.labelNames(count: count) ?? (0..<count).map { "LABEL_\($0)" },
      maximumLength: ClassifierSettings.usualMaximumLength(
        model.configuration, try (try? TokenizerFiles(directory: folder))?.modelMaximumLength(),
        sentence),
      task: count == 1 ? .regression : .classification)
    if isOwn { json = settings.describing(json, as: model.configuration.family) }
    if json != read { files[place].bytes = bytes(of: json) }
    files.insert((ClassifierSettings.fileName, bytes(of: settings.json)), at: place)
  }

  /// A document as the contents of a file.
  private static func bytes(of json: JSONValue) -> [UInt8] {
    Array((json.text(indent: 2) + "\n").utf8)
  }

  /// A configuration without the labels of another head, when they are more or fewer than `count`.
  private static func withoutLabels(_ json: JSONValue, unless count: Int) -> JSONValue {
    guard var members = json.object,
      let names = json["id2label"]?.object?.count ?? json["num_labels"]?.integer, names != count
    else { return json }
    for name in ["id2label", "label2id", "num_labels"] { members[Key(name)] = nil }
    return .object(members)
  }

  /// The folder of the run that wrote the delta at `path`: the folder itself, or that of a kept epoch.
  static func run(of path: String) -> String? {
    if WholeFile.isFolder(path) { return path }
    let epochs = Path.parent(of: path)
    let run = Path.parent(of: epochs)
    return Path.name(of: epochs).isSame(as: TrainingRun.FileName.epochs)
      && WholeFile.exists(Path.join(run, ClassifierSettings.fileName)) ? run : nil
  }

  /// Adds what a run wrote in addition to its weights to the files of a directory, in place of those of the base:
  /// configuration, tokenizer, settings and mask.
  static func addRun(from source: String, to files: inout ModelOutput.Companions) throws {
    let names =
      companions.filter { $0 != configuration }
      + [ClassifierSettings.fileName, TrainingRun.FileName.mask, configuration]
    for name in names where WholeFile.exists(Path.join(source, name)) {
      files.removeAll { $0.name == name }
      // The configuration stays the last.
      let place = files.firstIndex { $0.name == configuration } ?? files.endIndex
      files.insert((name, try WholeFile.read(Path.join(source, name))), at: place)
    }
  }
}
