internal import CheckpointFiles

/// What a kind of subword tokenizer does with a text between its added tokens.
protocol SubwordPipeline: Sendable {
  /// The tokens that words are split into.
  var vocabulary: Vocabulary { get }

  /// Calls `body` with the part of a text that stands between two added tokens, normalized: some bytes
  /// and the range of them that is meant.
  func withNormalized(_ text: [UInt8], _ range: Range<Int>, _ body: ([UInt8], Range<Int>) -> Void)

  /// Appends the ids of a normalized piece.
  ///
  /// - Parameter opensText: whether the piece stands at the start of the text.
  func append(_ text: [UInt8], _ range: Range<Int>, opensText: Bool, to ids: inout [Int32])
}

/// The tokenizers of `tokenizer.json` that are not BERT's, equal to Hugging Face's fast ones on any text:
/// byte-level byte-pair encoding (RoBERTa) and sentencepiece's unigram model (XLM-RoBERTa).
///
/// Special tokens written in a text (`<s>`, `<mask>`) are recognised, as the original does.
public struct SubwordTokenizer: Tokenizer {
  /// The files that the tokenizer was read from.
  public let files: TokenizerFiles
  /// One more than the highest id of the vocabulary and of the special tokens around a text.
  public let vocabularySize: Int
  /// The id of the padding token.
  public let paddingID: Int32
  /// `model_max_length` of the tokenizer's configuration.
  public let modelMaximumLength: Int?
  private let pipeline: any SubwordPipeline
  private let template: SequenceTemplate
  private let keepsEnd: Bool
  private let rawTokens: AddedTokens
  private let normalizedTokens: AddedTokens

  private let givesTokenTypes: Bool

  init(_ settings: TokenizerSettings, _ pipeline: any SubwordPipeline) throws(FineTuningError) {
    self.pipeline = pipeline
    files = settings.files
    template = settings.template
    keepsEnd = settings.truncatesLeft
    modelMaximumLength = settings.modelMaximumLength
    paddingID = try settings.paddingID()
    vocabularySize = max(pipeline.vocabulary.count, Int(settings.template.highestID) + 1)
    givesTokenTypes = settings.givesTokenTypes
    let splits = settings.splitsSpecialTokens
    rawTokens = try AddedTokens(
      settings.addedTokens.filter { !$0.isNormalized }, path: settings.path, splitsSpecial: splits)
    normalizedTokens = try AddedTokens(
      settings.addedTokens.filter(\.isNormalized), path: settings.path, splitsSpecial: splits
    ) { raw in
      var bytes: [UInt8] = []
      pipeline.withNormalized(raw, raw.indices) { bytes = Array($0[$1]) }
      return bytes
    }
  }

  /// The ids of a text, or of a pair, with the model's special tokens around them.
  public func encode(_ first: String, _ second: String?, maximumLength: Int) -> Encoding {
    template.encode(
      tokenize(first), second.map(tokenize), maximumLength: maximumLength, keepsEnd: keepsEnd,
      givesTypes: givesTokenTypes)
  }

  /// The ids of a text without special tokens around it and without truncation.
  public func tokenize(_ text: String) -> [Int32] {
    let raw = Array(text.utf8)
    var ids: [Int32] = []
    ids.reserveCapacity(raw.count / 4 + 4)
    rawTokens.forEachPiece(of: raw, raw.indices) { id, piece in
      if let id { return ids.append(id) }
      pipeline.withNormalized(raw, piece) { bytes, normalized in
        normalizedTokens.forEachPiece(of: bytes, normalized) { id, range in
          if let id { return ids.append(id) }
          pipeline.append(
            bytes, range,
            opensText: piece.lowerBound == 0 && range.lowerBound == normalized.lowerBound, to: &ids)
        }
      }
    }
    return ids
  }
}
