internal import OrderedCollections

/// Several files of one folder that are replaced as one change.
///
/// One rename is atomic, several are not. So the files wait under names that nothing reads, a journal says
/// what is to be done, and then it is done. A process that is killed in between leaves the journal: the
/// folder is not opened as a checkpoint until ``finishInterrupted(in:)`` has done the rest. Programs that do
/// not know the journal find a folder without `config.json`, and refuse it as well.
package struct FolderChange {
  /// The journal's name in the folder.
  static let journalName = "unfinished-change.espalier"

  private static let format = "espalier-unfinished-change"
  private static let waitingEnding = ".espalier-new"

  private let folder: String
  /// The names of files that are there under their waiting names. The first is what makes the change
  /// effective, the others are removed before it.
  private var names: [String]
  /// The names of files of the old state, which are removed.
  private var removals: [String]

  /// Puts finished files in their places, and removes others of the same folder.
  ///
  /// - Parameters:
  ///   - writers: the first is what makes the change effective: an index, or the only file.
  ///   - removals: paths of files that are not needed any more.
  /// - Throws: `CheckpointError` when a file cannot be replaced or removed.
  static func commit(_ writers: [FileWriter], removing removals: [String]) throws(CheckpointError) {
    guard let first = writers.first else { return }
    guard writers.count > 1 else {
      try first.commit()
      return try remove(removals)
    }
    let change = FolderChange(
      folder: first.folder, names: writers.map(\.name), removals: removals.map(Path.name))
    let journal = try FileWriter(path: Path.join(change.folder, journalName), isFirst: false)
    try journal.write(Array((change.json.text(indent: 2) + "\n").utf8))
    try journal.finish()
    do throws(CheckpointError) {
      for writer in writers { try writer.commit(as: waitingName(writer.name)) }
      try journal.commit()
    } catch {
      for name in change.names {
        SystemCall.remove(Path.join(change.folder, waitingName(name)))
      }
      throw error
    }
    do throws(CheckpointError) {
      try change.finish()
    } catch {
      if change.isUntouched(among: writers) {
        SystemCall.remove(Path.join(change.folder, journalName))
        for name in change.names {
          SystemCall.remove(Path.join(change.folder, waitingName(name)))
        }
        throw error
      }
      throw .unfinished(error, folder: change.folder)
    }
  }

  /// Whether every file that the change replaces is still as it was.
  private func isUntouched(among writers: [FileWriter]) -> Bool {
    writers.allSatisfy { writer in
      SystemCall.status(at: Path.join(folder, FolderChange.waitingName(writer.name))) != nil
        && (writer.existing == nil
          || SystemCall.status(at: Path.join(folder, writer.name))?.identity == writer.existing)
    }
  }

  /// Removes files that the new state does not name.
  private static func remove(_ paths: [String]) throws(CheckpointError) {
    for path in paths {
      do throws(CheckpointError) {
        try SystemCall.removeFully(path)
      } catch {
        throw .remainingFile(error).located(path: path)
      }
    }
  }

  /// Whether a file of this name belongs to a change that is under way or was interrupted.
  package static func isPart(_ name: String) -> Bool {
    name.utf8.equals(journalName) || name.utf8.hasSuffix(waitingEnding)
  }

  /// Whether a change of the folder at `path` was interrupted.
  static func isInterrupted(in path: String) -> Bool {
    SystemCall.status(at: Path.join(path, journalName)) != nil
  }

  /// Does the rest of a change that was interrupted.
  ///
  /// - Throws: `CheckpointError` when the journal is not sound or a file cannot be replaced.
  static func finishInterrupted(in path: String) throws(CheckpointError) {
    let lock = FolderLock(waitingFor: path)
    defer { withExtendedLifetime(lock) {} }
    guard isInterrupted(in: path) else { return }
    try FolderChange(journalIn: path).finish()
  }

  /// Does what is still to be done; each step may have been done already.
  private func finish() throws(CheckpointError) {
    let waiting = names.filter {
      SystemCall.status(at: Path.join(folder, FolderChange.waitingName($0))) != nil
    }
    // Without its configuration, no program takes the folder for a model.
    for name in waiting.dropFirst(waiting.first == names.first ? 1 : 0) {
      try SystemCall.removeFully(Path.join(folder, name))
    }
    // A file of the old state may come before the new one where programs look, so it is removed first.
    try FolderChange.remove(removals.map { Path.join(folder, $0) })
    for name in waiting {
      try SystemCall.rename(
        Path.join(folder, FolderChange.waitingName(name)), to: Path.join(folder, name))
    }
    SystemCall.synchronizeFolder(folder)
    try SystemCall.removeFully(Path.join(folder, FolderChange.journalName))
    SystemCall.synchronizeFolder(folder)
  }

  private static func waitingName(_ name: String) -> String { ".\(name)\(waitingEnding)" }
}

// MARK: The journal

extension FolderChange {
  private var json: JSONValue {
    .members([
      "format": .string(FolderChange.format), "version": 1,
      "replaced": .array(names.map { .string($0) }),
      "removed": .array(removals.map { .string($0) }),
    ])
  }

  /// Reads the journal in `folder`. Its names cannot lead out of the folder.
  private init(journalIn folder: String) throws(CheckpointError) {
    let path = Path.join(folder, FolderChange.journalName)
    func names(_ value: JSONValue?) throws(CheckpointError) -> [String] {
      guard let array = value?.array else {
        throw .notAJournal.located(path: path)
      }
      var names: [String] = []
      for item in array {
        guard let name = item.string, !name.isEmpty, !name.utf8.contains(UInt8(ascii: "/")),
          !name.utf8.contains(0), !name.utf8.equals("."), !name.utf8.equals("..")
        else { throw .journalLeadsOut.located(path: path) }
        names.append(name)
      }
      return names
    }
    let json = try locating(path: path) { () throws(CheckpointError) in
      try JSONParser.parse(try WholeFile.read(path, limit: 1 << 20))
    }
    guard json["format"] == .string(FolderChange.format), json["version"]?.integer == 1 else {
      throw .notAJournal.located(path: path)
    }
    self.folder = folder
    self.names = try names(json["replaced"])
    self.removals = try names(json["removed"])
  }
}
