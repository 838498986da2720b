internal import CheckpointFiles
internal import OrderedCollections

extension TokenizerSettings {
  /// Reads a `tokenizer.json`, and refuses one that is not BERT's.
  mutating func read(tokenizer: JSONValue, _ path: String) throws(FineTuningError) {
    func expect(_ part: String, _ value: JSONValue?, _ expected: String) throws(FineTuningError) {
      let type = value?["type"]?.string
      guard type == expected else {
        throw FineTuningError(
          "\(path): its \(part) is \(type.map(quoted) ?? "not named"); only BERT's (\(quoted(expected))) can be used"
        )
      }
    }
    guard let model = tokenizer["model"] else {
      throw FineTuningError("\(path): no \"model\", so this is not a tokenizer file")
    }
    // Old files do not name the type of their model.
    if model["type"] != nil || model["merges"] != nil { try expect("model", model, "WordPiece") }
    try expect("normalizer", tokenizer["normalizer"], "BertNormalizer")
    try expect("pre-tokenizer", tokenizer["pre_tokenizer"], "BertPreTokenizer")

    vocabulary = try Vocabulary(model["vocab"] ?? .null, path: path)
    if let token = model["unk_token"]?.string { special[.unknown]?.content = token }
    if let prefix = model["continuing_subword_prefix"]?.string { continuingPrefix = prefix }
    if let count = model["max_input_chars_per_word"]?.integer { maximumCharacters = count }
    if let normalizer = tokenizer["normalizer"] {
      cleans = normalizer["clean_text"]?.bool ?? true
      spacesIdeographs = normalizer["handle_chinese_chars"]?.bool ?? true
      lowercases = normalizer["lowercase"]?.bool ?? true
      stripsAccents = normalizer["strip_accents"]?.bool
    }
    truncatesLeft = tokenizer["truncation"]?["direction"]?.string == "Left"
    try read(postProcessor: tokenizer["post_processor"], path)
    for entry in tokenizer["added_tokens"]?.array ?? [] {
      guard let content = entry["content"]?.string, let id = TokenizerSettings.id(entry["id"])
      else {
        throw FineTuningError("\(path): an added token without \"content\" or \"id\"")
      }
      add(TokenizerSettings.token(entry, content: content, id: id))
    }
  }

  /// Accepts the two spellings of `[CLS] A [SEP] B [SEP]` and takes the special tokens from them.
  private mutating func read(
    postProcessor: JSONValue?, _ path: String
  ) throws(FineTuningError) {
    guard let postProcessor, postProcessor != .null else { return }
    switch postProcessor["type"]?.string {
    case "BertProcessing":
      if let token = postProcessor["cls"]?.array?.first?.string {
        special[.classifier]?.content = token
      }
      if let token = postProcessor["sep"]?.array?.first?.string {
        special[.separator]?.content = token
      }
    case "TemplateProcessing":
      let single = (postProcessor["single"]?.array ?? []).map(TokenizerSettings.piece)
      let pair = (postProcessor["pair"]?.array ?? []).map(TokenizerSettings.piece)
      guard single.count == 3, single[1] == "A:0",
        pair == [single[0], "A:0", single[2], "B:1", String(single[2].dropLast()) + "1"],
        single[0].hasSuffix(":0"), single[2].hasSuffix(":0")
      else {
        throw FineTuningError(
          "\(path): its post-processor does not write [CLS] A [SEP] B [SEP] as BERT does; such a template cannot be used"
        )
      }
      special[.classifier]?.content = String(single[0].dropLast(2))
      special[.separator]?.content = String(single[2].dropLast(2))
    default:
      throw FineTuningError(
        "\(path): its post-processor is \(quoted(postProcessor["type"]?.string ?? "")); only \"TemplateProcessing\" and \"BertProcessing\" can be used"
      )
    }
  }

  /// `NAME:TYPE` of an element of a template.
  private static func piece(_ element: JSONValue) -> String {
    let value = element["SpecialToken"] ?? element["Sequence"] ?? .null
    return "\(value["id"]?.string ?? ""):\(value["type_id"]?.integer ?? -1)"
  }

  /// Reads a `tokenizer_config.json`.
  mutating func read(configuration: JSONValue, _ path: String) throws(FineTuningError) {
    lowercases = configuration["do_lower_case"]?.bool ?? lowercases
    spacesIdeographs = configuration["tokenize_chinese_chars"]?.bool ?? spacesIdeographs
    stripsAccents = configuration["strip_accents"]?.bool ?? stripsAccents
    // "No limit" is spelled 1e30, as an integer of 31 digits.
    if let length = configuration["model_max_length"]?.integer, length > 0, length < 1 << 31 {
      modelMaximumLength = length
    }
    if let side = configuration["truncation_side"]?.string { truncatesLeft = side == "left" }
    for (key, entry) in configuration["added_tokens_decoder"]?.object ?? [:] {
      guard let content = entry["content"]?.string,
        let id = TokenizerSettings.id(.number(key.string))
      else {
        throw FineTuningError(
          "\(path): added_tokens_decoder has a token without \"content\" or with an id that is not a number"
        )
      }
      add(TokenizerSettings.token(entry, content: content, id: id))
    }
    readSpecialTokens(configuration)
  }

  /// Takes the names of special tokens, plain or with their flags.
  mutating func readSpecialTokens(_ document: JSONValue) {
    for name in Special.allCases {
      guard let value = document[name.rawValue] else { continue }
      if let content = value.string {
        special[name] = AddedToken(content: content, id: -1)
      } else if let content = value["content"]?.string {
        var token = TokenizerSettings.token(value, content: content, id: -1)
        token.isNormalized = value["normalized"]?.bool ?? false
        special[name] = token
      }
    }
  }

  static func token(_ entry: JSONValue, content: String, id: Int32) -> AddedToken {
    AddedToken(
      content: content, id: id,
      isSingleWord: entry["single_word"]?.bool ?? false,
      stripsLeft: entry["lstrip"]?.bool ?? false,
      stripsRight: entry["rstrip"]?.bool ?? false,
      isNormalized: entry["normalized"]?.bool ?? !(entry["special"]?.bool ?? false))
  }
}
