internal import CheckpointFiles
internal import OrderedCollections

/// What the files of a tokenizer ask for.
///
/// Of an option that several files name, `tokenizer_config.json` wins over `tokenizer.json`; what
/// neither names is as in BERT.
struct TokenizerSettings: Sendable {
  /// The tokens that a model needs.
  enum Special: String, CaseIterable {
    case padding = "pad_token"
    case unknown = "unk_token"
    case classifier = "cls_token"
    case separator = "sep_token"
    case mask = "mask_token"
  }

  var vocabulary = Vocabulary(capacity: 0)
  var files: TokenizerFiles
  var cleans = true
  var spacesIdeographs = true
  /// `nil`: as ``lowercases``.
  var stripsAccents: Bool?
  var lowercases = true
  var continuingPrefix = "##"
  var maximumCharacters = 100
  var modelMaximumLength: Int?
  var truncatesLeft = false
  var special: [Special: AddedToken] = [:]
  var addedTokens: [AddedToken] = []

  /// Reads the files.
  init(files: TokenizerFiles) throws(FineTuningError) {
    self.files = files
    for token in Special.allCases { special[token] = AddedToken(content: token.usual, id: -1) }
    if let path = files.tokenizer {
      try read(tokenizer: TokenizerSettings.document(path), path)
    } else if let path = files.vocabulary {
      vocabulary = try Vocabulary(contentsOf: path)
    }
    if let path = files.specialTokens {
      try readSpecialTokens(TokenizerSettings.document(path))
    }
    if let path = files.configuration {
      try read(configuration: TokenizerSettings.document(path), path)
    }
    if let path = files.addedTokens {
      for (key, value) in try TokenizerSettings.document(path).object ?? [:] {
        guard let id = TokenizerSettings.id(value) else {
          throw FineTuningError("\(path): the id of \(quoted(key.string)) is not a number")
        }
        add(AddedToken(content: key.string, id: id, isNormalized: true))
      }
    }
    try addSpecialTokens()
  }

  /// The id of a token that the model needs.
  func id(of token: Special) throws(FineTuningError) -> Int32 {
    if let id = special[token]?.id, id >= 0 { return id }
    throw FineTuningError("\(files.main): no \(special[token]?.content ?? token.usual) token")
  }

  static func document(_ path: String) throws(FineTuningError) -> JSONValue {
    let bytes = try FileReader.contents(of: path)
    do {
      return try JSONParser.parse(bytes)
    } catch {
      throw FineTuningError("\(path): \(error)")
    }
  }

  static func id(_ value: JSONValue?) -> Int32? {
    guard let id = value?.integer, id >= 0, id < 1 << 24 else { return nil }
    return Int32(id)
  }

  // MARK: - Added tokens

  /// Adds a token in the place of one with the same content.
  mutating func add(_ token: AddedToken) {
    let bytes = token.content.utf8
    if let index = addedTokens.firstIndex(where: { $0.content.utf8.elementsEqual(bytes) }) {
      addedTokens[index] = token
    } else {
      addedTokens.append(token)
    }
  }

  /// Special tokens are looked for in texts even where no file lists them as added.
  private mutating func addSpecialTokens() throws(FineTuningError) {
    var missing: [String] = []
    for name in Special.allCases {
      guard var token = special[name] else { continue }
      let added = addedTokens.first { $0.content.utf8.elementsEqual(token.content.utf8) }
      guard let id = vocabulary.id(of: token.content) ?? added?.id else {
        if name != .mask { missing.append(token.content) }
        special[name] = nil
        continue
      }
      token.id = id
      special[name] = token
      if added == nil { addedTokens.append(token) }
    }
    if !missing.isEmpty {
      throw FineTuningError(
        "\(files.main): the vocabulary has no \(missing.map(quoted).joined(separator: ", ")); a BERT tokenizer needs the tokens for padding, unknown words, start and separator"
      )
    }
  }
}

extension TokenizerSettings.Special {
  /// How BERT spells it.
  var usual: String {
    switch self {
    case .padding: "[PAD]"
    case .unknown: "[UNK]"
    case .classifier: "[CLS]"
    case .separator: "[SEP]"
    case .mask: "[MASK]"
    }
  }
}
