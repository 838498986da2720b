internal import CheckpointFiles

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The few questions about paths that a run asks.
enum FileSystem {
  /// `name` inside `folder`.
  static func path(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }

  /// The folder that holds `path`.
  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static func exists(_ path: String) -> Bool { WholeFile.exists(path) }

  static func isFolder(_ path: String) -> Bool { WholeFile.isFolder(path) }

  static func isWritable(_ path: String) -> Bool { unsafe access(path, W_OK) == 0 }

  /// Whether a folder holds nothing.
  static func isEmpty(_ folder: String) throws(FineTuningError) -> Bool {
    guard let handle = unsafe opendir(folder) else {
      throw FineTuningError("\(folder): \(unsafe String(cString: strerror(errno)))")
    }
    defer { unsafe closedir(handle) }
    var names = 0
    while unsafe readdir(handle) != nil { names += 1 }
    // `.` and `..` are always there.
    return names <= 2
  }

  /// Makes a folder; one that exists already is fine.
  static func makeFolder(_ path: String) throws(FineTuningError) {
    do {
      try WholeFile.createFolder(path)
    } catch {
      throw FineTuningError(error.description)
    }
  }

  /// The JSON document in a file.
  static func json(_ path: String) throws -> JSONValue {
    do {
      return try JSONParser.parse(try FileReader.contents(of: path, limit: 64 << 20))
    } catch var error as CheckpointError {
      error.path = path
      throw error
    }
  }
}
