internal import CheckpointFiles

extension FreezeMask {
  /// Reads a mask file.
  ///
  /// - Throws: `CheckpointError` when the file cannot be read, ``SurgeryError`` when it is no mask.
  public init(path: String) throws {
    let bytes = try WholeFile.read(path)
    do {
      try self.init(json: bytes)
    } catch {
      throw SurgeryError("\(path): \(error.description)")
    }
  }

  /// Writes the mask file, which appears complete or not at all. The same mask gives the same bytes.
  ///
  /// - Throws: `CheckpointError` when the file cannot be written.
  public func write(to path: String) throws {
    try WholeFile.write(Array(jsonText.utf8), to: path)
  }
}
