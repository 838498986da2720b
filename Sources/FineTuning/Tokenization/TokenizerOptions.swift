internal import CheckpointFiles
internal import OrderedCollections

/// What the files beside a vocabulary say of tokens and options, merged in the order in which transformers 5
/// merges them.
///
/// * `tokenizer_config.json` first.
/// * If that has no `added_tokens_decoder`, then `special_tokens_map.json` replaces what it says about tokens, and
///   the tokens of `added_tokens.json` and of `tokenizer.json` are added.
struct TokenizerOptions {
  /// The special tokens that every tokenizer may have, in the order in which they are added.
  static let specialNames = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  /// The tokens that files name; `.some(nil)` for `null`.
  private(set) var named: OrderedDictionary<String, TokenSpelling?> = [:]
  /// Special tokens with names of their own, in the order in which they are added.
  private(set) var custom: [TokenSpelling] = []
  /// Special tokens without names, in the order in which they are added.
  private(set) var unnamed: [TokenSpelling] = []
  /// Added tokens by the id that a file gives them, which counts for their order alone.
  private(set) var added: OrderedDictionary<Int, TokenSpelling> = [:]
  /// `tokenizer_config.json`.
  let members: OrderedDictionary<Key, JSONValue>
  private let path: String

  /// Custom special tokens: those of `special_tokens_map.json` come before those of `tokenizer_config.json`.
  private var mapped: OrderedDictionary<Key, TokenSpelling> = [:]
  private var configured: OrderedDictionary<Key, TokenSpelling> = [:]
  private var lists: [String: [TokenSpelling]] = [:]
  /// Special tokens whose description in `tokenizer_config.json` cannot be read.
  private var unreadable: OrderedDictionary<Key, JSONValue> = [:]

  /// - Parameters:
  ///   - files: the files of the folder.
  ///   - configuration: `tokenizer_config.json`.
  ///   - tokenizer: `tokenizer.json`.
  init(
    _ files: TokenizerFiles, configuration: JSONValue?, tokenizer: JSONValue?
  ) throws(FineTuningError) {
    path = files.configuration ?? files.main
    if let configuration, configuration.object == nil {
      throw .isNotObject(of: .options, path: path)
    }
    members = configuration?.object ?? [:]
    for name in ["fast_tokenizer_files", "init_inputs", "vocab", "merges", "post_processor"] {
      guard let value = members[Key(name)], value != .null, value.array?.isEmpty != true else {
        continue
      }
      throw .optionNotImplemented(name, path: path)
    }
    try readConfiguration()
    if let value = members["added_tokens_decoder"] {
      guard let entries = value.object else {
        throw .tokenizerMember("added_tokens_decoder", value, expected: .object, path: path)
      }
      for (key, entry) in entries {
        guard let id = Int(key.string) else {
          throw .decoderID(key, path: path)
        }
        added[id] = try TokenSpelling(
          entry, at: .decoder(key), path: path)
      }
    } else {
      if let map = files.specialTokens { try readMap(map, of: files) }
      if let path = files.addedTokens { try readAdded(path, of: files) }
      try readTokens(of: tokenizer, files.main)
    }
    if let broken = unreadable.elements.first {
      _ = try requiredToken(broken.value, broken.key.string)
    }
    let spellings = Dictionary(added.values.map { ($0.content, $0) }, uniquingKeysWith: { $1 })
    for (name, token) in named {
      if let token, let known = spellings[token.content] { named[name] = known }
    }
    custom = mapped.map { configured[$0.key] ?? $0.value }
    custom += configured.filter { mapped[$0.key] == nil }.values
    unnamed = lists["extra_special_tokens"] ?? lists["additional_special_tokens"] ?? []
  }

  // MARK: - tokenizer_config.json

  private mutating func readConfiguration() throws(FineTuningError) {
    for (key, value) in members where key.string.ends(with: "_token") {
      if let name = JSONValue.string(key.string).word, TokenizerOptions.specialNames.contains(name)
      {
        if value.object != nil, value["__type"]?.word != "AddedToken" {
          // special_tokens_map.json may still say what the token is.
          unreadable[key] = value
        } else {
          named[key.string] = .some(try token(value, key.string))
        }
      } else if value.string != nil {
        configured[key] = try token(value, key.string)
      } else if value["__type"]?.word == "AddedToken" {
        mapped[key] = try token(value, key.string)
      }
    }
    let extra = members["extra_special_tokens"] ?? .null
    switch extra {
    case .object(let entries):
      for (key, value) in entries { configured[key] = try token(value, key.string) }
      // An object names tokens of the model, and does not stand for the older list.
      if let values = members["additional_special_tokens"]?.array {
        lists["additional_special_tokens"] = try tokens(values, "additional_special_tokens")
      }
    case .array(let values) where !values.isEmpty:
      lists["extra_special_tokens"] = try tokens(values, "extra_special_tokens")
    case .array, .null:
      if let more = members["additional_special_tokens"], more != .null {
        guard let values = more.array else {
          throw .tokenizerMember(
            "additional_special_tokens", more, expected: .listOfTokens, path: path)
        }
        lists["extra_special_tokens"] = try tokens(values, "additional_special_tokens")
      } else if extra != .null {
        lists["extra_special_tokens"] = []
      }
    default:
      throw .tokenizerMember("extra_special_tokens", extra, expected: .listOfTokens, path: path)
    }
  }

  private func token(_ value: JSONValue, _ name: String) throws(FineTuningError) -> TokenSpelling? {
    if value == .null { return nil }
    return try requiredToken(value, name)
  }

  private func requiredToken(
    _ value: JSONValue, _ name: String
  ) throws(FineTuningError) -> TokenSpelling {
    if let text = value.string { return TokenSpelling(plain: text) }
    guard value["__type"]?.word == "AddedToken" else {
      throw .tokenizerMember(name, value, expected: .token, path: path)
    }
    return try TokenSpelling(value, at: .member(name), path: path)
  }

  private func tokens(
    _ values: [JSONValue], _ name: String
  ) throws(FineTuningError) -> [TokenSpelling] {
    try values.map { value throws(FineTuningError) in try requiredToken(value, name) }
  }

  // MARK: - special_tokens_map.json, added_tokens.json, tokenizer.json

  private mutating func readMap(
    _ path: String, of files: TokenizerFiles
  ) throws(FineTuningError) {
    guard let entries = try files.document(path).object else {
      throw .isNotObject(of: .specialTokens, path: path)
    }
    func token(_ value: JSONValue, _ name: String) throws(FineTuningError) -> TokenSpelling {
      if let text = value.string { return TokenSpelling(plain: text) }
      return try TokenSpelling(value, at: .member(name), path: path, isSpecial: true)
    }
    for (key, value) in entries {
      let name = JSONValue.string(key.string).word ?? ""
      switch name {
      case "extra_special_tokens" where value.object != nil:
        for (key, value) in value.object ?? [:] { configured[key] = try token(value, key.string) }
      case "extra_special_tokens", "additional_special_tokens":
        guard let values = value.array else {
          throw .tokenizerMember(name, value, expected: .listOfTokens, path: path)
        }
        let tokens = try values.map { value throws(FineTuningError) in
          // Of the older list, only texts are understood.
          guard name == "extra_special_tokens" || value.string != nil else {
            throw .elementIsNotText(value, of: name, path: path)
          }
          return try token(value, name)
        }
        if name == "additional_special_tokens" {
          lists[name] = tokens
        } else {
          let known = lists[name] ?? []
          lists[name] = known + tokens.filter { !known.contains($0) }
        }
      case _ where TokenizerOptions.specialNames.contains(name):
        named[name] = .some(value == .null ? nil : try token(value, name))
        unreadable[key] = nil
      case _ where key.string.ends(with: "_token"):
        mapped[key] = try token(value, key.string)
      default:
        throw .notSpecialToken(key, path: path)
      }
    }
  }

  private mutating func readAdded(
    _ path: String, of files: TokenizerFiles
  ) throws(FineTuningError) {
    var special = Set(named.values.compactMap { $0?.content })
    special.formUnion((lists["extra_special_tokens"] ?? []).map(\.content))
    guard let entries = try files.document(path).object else {
      throw .isNotObject(of: .addedTokens, path: path)
    }
    for (content, value) in entries {
      guard let id = value.integer else {
        throw .tokenID(value, of: content, path: path)
      }
      added[id] = TokenSpelling(legacy: content, isSpecial: special.contains(content))
    }
  }

  private mutating func readTokens(
    of tokenizer: JSONValue?, _ path: String
  ) throws(FineTuningError) {
    for entry in tokenizer?["added_tokens"]?.array ?? [] {
      guard let id = TokenizerSettings.id(entry["id"]) else {
        throw .addedTokenID(entry["id"], path: path)
      }
      added[Int(id)] = try TokenSpelling(entry, at: .addedToken(id), path: path)
    }
  }

  // MARK: - Options

  /// A member that is `true` or `false`.
  func flag(_ name: String, default fallback: Bool) throws(FineTuningError) -> Bool {
    guard let member = members[Key(name)] else { return fallback }
    guard let flag = member.bool else {
      throw .tokenizerMember(name, member, expected: .boolean, path: path)
    }
    return flag
  }

  /// `strip_accents`: `nil`, as `null`, follows the case.
  func stripsAccents() throws(FineTuningError) -> Bool? {
    members["strip_accents"] == .null ? nil : try optionalFlag("strip_accents")
  }

  private func optionalFlag(_ name: String) throws(FineTuningError) -> Bool? {
    members[Key(name)] == nil ? nil : try flag(name, default: false)
  }

  /// `model_max_length`, or its older name; `nil` when there is no limit, which is spelled 1e30.
  func maximumLength() throws(FineTuningError) -> Int? {
    try TokenizerOptions.maximumLength(in: .object(members), path)
  }

  static func maximumLength(
    in configuration: JSONValue, _ path: String
  ) throws(FineTuningError) -> Int? {
    let name = configuration["model_max_length"] == nil ? "max_len" : "model_max_length"
    guard let member = configuration[name], member != .null else { return nil }
    guard let value = member.double, value >= 1, value.rounded() == value else {
      throw .tokenizerMember(name, member, expected: .positiveInteger, path: path)
    }
    return value < Double(1 << 31) ? Int(value) : nil
  }

  /// Whether a text that is too long loses its beginning.
  func truncatesLeft(default fallback: String?) throws(FineTuningError) -> Bool {
    guard let member = members["truncation_side"] else { return fallback == "Left" }
    switch member.word {
    case "left": return true
    case "right": return false
    default:
      throw .tokenizerMember(
        "truncation_side", member, expected: .words(["left", "right"]), path: path)
    }
  }

  /// Whether the model reads which of two texts a token belongs to.
  func givesTokenTypes(default fallback: Bool) throws(FineTuningError) -> Bool {
    guard let member = members["model_input_names"] else { return fallback }
    guard let names = member.array, names.allSatisfy({ $0.string != nil }) else {
      throw .tokenizerMember("model_input_names", member, expected: .listOfNames, path: path)
    }
    return names.contains { $0.word == "token_type_ids" }
  }
}
