public import CheckpointFiles

/// The SHA-256 of the elements of a tensor.
///
///     print(try TensorDigest.hexadecimal(of: tensor))
public enum TensorDigest {
  /// The digest of the elements of `parts`, one after another, each in row-major order and
  /// little-endian, as 64 lower-case hexadecimal digits. Two tensors of one dtype and shape have the
  /// same digest whatever file, format, stride or shard they come from.
  ///
  /// - Parameters:
  ///   - parts: one tensor, or the rows of one that were selected.
  ///   - progress: called with the number of bytes that were read.
  /// - Throws: `CheckpointError` when the elements cannot be read.
  public static func hexadecimal(
    of parts: [Tensor], progress: (Int) -> Void = { _ in }
  ) throws(CheckpointError) -> String {
    var hash = SHA256Hash()
    do {
      for part in parts {
        try part.forEachChunk { chunk in
          hash.update(chunk)
          progress(chunk.byteCount)
        }
      }
    } catch {
      throw error as? CheckpointError ?? CheckpointError(.cannotRead, "\(error)")
    }
    return hash.hexadecimal()
  }

  /// The digest of one tensor's elements.
  ///
  /// - Throws: `CheckpointError` when the elements cannot be read.
  public static func hexadecimal(of tensor: Tensor) throws(CheckpointError) -> String {
    try hexadecimal(of: [tensor])
  }
}
