// Safetensors files: their headers, and what they can hold.
extension CheckpointError {
  static func headerMissing(fileByteCount: Int) -> CheckpointError {
    CheckpointError(
      .malformed,
      "a safetensors file begins with 8 bytes of header length, this file has \(fileByteCount) bytes"
    )
  }

  static func headerTooLong(_ byteCount: UInt64) -> CheckpointError {
    CheckpointError(
      .tooLarge, "the header claims \(byteCount) bytes, more than the 100,000,000 allowed")
  }

  static func headerTruncated(_ byteCount: UInt64, found: Int) -> CheckpointError {
    CheckpointError(
      .malformed, "the header claims \(byteCount) bytes, the file has \(found) after its length")
  }

  static func tooManyTensors(_ limit: Int) -> CheckpointError {
    CheckpointError(.tooLarge, "the file has more than \(limit) tensors")
  }

  static func tooMuchMetadata(_ limit: Int) -> CheckpointError {
    CheckpointError(.tooLarge, "__metadata__ has more than \(limit) entries")
  }

  static func reversedOffsets(begin: Int, end: Int) -> CheckpointError {
    CheckpointError(.malformed, "the data ends at \(end), before it begins at \(begin)")
  }

  static func wrongByteCount(
    _ dtype: DType, _ shape: Shape, needed: Int, found: Int
  ) -> CheckpointError {
    CheckpointError(
      .malformed, "\(dtype) \(shape) needs \(needed) bytes, data_offsets give it \(found)")
  }

  /// - Parameters:
  ///   - end: where the tensors before end.
  ///   - begin: where the tensor begins.
  static func gapOrOverlap(end: Int, begin: Int) -> CheckpointError {
    CheckpointError(
      .malformed,
      begin > end
        ? "no tensor holds the data bytes \(end)..<\(begin) before this one"
        : "the data begins at \(begin), inside the tensor before it, which ends at \(end)")
  }

  static func wrongDataByteCount(needed: Int, found: Int) -> CheckpointError {
    CheckpointError(
      .malformed,
      needed > found
        ? "the file is truncated: its tensors need \(needed) bytes, \(found) are there"
        : "\(found - needed) bytes after the last tensor")
  }

  static var duplicateKey: CheckpointError {
    CheckpointError(.malformed, "the key is duplicated in the header")
  }

  // MARK: Writing

  static var tensorsTooLarge: CheckpointError {
    CheckpointError(.tooLarge, "the tensors are too large for one file")
  }

  static func noSafetensorsDType(_ dtype: DType) -> CheckpointError {
    CheckpointError(
      .unsupported,
      "safetensors has no \(dtype); leave the tensor out, or write a PyTorch file")
  }

  static var reservedKey: CheckpointError {
    CheckpointError(.unsupported, "safetensors uses this name for its metadata; rename the tensor")
  }

  static func headerToWriteTooLong(_ byteCount: Int) -> CheckpointError {
    CheckpointError(
      .tooLarge,
      "the header would take \(byteCount) bytes, more than the 100,000,000 allowed; write shards")
  }
}
