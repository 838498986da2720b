internal import CheckpointFiles
internal import OrderedCollections

// Contradictions between the tensors and the files of the tokenizer.
extension CheckpointLint {
  /// The most bytes of a file of a tokenizer that is read.
  private static let tokenizerLimit = 1 << 26

  /// The ids that the files of a tokenizer name: one more than the highest of the vocabulary, and of all tokens.
  private struct TokenCount {
    let file: String
    var vocabulary: Int
    var all: Int
  }

  /// Compares the rows of token embeddings with the number of tokens.
  mutating func checkTokens(_ checkpoint: Checkpoint, _ family: ModelFamily) {
    let tables = checkpoint.tensors.filter { key, tensor in
      EmbeddingRows.kind(of: key) == .tokens && tensor.shape.rank == 2
        && tensor.dtype.isFloatingPoint && !key.contains("per_layer")
    }
    // Several tables of different sizes belong to several tokenizers.
    guard let (key, table) = tables.elements.first,
      tables.values.allSatisfy({ $0.shape.dimensions[0] == table.shape.dimensions[0] }),
      let tokens = tokenCount()
    else { return }
    let rows = table.shape.dimensions[0]
    if tokens.vocabulary > rows {
      add(
        .vocabulary, key,
        "has \(grouped(rows)) rows, but \(tokens.file) has \(grouped(tokens.vocabulary)) tokens: the last of them have no row",
        family.hasVocabulary ? .error : .warning)
    } else if tokens.all > rows {
      add(
        .vocabulary, key,
        "has \(grouped(rows)) rows, but the added tokens of \(tokens.file) have ids up to \(grouped(tokens.all - 1)): "
          + "they have no row", .warning)
    } else if tokens.all < rows {
      let rest = rows - tokens.all
      add(
        .vocabulary, key,
        "has \(grouped(rows)) rows, and \(tokens.file) has \(grouped(tokens.all)) tokens: "
          + "\(Text.counted(rest, "row")) \(rest == 1 ? "has" : "have") no token", .note)
    }
  }

  /// The tokens of the folder's tokenizer; `nil` when it has none that is known here, or it cannot be read.
  private func tokenCount() -> TokenCount? {
    var count: TokenCount
    if let json = tokenizerFile("tokenizer.json") {
      let vocabulary = json["model"]?["vocab"]
      guard let size = CheckpointLint.size(vocabulary) else { return nil }
      count = TokenCount(file: "tokenizer.json", vocabulary: size, all: size)
      for token in json["added_tokens"]?.array ?? [] {
        if let id = token["id"]?.integer, id >= 0, id < .max { count.all = max(count.all, id + 1) }
      }
      return count
    }
    if let bytes = try? WholeFile.read(place("vocab.txt"), limit: CheckpointLint.tokenizerLimit) {
      let breaks = bytes.count { $0 == UInt8(ascii: "\n") }
      let size = breaks + (bytes.last.map { $0 != UInt8(ascii: "\n") } ?? false ? 1 : 0)
      count = TokenCount(file: "vocab.txt", vocabulary: size, all: size)
    } else if let json = tokenizerFile("vocab.json"), let size = CheckpointLint.size(json) {
      count = TokenCount(file: "vocab.json", vocabulary: size, all: size)
    } else {
      return nil
    }
    if let size = tokenizerFile("added_tokens.json").flatMap({ CheckpointLint.size($0) }) {
      count.all = max(count.all, size)
    }
    return count
  }

  /// One more than the highest id of an object of tokens, or the length of a list of tokens.
  private static func size(_ vocabulary: JSONValue?) -> Int? {
    if let list = vocabulary?.array { return list.count }
    return vocabulary?.object.flatMap { members in
      members.values.compactMap(\.integer).filter { $0 >= 0 && $0 < .max }.max().map { $0 + 1 }
    }
  }

  private func tokenizerFile(_ name: String) -> JSONValue? {
    guard WholeFile.exists(place(name)),
      let bytes = try? WholeFile.read(place(name), limit: CheckpointLint.tokenizerLimit)
    else { return nil }
    return try? JSONParser.parse(bytes, allowsNonFinite: true)
  }
}
