/// Small files that are read and written as a whole: masks, configurations, vocabularies.
package enum WholeFile {
  /// The bytes of the file at `path`.
  ///
  /// - Parameter limit: the most bytes that such a file may honestly have.
  package static func read(_ path: String, limit: Int = 1 << 26) throws(CheckpointError) -> [UInt8]
  {
    let file = try InputFile(path: path)
    guard file.byteCount <= limit else {
      throw .fileTooLarge(file.byteCount, limit: limit).located(path: path)
    }
    return try file.bytes(at: 0, count: file.byteCount)
  }

  /// Puts `bytes` at `path`; a reader sees what was there before or all of them.
  ///
  /// - Parameter followingLinks: whether a symbolic link at `path` is followed, as where a user names the
  ///   file. Inside a folder that is filled, a link is replaced.
  package static func write(
    _ bytes: [UInt8], to path: String, followingLinks: Bool = true
  ) throws(CheckpointError) {
    let writer = try FileWriter(path: path, followingLinks: followingLinks)
    try writer.write(bytes)
    try writer.commit()
  }

  /// Throws when writing to `path` would replace a file that is read, or has no folder to go to.
  ///
  /// - Parameters:
  ///   - files: paths of files that are read.
  ///   - checkpoints: checkpoints that are read, whose files may be several.
  package static func checkWriting(
    to path: String, reading files: [String] = [], _ checkpoints: Checkpoint...
  ) throws(CheckpointError) {
    var inputs: Set<SystemCall.Identity> = []
    for file in files {
      if let status = SystemCall.status(at: file) { inputs.insert(status.identity) }
    }
    for checkpoint in checkpoints { inputs.formUnion(checkpoint.inputIdentities) }
    do throws(CheckpointError) {
      try FileWriter.check(path, refusing: inputs, inNewFolder: false)
    } catch {
      // There is nothing to do in place here.
      throw error.advice == .replaceInput ? error.advised(nil) : error
    }
  }

  /// Whether there is something at `path`.
  package static func exists(_ path: String) -> Bool { SystemCall.status(at: path) != nil }

  /// Whether both paths lead to one file or folder.
  package static func isSame(_ path: String, _ other: String) -> Bool {
    guard let a = SystemCall.status(at: path), let b = SystemCall.status(at: other) else {
      return false
    }
    return a.identity == b.identity
  }

  /// Whether there is a folder at `path`.
  package static func isFolder(_ path: String) -> Bool {
    SystemCall.status(at: path)?.isDirectory ?? false
  }

  /// Whether this process may write to the file, or make files in the folder, at `path`.
  package static func isWritable(_ path: String) -> Bool { SystemCall.isWritable(path) }

  /// The names in the folder at `path`, in no order.
  package static func names(inFolder path: String) throws(CheckpointError) -> [String] {
    try SystemCall.entries(ofFolder: path)
  }

  /// Whether the folder at `path` holds nothing, but for what ``removeLeftovers(in:)`` removes.
  package static func isEmptyFolder(_ path: String) throws(CheckpointError) -> Bool {
    try SystemCall.entries(ofFolder: path).allSatisfy { TemporaryName.isAbandoned($0, in: path) }
  }

  /// Removes temporary files that ended processes left in a folder.
  package static func removeLeftovers(in folder: String) {
    TemporaryName.removeAbandoned(in: folder)
  }

  /// Removes the file at `path`, if there is one.
  package static func remove(_ path: String) { SystemCall.remove(path) }
}
