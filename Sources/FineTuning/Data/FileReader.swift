internal import CheckpointFiles
internal import ParameterSurgery

/// Reads a file from its start to its end, a piece at a time.
struct FileReader: ~Copyable {
  private let stream: FileStream

  /// Opens a file.
  init(_ path: String) throws(FineTuningError) {
    stream = try wrapping { try FileStream(path) }
  }

  /// Appends up to `count` more bytes; returns how many, 0 at the end of the file.
  func read(_ count: Int, onto bytes: inout [UInt8]) throws(FineTuningError) -> Int {
    try wrapping { try stream.read(count, onto: &bytes) }
  }

  /// The whole file, up to `limit` bytes.
  static func contents(
    of path: String, limit: Int = 64 << 20
  ) throws(FineTuningError) -> [UInt8] {
    let reader = try FileReader(path)
    var bytes: [UInt8] = []
    while try reader.read(1 << 16, onto: &bytes) > 0 {
      guard bytes.count <= limit else {
        throw .largeFile(path, limit: limit)
      }
    }
    return bytes
  }

  /// The SHA-256 of the file, up to the limit of ``contents(of:limit:)``.
  static func digest(of path: String) throws(FineTuningError) -> String {
    var hash = SHA256Hash()
    hash.update(try contents(of: path))
    return hash.hexadecimal()
  }
}

/// Puts a small file in place, whole or not at all.
func replaceFile(at path: String, _ bytes: [UInt8]) throws(FineTuningError) {
  try wrapping { try WholeFile.write(bytes, to: path, followingLinks: false) }
}
