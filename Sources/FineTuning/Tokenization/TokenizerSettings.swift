internal import CheckpointFiles
internal import OrderedCollections

/// The tokenizer that the files of a folder come to: what `AutoTokenizer` of transformers 5 makes of them.
struct TokenizerSettings: Sendable {
  let files: TokenizerFiles
  /// `model`, `normalizer`, `pre_tokenizer` and `post_processor` as a `tokenizer.json` has them.
  let document: JSONValue
  /// The file to name in errors.
  let path: String
  /// The tokens that are looked for in texts, with their ids.
  let addedTokens: [AddedToken]
  let template: SequenceTemplate
  let modelMaximumLength: Int?
  let truncatesLeft: Bool
  /// Whether special tokens in a text are read as plain text.
  let splitsSpecialTokens: Bool
  /// Whether the model reads which of two texts a token belongs to.
  let givesTokenTypes: Bool
  private let padding: (name: String?, id: Int32?)

  /// Reads the files.
  ///
  /// - Parameter lowercases: overrides `do_lower_case`.
  init(files: TokenizerFiles, lowercases: Bool? = nil) throws(FineTuningError) {
    self.files = files
    func document(_ path: String?) throws(FineTuningError) -> JSONValue? {
      guard let path else { return nil }
      return try files.document(path)
    }
    let configuration = try document(files.configuration)
    let tokenizer = try document(files.tokenizer)
    let kind = try TokenizerClass.chosen(for: files, configuration: configuration)
    path =
      files.tokenizer ?? (kind == .roberta ? files.pairVocabulary : files.vocabulary) ?? files.main
    let options = try TokenizerOptions(files, configuration: configuration, tokenizer: tokenizer)

    var named: [String: TokenSpelling] = [:]
    for name in TokenizerOptions.specialNames {
      if let value = options.named[name] {
        named[name] = value
      } else if let text = kind.specialTokens[name] {
        named[name] = TokenSpelling(plain: text)
      }
    }
    if kind == .backend, options.named["pad_token"] == nil,
      let name = tokenizer?["padding"]?["pad_token"]?.string
    {
      named["pad_token"] = TokenSpelling(plain: name)
    }
    func special(_ name: String) throws(FineTuningError) -> String {
      if let token = named[name] { return token.content.string }
      throw .nullToken(name, for: kind, path: files.configuration ?? files.main)
    }

    self.document = try TokenizerParts(
      files, tokenizer: tokenizer, options: options, lowercases: lowercases,
      unknown: kind.modelType == "WordPiece" ? special("unk_token") : ""
    ).document(kind)
    let own = kind == .backend ? tokenizer?["added_tokens"]?.array ?? [] : []
    let present = try own.map { entry throws(FineTuningError) in
      try TokenSpelling(entry, at: .entry, path: files.main)
    }
    let tokens = named.values + options.custom + options.unnamed + options.added.values + present
    let vocabulary = TokenizerSettings.lookup(
      self.document["model"]?["vocab"] ?? .null, wanted: tokens.map(\.content))
    var added = AddedVocabulary(count: vocabulary.count, find: vocabulary.find)
    added.add(present.map(\.token))
    added.add(
      TokenizerSettings.additions(options, named: named, to: added))
    addedTokens = added.all

    func id(_ name: String) throws(FineTuningError) -> Int32 {
      added.id(of: try special(name)) ?? 0
    }
    template =
      switch kind {
      case .bert, .distilBERT: .bert(start: try id("cls_token"), separator: try id("sep_token"))
      case .roberta: .roberta(start: try id("cls_token"), separator: try id("sep_token"))
      case .xlmRoberta: .roberta(start: try id("bos_token"), separator: try id("eos_token"))
      case .backend: try SequenceTemplate(self.document["post_processor"], path: path)
      }
    let name =
      named["pad_token"]?.content.string
      ?? ["[PAD]", "<pad>"].first { options.named["pad_token"] == nil && added.id(of: $0) != nil }
    padding = (name, name.flatMap(added.id(of:)))
    modelMaximumLength = try options.maximumLength()
    truncatesLeft = try options.truncatesLeft(
      default: tokenizer?["truncation"]?["direction"]?.word)
    splitsSpecialTokens = try options.flag("split_special_tokens", default: false)
    givesTokenTypes = try options.givesTokenTypes(default: kind.givesTokenTypes)
  }

  /// The tokens that are added to what the tokenizer has: those that files list, by id, then the special ones
  /// that are not among them.
  private static func additions(
    _ options: TokenizerOptions, named: [String: TokenSpelling], to added: AddedVocabulary
  ) -> [AddedToken] {
    let special = TokenizerOptions.specialNames.compactMap { named[$0] } + options.custom
    let names = Set(special.map(\.content))
    var new = options.added.sorted { $0.key < $1.key }.map(\.value).filter {
      !added.contains($0.token)
    }
    let listed = Set(new.map(\.content))
    for token in special + options.unnamed
    where !added.contains(token.content.string) && !listed.contains(token.content)
      && !new.contains(token)
    {
      new.append(token)
    }
    return new.map { token in
      var token = token
      if names.contains(token.content) { token.isSpecial = true }
      return token.token
    }
  }

  /// The size of a vocabulary, and the ids of some of its tokens.
  private static func lookup(
    _ vocabulary: JSONValue, wanted: [Key]
  ) -> (count: Int, find: (Key) -> Int32?) {
    if let members = vocabulary.object {
      return (members.count, { id(members[$0]) })
    }
    let list = vocabulary.array ?? []
    let wanted = Set(wanted + ["[PAD]", "<pad>"])
    var ids: [Key: Int32] = [:]
    for (index, entry) in list.enumerated() {
      guard let token = entry.array?.first?.string.map({ Key($0) }), wanted.contains(token) else {
        continue
      }
      ids[token] = Int32(truncatingIfNeeded: index)
    }
    return (list.count, { ids[$0] })
  }

  /// The id of the padding token.
  func paddingID() throws(FineTuningError) -> Int32 {
    if let id = padding.id { return id }
    throw .noPaddingToken(path: files.configuration ?? path)
  }

  /// Refuses a member of the document that is of another kind than `expected`.
  func demand(
    _ part: FineTuningError.TokenizerPart, _ value: JSONValue?, _ expected: String...
  ) throws(FineTuningError) {
    let type = value?["type"]?.string
    if let type = value?["type"]?.word, expected.contains(type) { return }
    throw .otherPart(part, type, expected: expected, path: path)
  }

  static func id(_ value: JSONValue?) -> Int32? {
    guard let id = value?.integer, id >= 0, id < 1 << 24 else { return nil }
    return Int32(id)
  }
}
