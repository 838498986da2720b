internal import CheckpointFiles

/// The few questions about paths that a run asks.
enum FileSystem {
  /// The names in a folder; none when it cannot be read.
  static func names(inFolder folder: String) -> [String] {
    (try? WholeFile.names(inFolder: folder)) ?? []
  }

  /// Whether a folder holds nothing.
  static func isEmpty(_ folder: String) throws(FineTuningError) -> Bool {
    try wrapping { try WholeFile.isEmptyFolder(folder) }
  }

  /// Runs code that writes files into the folder at `path`, which is created if it is missing, and removed
  /// when nothing was put there.
  static func filling<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    let folder = try wrapping { try FolderCreation(path: path) }
    return try folder.removingIfEmpty(body)
  }

  /// Creates the folder at `path` and those above it that are missing.
  static func create(_ path: String) throws { _ = try FolderCreation(path: path) }

  /// Takes the lock of a folder, which lasts as long as the value.
  static func locking(_ path: String) throws(FineTuningError) -> FolderLock {
    try wrapping { try FolderLock(path: path) }
  }

  /// The JSON document in a file.
  static func json(_ path: String, limit: Int = 16 << 20) throws(FineTuningError) -> JSONValue {
    let bytes = try FileReader.contents(of: path, limit: limit)
    return try wrapping {
      try locating(path: path) { () throws(CheckpointError) in try JSONParser.parse(bytes) }
    }
  }
}
