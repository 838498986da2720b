internal import CheckpointFiles
internal import OrderedCollections

/// The output embedding of a language model, and the input embedding that it may be tied to.
enum OutputHead {
  private static let heads = [
    "lm_head.weight", "embed_out.weight", "output_projection.weight",
    "predictions.decoder.weight", "lm_head.decoder.weight", "vocab_projector.weight",
    "generator_lm_head.weight",
  ]
  private static let embeddings = [
    "embed_tokens.weight", "word_embeddings.weight", "wte.weight", "shared.weight",
    "tok_embeddings.weight", "embed_in.weight", "tokens_embed.weight",
  ]

  static func isHead(_ key: Key) -> Bool {
    // That of ModernBERT; elsewhere a decoder is a part of a model.
    key == "decoder.weight" || ends(key, heads)
  }

  static func isEmbedding(_ key: Key) -> Bool { ends(key, embeddings) }

  private static func ends(_ key: Key, _ names: [String]) -> Bool {
    names.contains { key == Key($0) || key.ends(with: "." + $0) }
  }

  /// Whether the `config.json` beside a checkpoint is of a language model that does not untie its head.
  static func isTied(inFolderOf checkpoint: Checkpoint) -> Bool {
    let folder =
      WholeFile.isFolder(checkpoint.path) ? checkpoint.path : Path.parent(of: checkpoint.path)
    guard let bytes = try? WholeFile.read(Path.join(folder, "config.json"), limit: 1 << 24),
      let config = try? JSONParser.parse(bytes)
    else { return false }
    if config["tie_word_embeddings"] == .bool(false) { return false }
    let words = ["ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForMaskedLM"]
    return (config["architectures"]?.array ?? []).compactMap(\.string).contains { name in
      words.contains { Key(name).ends(with: $0) }
    }
  }

  /// Whether an edit gave a head elements of its own, which `tie_word_embeddings` would replace by the embedding's.
  static func isFreed(from base: Checkpoint, to result: Checkpoint) -> Bool {
    guard isSeparate(in: result) else { return false }
    guard isSeparate(in: base) else { return true }
    // The base has the elements under both names; they are read only when something happened to them.
    guard let (head, embedding) = pair(in: result), let (oldHead, oldEmbedding) = pair(in: base),
      TensorView(head) != TensorView(oldHead) || TensorView(embedding) != TensorView(oldEmbedding)
    else { return false }
    return areEqual(oldHead, oldEmbedding) && !areEqual(head, embedding)
  }

  /// Whether a checkpoint has a head with elements of its own.
  private static func isSeparate(in checkpoint: Checkpoint) -> Bool {
    let embeddings = checkpoint.tensors.filter { isEmbedding($0.key) }.values.map { TensorView($0) }
    return !embeddings.isEmpty
      && checkpoint.tensors.contains { key, tensor in
        isHead(key) && !embeddings.contains(TensorView(tensor))
      }
  }

  /// The first head and the embedding of its shape.
  private static func pair(in checkpoint: Checkpoint) -> (head: Tensor, embedding: Tensor)? {
    guard let head = checkpoint.tensors.first(where: { isHead($0.key) })?.value,
      let embedding = checkpoint.tensors.first(where: {
        isEmbedding($0.key) && $0.value.shape == head.shape
      })?.value
    else { return nil }
    return (head, embedding)
  }

  /// Whether two tensors have the same elements. Tensors that cannot be read are not the same.
  static func areEqual(_ one: Tensor, _ other: Tensor) -> Bool {
    guard one.dtype == other.dtype, one.shape == other.shape,
      let digest = try? TensorDigest.hexadecimal(of: one)
    else { return false }
    return digest == (try? TensorDigest.hexadecimal(of: other))
  }
}
