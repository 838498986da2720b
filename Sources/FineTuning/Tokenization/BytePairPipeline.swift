internal import CheckpointFiles

/// Byte-level byte-pair encoding, as RoBERTa and its relatives use it.
struct BytePairPipeline: SubwordPipeline {
  private let model: BytePairModel
  private let splitter: ByteLevelSplitter

  var vocabulary: Vocabulary { model.vocabulary }

  init(_ settings: TokenizerSettings) throws(FineTuningError) {
    let document = settings.document
    if let normalizer = document["normalizer"], normalizer != .null {
      try settings.demand(.normalizer, normalizer, "null")
    }
    try settings.demand(.preTokenizer, document["pre_tokenizer"], "ByteLevel")
    model = try BytePairModel(document["model"] ?? .null, path: settings.path)
    splitter = ByteLevelSplitter(
      addsBlank: document["pre_tokenizer"]?["add_prefix_space"]?.bool ?? true,
      cuts: document["pre_tokenizer"]?["use_regex"]?.bool ?? true)
  }

  func withNormalized(
    _ text: [UInt8], _ range: Range<Int>, _ body: ([UInt8], Range<Int>) -> Void
  ) { body(text, range) }

  func append(_ text: [UInt8], _ range: Range<Int>, opensText: Bool, to ids: inout [Int32]) {
    splitter.forEachWord(of: text, range) { model.append($0, to: &ids) }
  }
}
