internal import CheckpointFiles

/// The few questions about paths that a run asks.
enum FileSystem {
  /// The names in a folder; none when it cannot be read.
  static func names(inFolder folder: String) -> [String] {
    (try? WholeFile.names(inFolder: folder)) ?? []
  }

  /// Whether a folder holds nothing.
  static func isEmpty(_ folder: String) throws(FineTuningError) -> Bool {
    do {
      return try WholeFile.isEmptyFolder(folder)
    } catch {
      throw FineTuningError(
        .file, path: error.path, underlying: .checkpoint(error), error.description)
    }
  }

  /// Runs code that writes files into the folder at `path`, which is created if it is missing, and removed
  /// when nothing was put there.
  static func filling<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    let folder: FolderCreation
    do {
      folder = try FolderCreation(path: path)
    } catch {
      throw FineTuningError(
        .file, path: error.path, underlying: .checkpoint(error), error.description)
    }
    return try folder.removingIfEmpty(body)
  }

  /// Takes the lock of a folder, which lasts as long as the value.
  static func locking(_ path: String) throws(FineTuningError) -> FolderLock {
    do {
      return try FolderLock(path: path)
    } catch {
      throw FineTuningError(
        .file, path: error.path, underlying: .checkpoint(error), error.description)
    }
  }

  /// The JSON document in a file.
  static func json(_ path: String, limit: Int = 16 << 20) throws -> JSONValue {
    do {
      return try JSONParser.parse(try FileReader.contents(of: path, limit: limit))
    } catch var error as CheckpointError {
      error.path = path
      throw error
    }
  }
}
