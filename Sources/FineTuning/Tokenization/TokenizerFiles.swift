/// The files of a model directory that a tokenizer is made from.
public struct TokenizerFiles: Sendable, Hashable {
  /// `tokenizer.json`.
  public private(set) var tokenizer: String?
  /// `vocab.txt`.
  public private(set) var vocabulary: String?
  /// `tokenizer_config.json`.
  public private(set) var configuration: String?
  /// `special_tokens_map.json`.
  public private(set) var specialTokens: String?
  /// `added_tokens.json`.
  public private(set) var addedTokens: String?

  /// The file that the vocabulary comes from.
  public var main: String { tokenizer ?? vocabulary ?? "tokenizer" }

  /// All that exist.
  public var paths: [String] {
    [vocabulary, tokenizer, configuration, specialTokens, addedTokens].compactMap(\.self)
  }

  /// The files that exist in a directory.
  ///
  /// - Throws: `FineTuningError` when there is neither `tokenizer.json` nor `vocab.txt`.
  public init(directory: String) throws(FineTuningError) {
    func path(_ name: String) -> String? {
      let path = directory.hasSuffix("/") ? directory + name : directory + "/" + name
      return FileSystem.exists(path) ? path : nil
    }
    tokenizer = path("tokenizer.json")
    vocabulary = path("vocab.txt")
    configuration = path("tokenizer_config.json")
    specialTokens = path("special_tokens_map.json")
    addedTokens = path("added_tokens.json")
    if tokenizer == nil, vocabulary == nil {
      throw FineTuningError(
        "\(directory): neither tokenizer.json nor vocab.txt; a text cannot be read without one")
    }
  }

  /// A vocabulary file alone.
  public init(vocabulary path: String) { vocabulary = path }

  /// Copies the files, byte for byte and under their names, into another directory.
  public func write(to directory: String) throws(FineTuningError) {
    for path in paths {
      let name = path.split(separator: "/").last.map(String.init) ?? path
      let bytes = try FileReader.contents(of: path)
      try replaceFile(
        at: directory.hasSuffix("/") ? directory + name : directory + "/" + name, bytes)
    }
  }
}
