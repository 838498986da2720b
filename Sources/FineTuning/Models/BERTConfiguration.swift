public import CheckpointFiles

/// The sizes and constants of a BERT encoder, as `config.json` of Hugging Face names them.
///
/// Every setting that changes the arithmetic is read or refused: a configuration that asks for what
/// is not implemented never trains something else in silence.
public struct BERTConfiguration: Sendable, Hashable {
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
  /// Rows of the position embeddings: the longest sequence, in tokens.
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
    try demand("model_type", "bert")
    try demand("hidden_act", "gelu")
    try demand("position_embedding_type", "absolute")
    try demand("is_decoder", false)
    try demand("add_cross_attention", false)

    vocabularySize = try count("vocab_size")
    hiddenSize = try count("hidden_size")
    layerCount = try count("num_hidden_layers")
    headCount = try count("num_attention_heads")
    intermediateSize = try count("intermediate_size")
    maximumPositions = try count("max_position_embeddings", default: 512)
    typeVocabularySize = try count("type_vocab_size", default: 2)
    layerNormEpsilon = try number("layer_norm_eps", default: 1e-12)
    hiddenDropout = try number("hidden_dropout_prob", default: 0.1)
    attentionDropout = try number("attention_probs_dropout_prob", default: 0.1)
    classifierDropout =
      try json["classifier_dropout"] == nil
      || json["classifier_dropout"] == .null ? nil : number("classifier_dropout", default: 0)
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
      // BertConfig's default when the member is absent; an explicit null means no padding row.
      paddingToken = json["pad_token_id"] == nil ? 0 : nil
    }
    guard hiddenSize % headCount == 0 else {
      throw FineTuningError(
        "\(path): \"hidden_size\" \(hiddenSize) is not a multiple of "
          + "\"num_attention_heads\" \(headCount)")
    }
  }
}
