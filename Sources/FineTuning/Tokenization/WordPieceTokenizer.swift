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
  /// One more than the highest id.
  public let vocabularySize: Int
  /// The id of `[PAD]`.
  public let paddingID: Int32
  /// `model_max_length` of the tokenizer's configuration.
  public let modelMaximumLength: Int?

  private let classifierID: Int32
  private let separatorID: Int32
  private let unknownID: Int32
  private let prefix: [UInt8]
  private let prefixHash: UInt64
  private let maximumCharacters: Int
  private let keepsEnd: Bool
  private let normalizer: BertNormalizer
  private let rawTokens: AddedTokens
  private let normalizedTokens: AddedTokens
  private let tables = UnicodeTables.shared

  /// The tokenizer of a model directory: `tokenizer.json` or `vocab.txt`, with the options of
  /// `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` beside them.
  ///
  /// - Throws: `FineTuningError` when a file is missing, not readable, or asks for another kind of
  ///   tokenizer.
  public init(directory: String) throws(FineTuningError) {
    try self.init(TokenizerSettings(files: TokenizerFiles(directory: directory)))
  }

  /// The tokenizer of a vocabulary file, with the options of BERT: lower case unless `lowercases`
  /// says otherwise.
  public init(vocabulary path: String, lowercases: Bool = true) throws(FineTuningError) {
    var settings = try TokenizerSettings(files: TokenizerFiles(vocabulary: path))
    settings.lowercases = lowercases
    try self.init(settings)
  }

  init(_ settings: TokenizerSettings) throws(FineTuningError) {
    vocabulary = settings.vocabulary
    files = settings.files
    modelMaximumLength = settings.modelMaximumLength
    paddingID = try settings.id(of: .padding)
    unknownID = try settings.id(of: .unknown)
    classifierID = try settings.id(of: .classifier)
    separatorID = try settings.id(of: .separator)
    prefix = Array(settings.continuingPrefix.utf8)
    var hash = Vocabulary.emptyHash
    for byte in prefix { Vocabulary.extend(&hash, by: byte) }
    prefixHash = hash
    maximumCharacters = settings.maximumCharacters
    keepsEnd = settings.truncatesLeft
    let normalizer = BertNormalizer(
      cleans: settings.cleans, spacesIdeographs: settings.spacesIdeographs,
      stripsAccents: settings.stripsAccents ?? settings.lowercases,
      lowercases: settings.lowercases)
    self.normalizer = normalizer
    let added = settings.addedTokens
    rawTokens = AddedTokens(added.filter { !$0.isNormalized })
    normalizedTokens = AddedTokens(added.filter { $0.isNormalized }) { raw in
      var bytes: [UInt8] = []
      normalizer.normalize(raw, raw.indices, into: &bytes)
      return bytes
    }
    vocabularySize = max(vocabulary.count, (added.map { Int($0.id) }.max() ?? -1) + 1)
  }

  /// `[CLS] first [SEP]`, or `[CLS] first [SEP] second [SEP]` with 1 as token type of the second
  /// text and its separator.
  ///
  /// The special tokens always stay: below 2 (3 for a pair), `maximumLength` cannot be kept.
  public func encode(_ first: String, _ second: String?, maximumLength: Int) -> Encoding {
    let a = tokenize(first)
    guard let second else {
      let count = min(a.count, max(0, maximumLength - 2))
      var ids = [classifierID]
      ids.reserveCapacity(count + 2)
      ids.append(contentsOf: kept(a, count))
      ids.append(separatorID)
      return Encoding(
        ids: ids, tokenTypes: Array(repeating: 0, count: ids.count), isTruncated: count < a.count)
    }
    let b = tokenize(second)
    let counts = longestFirst(a.count, b.count, room: max(0, maximumLength - 3))
    var ids = [classifierID]
    ids.append(contentsOf: kept(a, counts.first))
    ids.append(separatorID)
    var types = [UInt8](repeating: 0, count: ids.count)
    ids.append(contentsOf: kept(b, counts.second))
    ids.append(separatorID)
    types.append(contentsOf: repeatElement(1, count: ids.count - types.count))
    return Encoding(
      ids: ids, tokenTypes: types, isTruncated: counts.first < a.count || counts.second < b.count)
  }

  private func kept(_ ids: [Int32], _ count: Int) -> ArraySlice<Int32> {
    keepsEnd ? ids.suffix(count) : ids.prefix(count)
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
