public import CheckpointFiles
internal import Crypto

/// The SHA-256 of a tensor's elements.
public enum TensorDigest {
  /// The digest of the elements of `parts`, one after another, each in row-major order and
  /// little-endian, as 64 lower-case hexadecimal digits. Two tensors of one dtype and shape have the
  /// same digest whatever file, format, stride or shard they come from.
  ///
  /// - Parameter progress: called with the number of bytes that were read.
  /// - Throws: `CheckpointError` when the elements cannot be read.
  public static func hexadecimal(
    of parts: [Tensor], progress: (Int) -> Void = { _ in }
  ) throws -> String {
    var hasher = SHA256()
    for part in parts {
      try part.forEachChunk { chunk in
        unsafe chunk.withUnsafeBytes { unsafe hasher.update(bufferPointer: $0) }
        progress(chunk.byteCount)
      }
    }
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for byte in hasher.finalize() {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The digest of one tensor's elements.
  ///
  /// - Throws: `CheckpointError` when the elements cannot be read.
  public static func hexadecimal(of tensor: Tensor) throws -> String {
    try hexadecimal(of: [tensor])
  }
}
