internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// The tokens that the tokenizer of a folder knows, and their ids: those of its vocabulary and those that were added.
struct TokenTable: Sendable {
  let tokenizer: any Tokenizer
  /// The id of every token.
  let ids: [Key: Int]
  /// One more than the highest id.
  let count: Int
  /// The ids of the special tokens, and of those around a text.
  let specialIDs: Set<Int>
  /// The file to name in errors.
  let path: String
  /// The kind of the model, such as `WordPiece`.
  let kind: String

  init(_ files: TokenizerFiles) throws(FineTuningError) {
    let settings = try TokenizerSettings(files: files)
    tokenizer = try TokenizerFiles.tokenizer(settings)
    path = settings.path
    let model = settings.document["model"]
    kind = model?["type"]?.string ?? "WordPiece"
    var ids: [Key: Int] = [:]
    if let members = model?["vocab"]?.object {
      for (token, value) in members { if let id = value.integer { ids[token] = id } }
    } else {
      for (id, entry) in (model?["vocab"]?.array ?? []).enumerated() {
        if let token = entry.array?.first?.string { ids[Key(token)] = id }
      }
    }
    var special: Set<Int> = [Int(tokenizer.paddingID)]
    for token in settings.addedTokens {
      ids[Key(token.content)] = Int(token.id)
      if token.isSpecial { special.insert(Int(token.id)) }
    }
    if let unknown = model?["unk_token"]?.string, let id = ids[Key(unknown)] { special.insert(id) }
    for piece in settings.template.single + settings.template.pair {
      if case .token(let id, _) = piece { special.insert(Int(id)) }
    }
    self.ids = ids
    count = (ids.values.max() ?? -1) + 1
    specialIDs = special
  }

  /// Whether every id below ``count`` is that of one token.
  var isDense: Bool { ids.count == count && Set(ids.values).count == count }

  /// A post-processor with new ids.
  ///
  /// - Throws: `FineTuningError` when it names a token that has no new id.
  static func renumbered(
    _ processor: JSONValue, _ ids: [Int: Int], _ path: String
  ) throws(FineTuningError) -> JSONValue {
    guard var members = processor.object else { return processor }
    // A sequence of processors has no sequence inside of it.
    if let list = members["processors"]?.array {
      var processors: [JSONValue] = []
      for part in list {
        let isNested = part["processors"] != nil
        processors.append(isNested ? part : try renumbered(part, ids, path))
      }
      members["processors"] = .array(processors)
    }
    for name in ["sep", "cls"] {
      guard var pair = members[Key(name)]?.array, pair.count == 2 else { continue }
      pair[1] = try renumberedID(pair[1], ids, path)
      members[Key(name)] = .array(pair)
    }
    if var tokens = members["special_tokens"]?.object {
      for (name, entry) in tokens {
        guard var entry = entry.object, let list = entry["ids"]?.array else { continue }
        var new: [JSONValue] = []
        for id in list { new.append(try renumberedID(id, ids, path)) }
        entry["ids"] = .array(new)
        tokens[name] = .object(entry)
      }
      members["special_tokens"] = .object(tokens)
    }
    return .object(members)
  }

  private static func renumberedID(
    _ value: JSONValue, _ ids: [Int: Int], _ path: String
  ) throws(FineTuningError) -> JSONValue {
    guard let id = value.integer else { return value }
    guard let new = ids[id] else { throw .unknownPieceID(path, id) }
    return .integer(new)
  }
}
