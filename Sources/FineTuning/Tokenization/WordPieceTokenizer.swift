internal import CheckpointFiles

/// The tokenizer of BERT and its relatives, equal to Hugging Face's fast one on any text.
///
///     let tokenizer = try WordPieceTokenizer(directory: "bert-base-uncased")
///     _ = tokenizer.encode("Hello, world!", maximumLength: 512).ids  // 101, 7592, 1010, 2088, 999, 102
///
/// Special tokens written in a text (`[SEP]`, `[MASK]`) are recognised, as the original does.
public struct WordPieceTokenizer: Tokenizer {
  /// The tokens that words are split into.
  public let vocabulary: Vocabulary
  /// The files that the tokenizer was read from.
  public let files: TokenizerFiles
  /// One more than the highest id of the vocabulary and of the special tokens around a text.
  public let vocabularySize: Int
  /// The id of `[PAD]`.
  public let paddingID: Int32
  /// `model_max_length` of the tokenizer's configuration.
  public let modelMaximumLength: Int?

  private let unknownID: Int32
  private let prefix: [UInt8]
  private let prefixHash: UInt64
  private let maximumCharacters: Int
  private let keepsEnd: Bool
  private let givesTokenTypes: Bool
  private let template: SequenceTemplate
  private let normalizer: BertNormalizer
  private let rawTokens: AddedTokens
  private let normalizedTokens: AddedTokens
  private let tables = UnicodeTables.shared

  /// The tokenizer of a model directory, as `AutoTokenizer` of transformers 5 reads its files.
  ///
  /// - Throws: `FineTuningError` when a file is missing, not readable, or asks for another kind of
  ///   tokenizer.
  public init(directory: String) throws(FineTuningError) {
    try self.init(TokenizerSettings(files: TokenizerFiles(directory: directory)))
  }

  /// The tokenizer of a vocabulary file, with the options of BERT: lower case unless `lowercases`
  /// says otherwise.
  public init(vocabulary path: String, lowercases: Bool = true) throws(FineTuningError) {
    try self.init(
      TokenizerSettings(files: TokenizerFiles(vocabulary: path), lowercases: lowercases))
  }

  init(_ settings: TokenizerSettings) throws(FineTuningError) {
    let path = settings.path
    let model = settings.document["model"] ?? .null
    // Old files do not name the type of their model.
    if model["type"] != nil || model["merges"] != nil {
      try settings.demand(.model, model, "WordPiece")
    }
    let steps = settings.document["normalizer"]
    try settings.demand(.normalizer, steps, "BertNormalizer")
    try settings.demand(.preTokenizer, settings.document["pre_tokenizer"], "BertPreTokenizer")
    func flag(_ name: String) throws(FineTuningError) -> Bool {
      if let flag = steps?[name]?.bool { return flag }
      throw .flag(name, steps?[name], of: .normalizer, path: path)
    }
    let lowercases = try flag("lowercase")
    let strips = steps?["strip_accents"] ?? .null
    let normalizer = BertNormalizer(
      cleans: try flag("clean_text"), spacesIdeographs: try flag("handle_chinese_chars"),
      stripsAccents: strips == .null ? lowercases : try flag("strip_accents"),
      lowercases: lowercases)
    self.normalizer = normalizer

    vocabulary = try Vocabulary(model["vocab"] ?? .null, path: path)
    let unknown = model["unk_token"]?.string ?? "[UNK]"
    guard let unknownID = vocabulary.id(of: unknown) else {
      throw .noUnknownToken(unknown, path: path)
    }
    self.unknownID = unknownID
    files = settings.files
    modelMaximumLength = settings.modelMaximumLength
    paddingID = try settings.paddingID()
    prefix = Array((model["continuing_subword_prefix"]?.string ?? "##").utf8)
    var hash = Vocabulary.emptyHash
    for byte in prefix { Vocabulary.extend(&hash, by: byte) }
    prefixHash = hash
    maximumCharacters = model["max_input_chars_per_word"]?.integer ?? 100
    keepsEnd = settings.truncatesLeft
    givesTokenTypes = settings.givesTokenTypes
    template = settings.template
    let splits = settings.splitsSpecialTokens
    rawTokens = try AddedTokens(
      settings.addedTokens.filter { !$0.isNormalized }, path: path, splitsSpecial: splits)
    normalizedTokens = try AddedTokens(
      settings.addedTokens.filter(\.isNormalized), path: path, splitsSpecial: splits
    ) { raw in
      var bytes: [UInt8] = []
      normalizer.normalize(raw, raw.indices, into: &bytes)
      return bytes
    }
    vocabularySize = max(vocabulary.count, Int(template.highestID) + 1)
  }

  /// `[CLS] first [SEP]`, or `[CLS] first [SEP] second [SEP]` with 1 as token type of the second
  /// text and its separator.
  ///
  /// The special tokens always stay: below 2 (3 for a pair), `maximumLength` cannot be kept.
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
    var normalized: [UInt8] = []
    var hashes: [UInt64] = []
    rawTokens.forEachPiece(of: raw, raw.indices) { id, range in
      if let id { return ids.append(id) }
      normalizer.normalize(raw, range, into: &normalized)
      normalizedTokens.forEachPiece(of: normalized, normalized.indices) { id, range in
        if let id { return ids.append(id) }
        appendWords(normalized, range, to: &ids, &hashes)
      }
    }
    return ids
  }

  /// Splits at white space and around punctuation.
  private func appendWords(
    _ text: [UInt8], _ range: Range<Int>, to ids: inout [Int32], _ hashes: inout [UInt64]
  ) {
    var start = range.lowerBound
    var index = start
    var characters = 0
    while index < range.upperBound {
      let here = index
      let flags = tables[decodeScalar(text, &index)]
      let isSpace = flags.contains(.whitespace)
      guard isSpace || flags.contains(.punctuation) else {
        characters += 1
        continue
      }
      appendPieces(text, start..<here, characters, to: &ids, &hashes)
      if !isSpace { appendPieces(text, here..<index, 1, to: &ids, &hashes) }
      start = index
      characters = 0
    }
    appendPieces(text, start..<range.upperBound, characters, to: &ids, &hashes)
  }

  /// Splits a word into the longest tokens from its start on; a word with a part that no token
  /// covers is unknown as a whole.
  private func appendPieces(
    _ text: [UInt8], _ word: Range<Int>, _ characters: Int,
    to ids: inout [Int32], _ hashes: inout [UInt64]
  ) {
    if word.isEmpty { return }
    guard characters <= maximumCharacters else { return ids.append(unknownID) }
    let before = ids.count
    var start = word.lowerBound
    while start < word.upperBound {
      let prefix = start == word.lowerBound ? [] : prefix
      var hash = start == word.lowerBound ? Vocabulary.emptyHash : prefixHash
      var end = min(word.upperBound, start + max(0, vocabulary.longest - prefix.count))
      hashes.removeAll(keepingCapacity: true)
      for index in start..<end {
        Vocabulary.extend(&hash, by: text[index])
        hashes.append(hash)
      }
      var found: Int32?
      while end > start {
        let isBoundary = end == word.upperBound || text[end] & 0xC0 != 0x80
        if isBoundary {
          found = vocabulary.find(text, start..<end, prefix: prefix, hash: hashes[end - start - 1])
          if found != nil { break }
        }
        end -= 1
      }
      guard let found else {
        ids.removeLast(ids.count - before)
        return ids.append(unknownID)
      }
      ids.append(found)
      start = end
    }
  }
}
