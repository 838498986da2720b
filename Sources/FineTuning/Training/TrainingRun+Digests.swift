internal import CheckpointFiles
internal import ParameterSurgery

extension TrainingRun {
  /// The SHA-256 of the parts of the model that a run starts from.
  package struct ModelDigests: Sendable, Hashable {
    /// The tensors: see `ContentDigest`.
    package let tensors: String
    /// `config.json`.
    package let configuration: String
    /// The names and the digests of the tokenizer's files.
    package let tokenizer: String
  }

  /// The digests of the model. Tensors that the run has read are not read again.
  ///
  /// - Throws: when a file cannot be read.
  package func modelDigests() throws -> ModelDigests {
    var files = SHA256Hash()
    for (name, digest) in try tokenizer.files.digests() { files.update("\(name)\t\(digest)\n") }
    return ModelDigests(
      tensors: try modelDigest(),
      configuration: try FileReader.digest(of: Path.join(model.folder, "config.json")),
      tokenizer: files.hexadecimal())
  }

  /// The digest of the tensors of the model, which a delta is bound to.
  func modelDigest() throws -> String {
    try ContentDigest.hexadecimal(of: model.checkpoint) { try trainer.tensorDigests.digest(of: $0) }
  }
}
