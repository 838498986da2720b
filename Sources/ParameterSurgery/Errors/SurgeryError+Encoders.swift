internal import CheckpointFiles

/// Sentences about encoders and the heads that are added to them.
extension SurgeryError {
  static func oneName(_ name: Key, in path: String) -> SurgeryError {
    SurgeryError(
      .duplicateKey, path: path, key: name, advice: .dropOrRename,
      "\(path): two tensors would have the name \(quoted(name.string))")
  }

  static func oneName(_ name: Key, withPrefixIn path: String) -> SurgeryError {
    SurgeryError(
      .duplicateKey, path: path, key: name, advice: .dropOrRename,
      "\(path): with the prefix, two tensors would have the name \(quoted(name.string))")
  }

  static func unknownHead(_ text: String) -> SurgeryError {
    SurgeryError(.syntax, "the head \(quoted(text)) is neither `mlp:WIDTH` nor `linear`")
  }

  static func labelCount(_ count: Int, limit: Int) -> SurgeryError {
    SurgeryError(
      .invalidArgument, "\(grouped(count)) labels; a head has 1 to \(grouped(limit))")
  }

  static func hasHead(_ key: Key, _ path: String) -> SurgeryError {
    SurgeryError(
      .duplicateKey, path: path, key: key,
      "\(path): \(quoted(key.string)) already exists; a graft overwrites nothing")
  }

  static func headTooLarge(_ key: Key, _ extents: [Int]) -> SurgeryError {
    SurgeryError(
      .tooLarge, key: key,
      "\(quoted(key.string)) would have the shape \(extents), which is too large")
  }

  static func nothingToPrefix(_ prefix: String, _ path: String) -> SurgeryError {
    SurgeryError(
      .matchesNothing, path: path,
      "\(path): no key begins with embeddings., encoder. or pooler., so the prefix \(quoted(prefix)) "
        + "cannot be added")
  }

  static func unknownWidth(_ path: String) -> SurgeryError {
    SurgeryError(
      .tensorMismatch, path: path,
      "\(path): the width of the encoder is unknown: the checkpoint has neither encoder layers nor "
        + "word_embeddings.weight")
  }
}
