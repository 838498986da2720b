internal import CheckpointFiles
internal import ParameterSurgery

/// What can be wrong with the files of a tokenizer.
extension FineTuningError {
  private static func tokenizer(
    _ path: String, field: String? = nil, underlying: Underlying? = nil, _ reason: String
  ) -> FineTuningError {
    FineTuningError(.tokenizer, path: path, field: field, underlying: underlying, reason)
  }

  static func noTokenizer(in folder: String) -> FineTuningError {
    tokenizer(
      folder,
      "neither tokenizer.json nor vocab.txt, nor vocab.json with merges.txt; a text cannot be read without one"
    )
  }

  static func tokenizerIsNotJSON(_ error: CheckpointError, path: String) -> FineTuningError {
    tokenizer(path, underlying: .checkpoint(error), error.description)
  }

  static func notUTF8(_ path: String, atByte offset: Int) -> FineTuningError {
    tokenizer(path, "not UTF-8 at byte \(offset)")
  }

  static func vocabularyIsNotUTF8(
    _ path: String, atByte offset: Int, line: Int
  ) -> FineTuningError {
    tokenizer(
      path,
      "not UTF-8 at byte \(offset) (line \(line)); a vocabulary is UTF-8 text, one token a line")
  }

  // MARK: The class

  static func classWithoutFiles(_ name: String, path: String) -> FineTuningError {
    tokenizer(
      path, field: "tokenizer_class",
      "\"tokenizer_class\" is \(quoted(name)), which reads no files without \"model_type\"; "
        + "expected PreTrainedTokenizerFast for tokenizer.json")
  }

  static func tokenizerCode(path: String) -> FineTuningError {
    tokenizer(
      path, field: "auto_map",
      "\"auto_map\" names code of this folder as the tokenizer, which is never run; name a class of "
        + "transformers in \"tokenizer_class\"")
  }

  static func otherTokenizerClass(_ name: String, path: String) -> FineTuningError {
    tokenizer(
      path, field: "tokenizer_class",
      "\"tokenizer_class\": \(quoted(name)) is not implemented; expected BertTokenizer, "
        + "DistilBertTokenizer, RobertaTokenizer, XLMRobertaTokenizer or PreTrainedTokenizerFast")
  }

  static func noTokenizerFile(path: String) -> FineTuningError {
    tokenizer(
      path, field: "tokenizer_class",
      "its \"tokenizer_class\" takes tokenizer.json as it stands, and there is none")
  }

  /// A folder without the files that the class of its tokenizer reads.
  static func noFiles(of kind: TokenizerClass, path: String) -> FineTuningError {
    let needs =
      switch kind {
      case .bert, .distilBERT, .backend: "vocab.txt or tokenizer.json, and there is neither"
      case .roberta: "vocab.json and merges.txt, or tokenizer.json, and they are not there"
      case .xlmRoberta:
        "tokenizer.json, and there is none; sentencepiece.bpe.model cannot be read, but "
          + "AutoTokenizer.from_pretrained(…).save_pretrained(…) writes tokenizer.json from it"
      }
    return tokenizer(
      path,
      "\(kind.rawValue), the class that transformers takes for this folder, reads \(needs)")
  }

  static func otherModel(
    _ type: String, than wanted: String, of kind: TokenizerClass, path: String
  ) -> FineTuningError {
    tokenizer(
      path, field: "model",
      "its model is \(quoted(type)), and \(kind.rawValue), the class that transformers takes for this "
        + "folder, needs \(quoted(wanted)); \"tokenizer_class\": \"PreTrainedTokenizerFast\" in "
        + "tokenizer_config.json takes the file as it stands")
  }

  // MARK: Options

  /// What a document must be an object of.
  enum TokenizerDocument: String {
    case options = "the tokenizer's options"
    case specialTokens = "the special tokens"
    case addedTokens = "tokens and their ids"
  }

  static func isNotObject(of content: TokenizerDocument, path: String) -> FineTuningError {
    tokenizer(path, "expected a JSON object with \(content.rawValue)")
  }

  static func optionNotImplemented(_ name: String, path: String) -> FineTuningError {
    tokenizer(path, field: name, "\(quoted(name)) is not implemented; remove it")
  }

  /// An option or a token of the files that is something else than it must be.
  static func tokenizerMember(
    _ name: String, _ value: JSONValue, expected: Expectation, path: String
  ) -> FineTuningError {
    member(name, value, expected: expected, kind: .tokenizer, path: path)
  }

  static func elementIsNotText(
    _ value: JSONValue, of name: String, path: String
  ) -> FineTuningError {
    tokenizer(path, field: name, "\(quoted(name)) has \(short(value)), expected a text")
  }

  static func decoderID(_ id: Key, path: String) -> FineTuningError {
    tokenizer(
      path, field: "added_tokens_decoder",
      "\"added_tokens_decoder\" has the id \(quoted(id.string)), expected a number")
  }

  static func notSpecialToken(_ name: Key, path: String) -> FineTuningError {
    tokenizer(
      path, field: name.string, "\(quoted(name.string)) is not the name of a special token")
  }

  static func tokenID(_ value: JSONValue, of token: Key, path: String) -> FineTuningError {
    tokenizer(
      path, "the id of \(quoted(token.string)) is \(short(value)), expected a number")
  }

  static func addedTokenID(_ value: JSONValue?, path: String) -> FineTuningError {
    tokenizer(
      path, field: "added_tokens",
      "an added token has the id \(short(value ?? .null)), expected \(Expectation.tokenID.phrase)")
  }

  static func nullToken(_ name: String, for kind: TokenizerClass, path: String) -> FineTuningError {
    tokenizer(path, field: name, "\(quoted(name)) is null; \(kind.rawValue) needs one")
  }

  static func noPaddingToken(path: String) -> FineTuningError {
    tokenizer(
      path, field: "pad_token",
      "no padding token: neither \"pad_token\" nor a token \"[PAD]\" or \"<pad>\"")
  }

  // MARK: Tokens

  /// Where files describe a token.
  enum TokenPlace {
    /// An entry of `added_tokens_decoder`.
    case decoder(Key)
    /// A member with the name of a special token.
    case member(String)
    /// An entry of `added_tokens` with this id.
    case addedToken(Int32)
    /// An entry of `added_tokens`.
    case entry

    fileprivate var phrase: String {
      switch self {
      case .decoder(let id): "\"added_tokens_decoder\", \(quoted(id.string))"
      case .member(let name): quoted(name)
      case .addedToken(let id): "the added token \(id)"
      case .entry: "an added token"
      }
    }
  }

  static func tokenWithoutContent(
    _ value: JSONValue, at place: TokenPlace, path: String
  ) -> FineTuningError {
    tokenizer(
      path,
      "\(place.phrase) is \(short(value)), expected \(Expectation.objectWith(member: "content").phrase)"
    )
  }

  static func tokenFlag(
    _ name: String, _ value: JSONValue, at place: TokenPlace, path: String
  ) -> FineTuningError {
    tokenizer(
      path, field: name,
      "\(place.phrase): \(quoted(name)) is \(short(value)), expected \(Expectation.boolean.phrase)")
  }

  static func sameTokens(_ first: String, _ second: String, path: String) -> FineTuningError {
    tokenizer(
      path,
      "the added tokens \(quoted(first)) and \(quoted(second)) are the same "
        + "text once it is normalized; remove one, or set \"normalized\" to false for both")
  }
}

/// What can be wrong with the parts of a `tokenizer.json`.
extension FineTuningError {
  /// A part of a tokenizer with a kind of its own.
  enum TokenizerPart: String {
    case model
    case normalizer
    case preTokenizer = "pre-tokenizer"
    case postProcessor = "post-processor"
  }

  static func noModel(path: String) -> FineTuningError {
    tokenizer(path, field: "model", "no \"model\", so this is not a tokenizer file")
  }

  static func otherPart(
    _ part: TokenizerPart, _ type: String?, expected: [String], path: String
  ) -> FineTuningError {
    tokenizer(
      path,
      "its \(part.rawValue) is \(type.map(quoted) ?? "not named"); only "
        + "\(Text.list(expected.map { "\"\($0)\"" }, conjunction: part == .postProcessor ? "and" : "or")) "
        + "can be used")
  }

  /// A flag of a part that is something else than true or false.
  static func flag(
    _ name: String, _ value: JSONValue?, of part: TokenizerPart, path: String
  ) -> FineTuningError {
    tokenizer(
      path, field: name,
      "\(quoted(name)) of its \(part.rawValue) is \(short(value ?? .null)), expected "
        + Expectation.boolean.phrase)
  }

  static func modelOption(_ name: String, path: String) -> FineTuningError {
    tokenizer(path, field: name, "\"\(name)\" of its model is not implemented")
  }

  static func byteFallback(path: String) -> FineTuningError {
    tokenizer(
      path, field: "byte_fallback",
      "\"byte_fallback\" of its model is not implemented for byte-pair encoding")
  }

  static func mergesAreNotList(path: String) -> FineTuningError {
    tokenizer(path, field: "merges", "\"merges\" of its model is not a list")
  }

  static func merge(_ rank: Int, _ text: String, path: String) -> FineTuningError {
    tokenizer(
      path, field: "merges",
      "merge \(rank), \(quoted(text)), is not of two tokens whose whole is a token")
  }

  static func characterMap(path: String) -> FineTuningError {
    tokenizer(
      path, field: "precompiled_charsmap",
      "\"precompiled_charsmap\" of its normalizer is damaged")
  }

  // MARK: The vocabulary

  static func vocabularyIsNotObject(path: String) -> FineTuningError {
    tokenizer(path, field: "vocab", "model.vocab is not an object of tokens and ids")
  }

  static func vocabularyIsNotList(path: String) -> FineTuningError {
    tokenizer(path, field: "vocab", "model.vocab is not a list of tokens and scores")
  }

  static func vocabularyID(of token: Key, path: String) -> FineTuningError {
    tokenizer(
      path, field: "vocab",
      "the id of the token \(quoted(token.string)) is not \(Expectation.tokenID.phrase)")
  }

  static func sameID(_ id: Int, _ first: String, _ second: String, path: String) -> FineTuningError
  {
    tokenizer(
      path, field: "vocab",
      "the tokens \(quoted(first)) and \(quoted(second)) have the same id \(id)")
  }

  static func vocabularyEntry(_ index: Int, path: String) -> FineTuningError {
    tokenizer(
      path, field: "vocab", "entry \(index) of model.vocab is not a token and its score")
  }

  static func longToken(_ id: Int, limit: Int, path: String) -> FineTuningError {
    tokenizer(path, field: "vocab", "the token \(id) is longer than \(limit) bytes")
  }

  static func repeatedToken(_ token: String, path: String) -> FineTuningError {
    tokenizer(
      path, field: "vocab", "the token \(quoted(token)) is duplicated in model.vocab")
  }

  static func noUnknownToken(_ token: String, path: String) -> FineTuningError {
    tokenizer(
      path, field: "unk_token",
      "the vocabulary has no \(quoted(token)), the token for unknown words")
  }

  static func unknownTokenMissing(_ token: String, path: String) -> FineTuningError {
    tokenizer(
      path, field: "unk_token",
      "the unknown token \(quoted(token)) is not in the vocabulary")
  }

  static func unknownID(path: String) -> FineTuningError {
    tokenizer(path, field: "unk_id", "\"unk_id\" of its model is not the id of a token")
  }

  // MARK: The post-processor

  static func processorWithoutTokens(path: String) -> FineTuningError {
    tokenizer(path, field: "post_processor", "its post-processor has no \"cls\" or \"sep\"")
  }

  static func processorPart(_ name: String, path: String) -> FineTuningError {
    tokenizer(path, field: name, "its post-processor's \"\(name)\" is damaged")
  }

  static func tokenWithoutIDs(_ name: String, path: String) -> FineTuningError {
    tokenizer(
      path, field: "special_tokens",
      "its post-processor names \(quoted(name)) without its ids")
  }

  static func processorID(path: String) -> FineTuningError {
    tokenizer(
      path, field: "special_tokens", "its post-processor has an id that is not a number")
  }

  static func noProcessor(path: String) -> FineTuningError {
    tokenizer(
      path, field: "post_processor",
      "no post-processor, so no special tokens are put around a text; that is not implemented")
  }

  static func processorPlaces(path: String) -> FineTuningError {
    tokenizer(
      path, field: "post_processor",
      "its post-processor does not put a special token before each text's only place")
  }
}
