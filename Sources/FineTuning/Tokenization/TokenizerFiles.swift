internal import CheckpointFiles

/// The files of a model directory that a tokenizer is made from.
public struct TokenizerFiles: Sendable, Hashable {
  /// `tokenizer.json`.
  public private(set) var tokenizer: String?
  /// `vocab.txt`.
  public private(set) var vocabulary: String?
  /// `vocab.json`, of byte-pair encoding.
  public private(set) var pairVocabulary: String?
  /// `merges.txt`, of byte-pair encoding.
  public private(set) var merges: String?
  /// `tokenizer_config.json`.
  public private(set) var configuration: String?
  /// `special_tokens_map.json`.
  public private(set) var specialTokens: String?
  /// `added_tokens.json`.
  public private(set) var addedTokens: String?
  /// `config.json`, whose family and `tokenizer_class` choose how the others are read.
  private(set) var modelConfiguration: String?
  /// `sentencepiece.bpe.model`, which cannot be read.
  private var sentencepiece: String?
  /// The contents of files that are not written yet, by their paths.
  private var unwritten: [Key: [UInt8]] = [:]

  /// The file that the vocabulary comes from.
  public var main: String {
    tokenizer ?? vocabulary ?? pairVocabulary ?? sentencepiece ?? "tokenizer"
  }

  /// All that exist and belong to the tokenizer alone.
  public var paths: [String] {
    [
      vocabulary, pairVocabulary, merges, tokenizer, configuration, specialTokens, addedTokens,
    ].compactMap(\.self)
  }

  /// The files that exist in a directory.
  ///
  /// - Throws: `FineTuningError` when there is neither `tokenizer.json` nor `vocab.txt`, nor both of
  ///   `vocab.json` and `merges.txt`.
  public init(directory: String) throws(FineTuningError) {
    try self.init(directory: directory, unwritten: [:])
  }

  /// The files that a directory has, or will have.
  ///
  /// - Parameter unwritten: the contents of files that are not written yet, by their names.
  init(directory: String, unwritten: [Key: [UInt8]]) throws(FineTuningError) {
    for (name, bytes) in unwritten {
      self.unwritten[Key(Path.join(directory, name.string))] = bytes
    }
    func path(_ name: String) -> String? {
      let path = Path.join(directory, name)
      return WholeFile.exists(path) || unwritten[Key(name)] != nil ? path : nil
    }
    tokenizer = path("tokenizer.json")
    vocabulary = path("vocab.txt")
    configuration = path("tokenizer_config.json")
    specialTokens = path("special_tokens_map.json")
    addedTokens = path("added_tokens.json")
    pairVocabulary = path("vocab.json")
    merges = path("merges.txt")
    modelConfiguration = path("config.json")
    sentencepiece = path("sentencepiece.bpe.model")
    if tokenizer == nil, vocabulary == nil, sentencepiece == nil,
      pairVocabulary == nil || merges == nil
    {
      throw .noTokenizer(in: directory)
    }
  }

  /// The tokenizer that `AutoTokenizer` of transformers 5 makes of the files.
  ///
  /// - Throws: `FineTuningError` when a file is not readable, or asks for another kind of tokenizer.
  public func makeTokenizer() throws(FineTuningError) -> any Tokenizer {
    try TokenizerFiles.tokenizer(try TokenizerSettings(files: self))
  }

  static func tokenizer(_ settings: TokenizerSettings) throws(FineTuningError) -> any Tokenizer {
    switch settings.document["model"]?["type"]?.string {
    case "BPE": return try SubwordTokenizer(settings, BytePairPipeline(settings))
    case "Unigram": return try SubwordTokenizer(settings, UnigramPipeline(settings))
    default: return try WordPieceTokenizer(settings)
    }
  }

  /// `model_max_length` of `tokenizer_config.json`; `nil` when it sets no limit.
  ///
  /// - Throws: `FineTuningError` when the file is not readable.
  public func modelMaximumLength() throws(FineTuningError) -> Int? {
    guard let configuration else { return nil }
    return try TokenizerOptions.maximumLength(
      in: try document(configuration), configuration)
  }

  /// The name and the SHA-256 of each of ``paths``.
  func digests() throws(FineTuningError) -> [(name: String, digest: String)] {
    var digests: [(name: String, digest: String)] = []
    for path in paths {
      digests.append((Path.name(of: path), try FileReader.digest(of: path)))
    }
    return digests
  }

  /// The contents of one of the files.
  func contents(of path: String) throws(FineTuningError) -> [UInt8] {
    if let bytes = unwritten[Key(path)] { return bytes }
    return try FileReader.contents(of: path)
  }

  /// The JSON document in one of the files.
  func document(_ path: String) throws(FineTuningError) -> JSONValue {
    let bytes = try contents(of: path)
    do {
      return try JSONParser.parse(bytes)
    } catch {
      throw .tokenizerIsNotJSON(error, path: path)
    }
  }

  /// A vocabulary file alone.
  public init(vocabulary path: String) { vocabulary = path }

  /// Copies the files, byte for byte and under their names, into another directory.
  public func write(to directory: String) throws(FineTuningError) {
    for path in paths {
      let name = Path.name(of: path)
      let bytes = try contents(of: path)
      try replaceFile(
        at: Path.join(directory, name), bytes)
    }
  }
}
