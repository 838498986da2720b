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
    key.string == "decoder.weight" || ends(key, heads)
  }

  static func isEmbedding(_ key: Key) -> Bool { ends(key, embeddings) }

  private static func ends(_ key: Key, _ names: [String]) -> Bool {
    names.contains { key.string == $0 || key.string.hasSuffix("." + $0) }
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
      words.contains { name.hasSuffix($0) }
    }
  }

  /// Whether a checkpoint has a head with elements of its own, which `tie_word_embeddings` would replace.
  static func isSeparate(in checkpoint: Checkpoint) -> Bool {
    let embeddings = checkpoint.tensors.filter { isEmbedding($0.key) }.values.map { TensorView($0) }
    return !embeddings.isEmpty
      && checkpoint.tensors.contains { key, tensor in
        isHead(key) && !embeddings.contains(TensorView(tensor))
      }
  }
}
