public import CheckpointFiles

/// The SHA-256 of all tensors of a checkpoint.
///
///     print(try ContentDigest.hexadecimal(of: checkpoint))
public enum ContentDigest {
  /// The digest of the lines `key\tdtype\tdim,dim\tsha256\n` in key order; `sha256` is that of the elements of the
  /// tensor. It is the same in every file format and order.
  ///
  /// - Parameters:
  ///   - checkpoint: the checkpoint.
  ///   - progress: called with numbers of bytes that were read.
  /// - Throws: `CheckpointError` when bytes cannot be read.
  public static func hexadecimal(
    of checkpoint: Checkpoint, progress: (Int) -> Void = { _ in }
  ) throws(CheckpointError) -> String {
    try hexadecimal(of: checkpoint) { (tensor) throws(CheckpointError) in
      try TensorDigest.hexadecimal(of: [tensor], progress: progress)
    }
  }

  /// The same digest, of tensors whose own digests `digest` returns.
  package static func hexadecimal<Failure: Error>(
    of checkpoint: Checkpoint, _ digest: (Tensor) throws(Failure) -> String
  ) throws(Failure) -> String {
    var hash = SHA256Hash()
    for key in checkpoint.keys.sorted() {
      guard let tensor = checkpoint[key] else { continue }
      let dimensions = tensor.shape.dimensions.map(String.init).joined(separator: ",")
      let digest = try digest(tensor)
      let line = Array("\(key)\t\(tensor.dtype)\t\(dimensions)\t\(digest)\n".utf8)
      unsafe hash.update(line.span.bytes)
    }
    return hash.hexadecimal()
  }
}
