internal import CheckpointFiles

/// The tokenizer of RoBERTa and its relatives: byte-level byte-pair encoding, equal to Hugging Face's
/// fast one on any text.
///
/// Special tokens written in a text (`<s>`, `<mask>`) are recognised, as the original does.
public struct BytePairTokenizer: Tokenizer {
  /// The files that the tokenizer was read from.
  public let files: TokenizerFiles
  /// One more than the highest id.
  public let vocabularySize: Int
  /// The id of the padding token.
  public let paddingID: Int32
  /// `model_max_length` of the tokenizer's configuration.
  public let modelMaximumLength: Int?
  private let model: BytePairModel
  private let splitter: ByteLevelSplitter
  private let template: SequenceTemplate
  private let keepsEnd: Bool
  private let rawTokens: AddedTokens
  private let normalizedTokens: AddedTokens

  init(_ settings: SubwordSettings) throws(FineTuningError) {
    let document = settings.document
    if let normalizer = document["normalizer"], normalizer != .null {
      try settings.demand("normalizer", normalizer, "null")
    }
    try settings.demand("pre-tokenizer", document["pre_tokenizer"], "ByteLevel")
    model = try BytePairModel(document["model"] ?? .null, path: settings.path)
    splitter = ByteLevelSplitter(
      addsBlank: document["pre_tokenizer"]?["add_prefix_space"]?.bool ?? true,
      cuts: document["pre_tokenizer"]?["use_regex"]?.bool ?? true)
    files = settings.files
    template = settings.template
    keepsEnd = settings.truncatesLeft
    modelMaximumLength = settings.modelMaximumLength
    paddingID = try settings.paddingID(model.vocabulary.id(of:))
    vocabularySize = settings.vocabularySize(model.vocabulary.count)
    rawTokens = AddedTokens(settings.addedTokens.filter { !$0.isNormalized }, normalizer: nil)
    normalizedTokens = AddedTokens(settings.addedTokens.filter(\.isNormalized), normalizer: nil)
  }

  /// The ids of a text, or of a pair, with the model's special tokens around them.
  public func encode(_ first: String, _ second: String?, maximumLength: Int) -> Encoding {
    template.encode(
      tokenize(first), second.map(tokenize), maximumLength: maximumLength, keepsEnd: keepsEnd)
  }

  /// The ids of a text without special tokens around it and without truncation.
  public func tokenize(_ text: String) -> [Int32] {
    let bytes = Array(text.utf8)
    var ids: [Int32] = []
    ids.reserveCapacity(bytes.count / 4 + 4)
    rawTokens.forEachPiece(of: bytes, bytes.indices) { id, range in
      if let id { return ids.append(id) }
      normalizedTokens.forEachPiece(of: bytes, range) { id, range in
        if let id { return ids.append(id) }
        splitter.forEachWord(of: bytes, range) { model.append($0, to: &ids) }
      }
    }
    return ids
  }
}
