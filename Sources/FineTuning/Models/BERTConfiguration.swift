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
  /// Rows of the token type embeddings.
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
  /// - Throws: `FineTuningError` when a member is missing, makes no sense, or asks for what is not
  ///   implemented (another `model_type`, another activation, relative positions, a decoder).
  public init(_ json: JSONValue, path: String) throws(FineTuningError) {
    guard json.object != nil else {
      throw FineTuningError("\(path): expected a JSON object with the model's configuration")
    }
    func count(_ name: String, default fallback: Int? = nil) throws(FineTuningError) -> Int {
      guard let member = json[name] else {
        if let fallback { return fallback }
        throw FineTuningError("\(path): \"\(name)\" is missing")
      }
      guard let value = member.integer, value > 0, value <= 1 << 30 else {
        throw FineTuningError(
          "\(path): \"\(name)\" is \(member.text()), expected a positive integer")
      }
      return value
    }
    func number(_ name: String, default fallback: Float) throws(FineTuningError) -> Float {
      guard let member = json[name], member != .null else { return fallback }
      guard let value = member.double, value.isFinite, value >= 0 else {
        throw FineTuningError("\(path): \"\(name)\" is \(member.text()), expected a number ≥ 0")
      }
      return Float(value)
    }
    func demand(_ name: String, _ allowed: JSONValue...) throws(FineTuningError) {
      guard let member = json[name], member != .null, !allowed.contains(member) else { return }
      throw FineTuningError(
        "\(path): \"\(name)\": \(member.text()) is not implemented; "
          + "expected \(allowed.map { $0.text() }.joined(separator: " or "))")
    }
    guard
      let family = ModelFamily.all.first(where: {
        $0.modelType == json["model_type"]?.string ?? ModelFamily.bert.modelType
      })
    else {
      throw FineTuningError(
        "\(path): \"model_type\": \((json["model_type"] ?? .null).text()) is not implemented; "
          + "expected \(ModelFamily.all.map { "\"\($0.modelType)\"" }.joined(separator: ", "))")
    }
    self.family = family
    // DistilBERT has names of its own for the same things.
    let distilled = family == .distilBERT
    func own(_ name: String, _ other: String) -> String {
      distilled && json[other] != nil ? other : name
    }
    try demand(distilled ? "activation" : "hidden_act", "gelu")
    try demand("sinusoidal_pos_embds", false)
    try demand("position_embedding_type", "absolute")
    try demand("is_decoder", false)
    try demand("add_cross_attention", false)

    vocabularySize = try count("vocab_size")
    hiddenSize = try count(own("hidden_size", "dim"))
    layerCount = try count(own("num_hidden_layers", "n_layers"))
    headCount = try count(own("num_attention_heads", "n_heads"))
    intermediateSize = try count(own("intermediate_size", "hidden_dim"))
    positionRows = try count("max_position_embeddings", default: 512)
    maximumPositions = positionRows
    embeddingSize =
      family.projectsEmbeddings ? try count("embedding_size", default: 128) : hiddenSize
    typeVocabularySize = try count("type_vocab_size", default: 2)
    layerNormEpsilon = try number("layer_norm_eps", default: 1e-12)
    hiddenDropout = try number(own("hidden_dropout_prob", "dropout"), default: 0.1)
    attentionDropout = try number(
      own("attention_probs_dropout_prob", "attention_dropout"), default: 0.1)
    let classifierName = distilled ? "seq_classif_dropout" : "classifier_dropout"
    if let member = json[classifierName], member != .null {
      classifierDropout = try number(classifierName, default: 0)
    } else {
      classifierDropout = distilled ? 0.2 : nil
    }
    for (name, value) in [
      ("hidden_dropout_prob", hiddenDropout), ("attention_probs_dropout_prob", attentionDropout),
      ("classifier_dropout", classifierDropout ?? 0),
    ] where value >= 1 {
      throw FineTuningError("\(path): \"\(name)\" is \(value), expected a probability below 1")
    }
    if let padding = json["pad_token_id"], padding != .null {
      guard let value = padding.integer, value >= 0, value < vocabularySize else {
        throw FineTuningError(
          "\(path): \"pad_token_id\" is \(padding.text()), outside the vocabulary")
      }
      paddingToken = value
    } else {
      // The default of the class when the member is absent; an explicit null means no padding row.
      paddingToken = json["pad_token_id"] == nil ? (family.countsFromPadding ? 1 : 0) : nil
    }
    if family.countsFromPadding {
      guard let padding = paddingToken, padding + 1 < positionRows else {
        throw FineTuningError(
          "\(path): positions count from \"pad_token_id\" "
            + "\(paddingToken.map(String.init) ?? "null") on, which leaves none of "
            + "\"max_position_embeddings\" \(positionRows)")
      }
      maximumPositions = positionRows - padding - 1
    }
    guard hiddenSize % headCount == 0 else {
      throw FineTuningError(
        "\(path): \"hidden_size\" \(hiddenSize) is not a multiple of "
          + "\"num_attention_heads\" \(headCount)")
    }
  }
}
