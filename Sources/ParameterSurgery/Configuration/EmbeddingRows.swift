internal import CheckpointFiles
internal import OrderedCollections

/// Members of a configuration that count rows of tensors, and the tensors.
enum EmbeddingRows {
  /// What the rows of a tensor are.
  enum Kind: Hashable, CaseIterable {
    case tokens, positions, boxPositions, types, entities

    /// The members that count such rows.
    var members: [String] {
      switch self {
      case .tokens:
        [
          "vocab_size", "n_words", "src_vocab_size", "tgt_vocab_size", "decoder_vocab_size",
          "vocab_size_per_layer_input",
        ]
      case .positions:
        [
          "max_position_embeddings", "n_positions", "n_ctx", "max_source_positions",
          "max_target_positions", "max_encoder_position_embeddings",
          "max_decoder_position_embeddings",
        ]
      case .boxPositions: ["max_2d_position_embeddings"]
      case .types: ["type_vocab_size"]
      case .entities: ["entity_vocab_size"]
      }
    }

    /// How many rows more than the member says a table may have: some families number positions from 2.
    var offsets: [Int] { self == .positions ? [0, 2] : [0] }

    var noun: String {
      switch self {
      case .tokens: "token"
      case .positions, .boxPositions: "position"
      case .types: "token type"
      case .entities: "entity"
      }
    }
  }

  /// The names of tables with a row for each token.
  private static let tokenTables: Set<Key> = [
    "word_embeddings", "embed_tokens", "wte", "shared", "tok_embeddings", "token_embedding",
    "token_embeddings", "word_embedding", "embed_in", "w", "embeddings", "embedding",
    "tokens_embed",
    "embed_tokens_per_layer",
  ]

  /// What the rows of the embedding called `key` are; `nil` for another tensor.
  static func kind(of key: Key) -> Kind? {
    let parts = key.parts
    guard parts.last == "weight", parts.count > 1, NumberedLayers.split(key) == nil else {
      return nil
    }
    let name = parts[parts.count - 2]
    if name.contains("position") || name == "wpe" {
      return ["x_", "y_", "h_", "w_", "box_"].contains { name.begins(with: $0) }
        ? .boxPositions : .positions
    }
    if name.contains("token_type") || name.contains("segment") { return .types }
    if name.contains("entity") { return .entities }
    return tokenTables.contains(name) ? .tokens : nil
  }

  /// Whether the member `name` may count the rows of the tensor with these components.
  static func fits(_ name: String, _ parts: [Key]) -> Bool {
    func has(_ word: String) -> Bool { parts.contains { $0.contains(word) } }
    switch name {
    case "src_vocab_size", "max_source_positions", "max_encoder_position_embeddings":
      return has("encoder")
    case "tgt_vocab_size", "decoder_vocab_size", "max_target_positions",
      "max_decoder_position_embeddings":
      return has("decoder")
    case "vocab_size_per_layer_input": return has("per_layer")
    case "vocab_size": return !has("per_layer")
    default: return true
    }
  }
}

extension EmbeddingRows {
  private static let outputs: [String] = [
    "lm_head.weight", "lm_head.bias", "predictions.bias", "decoder.weight", "decoder.bias",
    "vocab_projector.weight", "vocab_projector.bias", "embed_out.weight", "proj_out.weight",
    "pred_layer.proj.weight", "pred_layer.proj.bias", "output_projection.weight", "lm_loss.weight",
    "lm_loss.bias", "lm_head.decoder.weight",
    "generator_lm_head.weight", "generator_lm_head.bias",
    "word_embeddings.weight_integer",
  ]

  /// Whether the tensor has a column for each token, and one row.
  static func perColumn(_ key: Key) -> Bool {
    key.parts.last == "final_logits_bias"
      || key.parts.starts(with: ["cls", "predictions", "dense"])
  }

  /// Whether `key` has the name of a tensor that gives a number for each token.
  static func isOutput(_ key: Key) -> Bool {
    guard NumberedLayers.split(key) == nil else { return false }
    // RWKV's and LLaMA's own names, too short for the ending of another.
    if key == "head.weight" || key == "output.weight" { return true }
    if key.parts.last == "final_logits_bias" { return true }
    return outputs.contains { key == Key($0) || key.ends(with: "." + $0) }
  }
}
