internal import CheckpointFiles
internal import OrderedCollections

/// The parts of a tokenizer as the classes of transformers 5 put them together: from `tokenizer.json` they
/// take what is learned, the rest comes from `tokenizer_config.json` and from the class.
struct TokenizerParts {
  private let files: TokenizerFiles
  private let tokenizer: JSONValue?
  private let options: TokenizerOptions
  private let lowercases: Bool?
  private let unknown: String

  init(
    _ files: TokenizerFiles, tokenizer: JSONValue?, options: TokenizerOptions, lowercases: Bool?,
    unknown: String
  ) {
    self.files = files
    self.tokenizer = tokenizer
    self.options = options
    self.lowercases = lowercases
    self.unknown = unknown
  }

  /// `model`, `normalizer`, `pre_tokenizer` and `post_processor`.
  func document(_ kind: TokenizerClass) throws(FineTuningError) -> JSONValue {
    try demandModel(kind)
    switch kind {
    case .bert, .distilBERT: return try bert(kind)
    case .roberta: return try roberta()
    case .xlmRoberta: return try xlmRoberta()
    case .backend:
      guard let tokenizer else {
        throw .noTokenizerFile(path: files.configuration ?? files.main)
      }
      return tokenizer
    }
  }

  /// - Throws: `FineTuningError` when `tokenizer.json` has another kind of model than the class builds.
  private func demandModel(_ kind: TokenizerClass) throws(FineTuningError) {
    guard let path = files.tokenizer, let tokenizer else { return }
    guard let model = tokenizer["model"] else {
      throw .noModel(path: path)
    }
    guard let wanted = kind.modelType else { return }
    // Old files do not name the type of their model.
    let type = model["type"]?.string ?? (model["merges"] == nil ? wanted : "BPE")
    guard type != wanted else { return }
    throw .otherModel(type, than: wanted, of: kind, path: path)
  }

  private func bert(_ kind: TokenizerClass) throws(FineTuningError) -> JSONValue {
    var vocabulary = tokenizer?["model"]?["vocab"]
    if tokenizer == nil {
      guard let path = files.vocabulary else {
        throw .noFiles(of: kind, path: files.main)
      }
      vocabulary = try Vocabulary.members(ofLines: try files.contents(of: path), path)
    }
    let strips = try options.stripsAccents()
    let lowers = try options.flag("do_lower_case", default: true)
    return .members([
      "normalizer": .members([
        "type": "BertNormalizer", "clean_text": true,
        "handle_chinese_chars": .bool(try options.flag("tokenize_chinese_chars", default: true)),
        "strip_accents": strips.map(JSONValue.bool) ?? .null,
        "lowercase": .bool(lowercases ?? lowers),
      ]),
      "pre_tokenizer": .members(["type": "BertPreTokenizer"]),
      "model": .members([
        "type": "WordPiece", "unk_token": .string(unknown), "vocab": vocabulary ?? .null,
      ]),
    ])
  }

  private func roberta() throws(FineTuningError) -> JSONValue {
    var vocabulary = tokenizer?["model"]?["vocab"]
    var merges = tokenizer?["model"]?["merges"]
    if tokenizer == nil {
      guard let vocabularyPath = files.pairVocabulary, let mergesPath = files.merges else {
        throw .noFiles(of: .roberta, path: files.main)
      }
      vocabulary = try files.document(vocabularyPath)
      merges = try TokenizerParts.merges(try files.contents(of: mergesPath), mergesPath)
    }
    return .members([
      "pre_tokenizer": .members([
        "type": "ByteLevel",
        "add_prefix_space": .bool(try options.flag("add_prefix_space", default: false)),
      ]),
      "model": .members([
        "type": "BPE", "vocab": vocabulary ?? .null, "merges": merges ?? .null,
      ]),
    ])
  }

  /// The pairs of `merges.txt`, one a line.
  private static func merges(
    _ bytes: [UInt8], _ path: String
  ) throws(FineTuningError) -> JSONValue {
    if let bad = firstInvalidUTF8(in: bytes) {
      throw .notUTF8(path, atByte: bad)
    }
    var pairs: [JSONValue] = []
    for line in bytes.split(separator: 0x0A) {
      let text = String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
      if text.isEmpty || text.begins(with: "#version") { continue }
      pairs.append(.string(text))
    }
    return .array(pairs)
  }

  private func xlmRoberta() throws(FineTuningError) -> JSONValue {
    guard let model = tokenizer?["model"] else {
      throw .noFiles(of: .xlmRoberta, path: files.main)
    }
    let normalizer = tokenizer?["normalizer"] ?? .null
    let steps =
      normalizer["type"]?.word == "Sequence"
      ? normalizer["normalizers"]?.array ?? [] : [normalizer]
    let map = steps.first {
      $0["type"]?.word == "Precompiled" && $0["precompiled_charsmap"] != nil
    }
    return .members([
      "normalizer": map ?? .null,
      "pre_tokenizer": .members([
        "type": "Sequence",
        "pretokenizers": [
          .members(["type": "WhitespaceSplit"]),
          .members([
            "type": "Metaspace", "replacement": "▁",
            "prepend_scheme": try options.flag("add_prefix_space", default: true)
              ? "always" : "never",
          ]),
        ],
      ]),
      "model": .members([
        "type": "Unigram", "unk_id": 3, "byte_fallback": false, "vocab": model["vocab"] ?? .null,
      ]),
    ])
  }
}
