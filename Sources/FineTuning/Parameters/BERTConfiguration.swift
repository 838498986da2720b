public import CheckpointFiles

/// The sizes and constants of an encoder of BERT's kind, as `config.json` of Hugging Face names them.
///
/// Every setting that changes the arithmetic is read or refused: a configuration that asks for what
/// is not implemented never trains something else in silence.
public struct BERTConfiguration: Sendable, Hashable {
  /// Which family of encoders it is.
  public var family: ModelFamily
  /// Width of the embeddings (E); the hidden states' width in most families.
  public var embeddingSize: Int
  /// Rows of the position embeddings.
  public var positionRows: Int
  /// Rows of the word embeddings (V).
  public var vocabularySize: Int
  /// Width of the hidden states (C).
  public var hiddenSize: Int
  /// Encoder layers (L).
  public var layerCount: Int
  /// Attention heads (H); they divide the width.
  public var headCount: Int
  /// Width of the feed-forward layer (F).
  public var intermediateSize: Int
  /// The longest sequence, in tokens: the rows of the position embeddings that can be used.
  public var maximumPositions: Int
  /// Rows of the token type embeddings; 0 in families without any.
  public var typeVocabularySize: Int
  /// Added to the variance in LayerNorm.
  public var layerNormEpsilon: Float
  /// Dropout after the embeddings and after both dense layers of an encoder layer.
  public var hiddenDropout: Float
  /// Dropout on the attention probabilities.
  public var attentionDropout: Float
  /// Dropout before a checkpoint's own classifier; `hiddenDropout` when absent.
  public var classifierDropout: Float?
  /// The row of the word embeddings that never receives a gradient, as PyTorch's `padding_idx`.
  public var paddingToken: Int?

  /// Width of one attention head (D).
  public var headSize: Int { hiddenSize / headCount }

  /// The configuration in a `config.json`.
  ///
  /// - Parameters:
  ///   - json: the document.
  ///   - path: its file, for errors.
  ///   - checkpoint: the weights; of a file that names no family, their keys show it.
  /// - Throws: `FineTuningError` when a member is missing, makes no sense, or asks for what is not
  ///   implemented (another `model_type`, another activation, relative positions, a decoder).
  public init(
    _ json: JSONValue, path: String, checkpoint: Checkpoint? = nil
  ) throws(FineTuningError) {
    guard json.object != nil else {
      throw .configurationIsNotObject(path)
    }
    let members = ConfigurationMembers(json: json, path: path)
    family = try ModelFamily(of: json, path: path, checkpoint: checkpoint)
    try BERTConfiguration.refuseOtherComputations(members, family)

    vocabularySize = try members.count("vocab_size")
    positionRows = try members.count("max_position_embeddings", default: 512)
    maximumPositions = positionRows
    if family == .distilBERT {
      // DistilBERT has names of its own for the same things, and constants where the others have members.
      hiddenSize = try members.count("dim", or: "hidden_size")
      layerCount = try members.count("n_layers", or: "num_hidden_layers")
      headCount = try members.count("n_heads", or: "num_attention_heads")
      intermediateSize = try members.count("hidden_dim")
      embeddingSize = hiddenSize
      typeVocabularySize = 0
      layerNormEpsilon = 1e-12
      hiddenDropout = try members.probability("dropout", default: 0.1)
      attentionDropout = try members.probability("attention_dropout", default: 0.1)
      classifierDropout = try members.probability("seq_classif_dropout", default: 0.2)
    } else {
      hiddenSize = try members.count("hidden_size")
      layerCount = try members.count("num_hidden_layers")
      headCount = try members.count("num_attention_heads")
      intermediateSize = try members.count("intermediate_size")
      embeddingSize =
        family.projectsEmbeddings ? try members.count("embedding_size", default: 128) : hiddenSize
      typeVocabularySize = try members.count("type_vocab_size", default: 2)
      layerNormEpsilon = try members.number("layer_norm_eps", default: 1e-12)
      hiddenDropout = try members.probability("hidden_dropout_prob", default: 0.1)
      attentionDropout = try members.probability("attention_probs_dropout_prob", default: 0.1)
      classifierDropout =
        json["classifier_dropout"] ?? .null == .null
        ? nil : try members.probability("classifier_dropout", default: 0)
    }
    // An explicit null means no padding row.
    paddingToken = family.countsFromPadding ? 1 : 0
    if let padding = json["pad_token_id"] {
      paddingToken = padding.integer
      guard padding == .null || padding.integer.map((0..<vocabularySize).contains) == true else {
        throw .member(
          "pad_token_id", padding, expected: .nullOrInteger(0...vocabularySize - 1), path: path)
      }
    }
    if family.countsFromPadding {
      guard let padding = paddingToken, padding + 1 < positionRows else {
        throw .noPositions(padding: paddingToken, rows: positionRows, path: path)
      }
      maximumPositions = positionRows - padding - 1
    }
    guard hiddenSize % headCount == 0 else {
      throw .hiddenSize(hiddenSize, heads: headCount, path: path)
    }
  }

  /// - Throws: `FineTuningError` that names a member that asks for something else than is computed here.
  private static func refuseOtherComputations(
    _ members: ConfigurationMembers, _ family: ModelFamily
  ) throws(FineTuningError) {
    if family == .distilBERT {
      try members.demand("activation", "gelu")
      try members.demand("sinusoidal_pos_embds", false)
    } else {
      try members.demand("hidden_act", "gelu")
      try members.demand("is_decoder", false)
      try members.demand("add_cross_attention", false)
    }
    if members.json["position_embedding_type"] != .null {
      try members.demand("position_embedding_type", "absolute")
    }
    try members.refuse("per_layer_config", .differentLayers)
    try members.refuse("pruned_heads", .prunedHeads)
    try members.refuse("quantization_config", .quantisedWeights)
    try members.refuse("auto_map", .ownCode)
  }
}
