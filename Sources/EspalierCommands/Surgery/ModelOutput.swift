import ArgumentParser
import CheckpointFiles
import FineTuning
import OrderedCollections
import ParameterSurgery

/// The place where a model is written: a file, a new directory in the Hugging Face layout, or the place of the
/// model that was read.
struct ModelOutput {
  /// The checkpoint that the written one is made from.
  let base: Checkpoint
  /// Where to write.
  let path: String
  var inPlace = false
  var ignoresForeign = false
  var shardByteCount: Int?
  /// The key in the base that each tensor comes from, where an edit has renamed or renumbered them.
  var origins: [Key: Key]?
  /// The tokenizer's files and token ids, where an edit has changed the vocabulary.
  var vocabulary: EditedVocabulary?
  /// Whether an older checkpoint of the folder is removed once the new one is complete.
  var replacesOlder = false
  /// Whether a safetensors file gets the metadata `format`; usual loaders refuse files without it.
  var addsFormat = true

  private static let extensions = [".safetensors", ".bin", ".pt", ".pth", ".ckpt"]

  /// Throws when `path` looks like a file of another kind, which would become a folder: it has an extension of
  /// letters, and there is no such folder.
  static func checkEnding(of path: String) throws {
    let name = path.split(separator: "/").last ?? ""
    guard !path.hasSuffix("/"), !extensions.contains(where: path.hasSuffix),
      !WholeFile.isFolder(path),
      let dot = name.lastIndex(of: "."), dot != name.startIndex
    else { return }
    let ending = name[dot...]
    guard (2...6).contains(ending.count),
      ending.dropFirst().allSatisfy({ $0.isASCII && $0.isLetter })
    else { return }
    throw ValidationError(
      "\(quoted(path)) has the extension \(shown(String(ending))), which is not that of a checkpoint; use one of "
        + "\(extensions.joined(separator: ", ")), or end the name with / for a new directory")
  }

  /// The members of `config.json` that change with `checkpoint`, and notes on what does not follow.
  func configurationChanges(
    for checkpoint: Checkpoint
  ) -> (changes: [ConfigurationUpdate.Change], notes: [String]) {
    guard let update = update(for: checkpoint) else { return ([], unreadableConfiguration) }
    return (update.changes, update.notes)
  }

  /// `config.json` as it is for `checkpoint`; `nil` when the folder of the base has none.
  func configuration(for checkpoint: Checkpoint) -> JSONValue? {
    update(for: checkpoint)?.configuration
  }

  /// A note on a `config.json` that cannot follow, because it cannot be read.
  private var unreadableConfiguration: [String] {
    let config = Path.join(sourceFolder, "config.json")
    return WholeFile.exists(config)
      ? ["\(config): is not a JSON object and is not updated"] : []
  }

  /// Whether `config.json` is written, too. That of a single file's folder is not changed.
  var writesConfiguration: Bool { isFolder || inPlace && WholeFile.isFolder(path) }

  private var isFolder: Bool {
    !inPlace
      && (WholeFile.isFolder(path) || !ModelOutput.extensions.contains { path.hasSuffix($0) })
  }

  private func options(_ progress: Progress?) -> WriteOptions {
    // What is not to change stays, also in memory; safetensors has no strides.
    var options = WriteOptions(
      inPlace: false, ignoresForeign: ignoresForeign, preservesStrides: true,
      shardByteCount: shardByteCount, replacesOlder: replacesOlder)
    if isFolder {
      options.format = .safetensors
      options.followsLinks = false
    }
    if let progress { options.progress = { written, _ in progress.reach(written) } }
    return options
  }

  private func prepared(_ checkpoint: Checkpoint) -> Checkpoint {
    var checkpoint = checkpoint
    if addsFormat, !inPlace, checkpoint.metadata["format"] == nil {
      checkpoint.metadata["format"] = "pt"
    }
    return checkpoint
  }

  /// Throws what ``write(_:progress:)`` would throw before it reads a tensor.
  func check(_ checkpoint: Checkpoint) throws {
    let checkpoint = prepared(checkpoint)
    if inPlace, WholeFile.exists(path) {
      return try checkpoint.checkReplacing(path, options: options(nil))
    }
    guard isFolder else { return try checkpoint.checkWriting(to: path, options: options(nil)) }
    let files = ModelFolder.own.map { Path.join(path, $0) }
    if !replacesOlder, let file = files.first(where: WholeFile.exists) {
      throw InputError(
        "\(file): exists already; choose another directory, or pass --replace to remove the older checkpoint"
      )
    }
    guard !replacesOlder || !isSource else {
      throw InputError(
        "\(path): is the input; write to another directory, or use espalier edit --in-place")
    }
    guard WholeFile.isFolder(FolderCreation.ground(of: path)) else {
      throw InputError("\(path): \(FolderCreation.ground(of: path)) is a file, not a folder")
    }
    try checkpoint.checkWriting(
      to: Path.join(path, "model.safetensors"), options: options(nil), inNewFolder: true)
  }

  /// Files of a directory in addition to the weights: their names and contents, `config.json` last.
  typealias Companions = [(name: String, bytes: [UInt8])]

  /// Writes `checkpoint`. A new directory also gets the updated configuration and the tokenizer of the base, all as
  /// one change. If a file cannot be written, the files that were written to the directory are removed.
  ///
  /// - Parameter amending: changes the other files of a new directory before any file is written.
  func write(
    _ checkpoint: Checkpoint, progress: Progress,
    amending: (inout Companions) throws -> Void = { _ in }
  ) throws {
    try check(checkpoint)
    let result = prepared(checkpoint)
    if inPlace, WholeFile.exists(path) {
      let update = WholeFile.isFolder(path) ? update(for: checkpoint) : nil
      var files: [(name: String, bytes: [UInt8])] = []
      if let vocabulary { files = try vocabulary.files(of: sourceFolder, isNew: false) }
      if let update, !update.changes.isEmpty {
        files.append((ModelFolder.configuration, update.bytes))
      }
      try result.replace(path, options: options(progress), beside: files)
      OlderFiles(besideReplaced: path).note(writing: path)
      return
    }
    let file = isFolder ? Path.join(path, "model.safetensors") : path
    let older = try result.olderFiles(writingTo: file, options: options(nil))
    defer { older.note(writing: file) }
    guard isFolder else {
      return try result.write(
        to: path, options: options(progress), beside: [], removing: [], older: older)
    }
    // A file that cannot be read is an error before the folder is created.
    var companions = try companions(of: checkpoint)
    try amending(&companions)
    let folder = try FolderCreation(path: path)
    let fill = { [companions] in
      try result.write(
        to: file, options: options(progress), beside: companions,
        removing: ModelFolder.stale(in: path, unlike: companions.map(\.name)), older: older)
    }
    // What is replaced stays until all of the new files are complete.
    if replacesOlder {
      try folder.removingIfEmpty(fill)
    } else {
      try folder.removingOnFailure(ModelFolder.holds, fill)
    }
  }

  /// The files of a directory beside the weights: those of the base, with the configuration brought up to date.
  private func companions(of checkpoint: Checkpoint) throws -> Companions {
    let source = sourceFolder
    var files: Companions = []
    // The configuration takes its place last: without it, other programs do not take a folder for a model.
    let names = ModelFolder.companions.filter { $0 != ModelFolder.configuration }
    for name in names + [ModelFolder.configuration]
    where WholeFile.exists(Path.join(source, name)) {
      files.append((name, try WholeFile.read(Path.join(source, name))))
    }
    for file in try vocabulary?.files(of: source, isNew: true) ?? [] {
      files.removeAll { $0.name == file.name }
      let place = files.firstIndex { $0.name == ModelFolder.configuration } ?? files.endIndex
      files.insert(file, at: place)
    }
    if let update = update(for: checkpoint) {
      for index in files.indices
      where !update.changes.isEmpty && files[index].name == ModelFolder.configuration {
        files[index].bytes = update.bytes
      }
    } else if !WholeFile.exists(Path.join(source, ModelFolder.configuration)) {
      StandardError.note(
        "\(path): has no config.json, because there is none in the folder of \(base.path); training needs one"
      )
    }
    return files
  }

  /// Whether the directory to write is the one that the base was read from.
  private var isSource: Bool { WholeFile.isSame(path, sourceFolder) }

  /// The folder of the base.
  var sourceFolder: String {
    WholeFile.isFolder(base.path) ? base.path : Path.parent(of: base.path)
  }

  /// `nil` when the folder of the base has no `config.json`, or it is not a JSON object.
  private func update(for checkpoint: Checkpoint) -> ConfigurationUpdate? {
    let config = Path.join(sourceFolder, "config.json")
    guard WholeFile.exists(config), let bytes = try? WholeFile.read(config, limit: 1 << 24),
      let json = try? JSONParser.parse(bytes, allowsNonFinite: true), json.object != nil
    else { return nil }
    return ConfigurationUpdate(
      json, from: base, to: checkpoint, origins: origins, tokenIDs: vocabulary?.ids)
  }
}

extension ConfigurationUpdate {
  /// The configuration as the contents of a file.
  fileprivate var bytes: [UInt8] { Array((configuration.text(indent: 2) + "\n").utf8) }
}
