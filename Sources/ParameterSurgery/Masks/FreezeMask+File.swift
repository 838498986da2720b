internal import CheckpointFiles

extension FreezeMask {
  /// The most bytes of a mask file for a checkpoint that is not known: about 600,000 tensors.
  private static let usualLimit = 1 << 26

  /// Reads a mask file.
  ///
  ///     let mask = try FreezeMask(path: "freeze.json")
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - tree: the keys of the checkpoint that the mask is for, if they are known. They bound the size of the
  ///     file; whether the mask fits, ``check(fits:named:)`` tells.
  /// - Throws: ``SurgeryError`` when the file cannot be read, is larger than a mask can be, or is not a mask.
  public init(path: String, for tree: ParameterTree? = nil) throws(SurgeryError) {
    let limit = tree.map { FreezeMask.byteLimit(for: $0) } ?? FreezeMask.usualLimit
    self = try locating(path: path) {
      try FreezeMask(json: try WholeFile.read(path, limit: limit))
    }
  }

  /// Writes the mask file, which appears complete or not at all. The same mask gives the same bytes.
  ///
  /// - Throws: ``SurgeryError`` when the file cannot be written.
  public func write(to path: String) throws(SurgeryError) {
    try locating { try WholeFile.write(Array(jsonText.utf8), to: path) }
  }

  /// The most bytes that a list of the tensors of a checkpoint, with states and rows, can honestly have.
  static func byteLimit(for tree: ParameterTree) -> Int {
    var bytes = 1 << 20
    var rows = 0
    for info in tree.entries {
      // Each byte of a key may be escaped.
      bytes = bytes.addingSaturated(info.key.string.utf8.count * 6 + 128)
      // Every other row may be a range of its own.
      rows = rows.addingSaturated(min(info.rowCount ?? 0, 1 << 20))
    }
    bytes = bytes.addingSaturated(min(rows, 1 << 21) * 24)
    // The mask of another checkpoint is refused with what differs, not with its size.
    return max(bytes, 1 << 24)
  }
}
