internal import CheckpointFiles
internal import OrderedCollections
public import ParameterSurgery

/// The tokenizer files of a model's folder, with tokens that are added or dropped.
///
/// Nothing is written: ``changedFiles`` has the new contents. After each change, the tokenizer is made again from them, and
/// must give every token its id and every text its tokens.
///
///     var editor = try VocabularyEditor(folder: "bert-base-uncased")
///     let change = try editor.trim(toTextsIn: "texts.txt")
///     print(change.kept.count, editor.changedFiles.map(\.name))
public struct VocabularyEditor: ModelVocabulary {
  private let folder: String
  /// Files with other contents than in the folder, in the order of their first change.
  private var changed: OrderedDictionary<Key, [UInt8]> = [:]
  private var table: TokenTable

  /// The tokenizer of a model's folder.
  ///
  /// - Throws: ``FineTuningError`` when its files are missing, not readable, or ask for a tokenizer that is not known here.
  public init(folder: String) throws(FineTuningError) {
    self.folder = folder
    table = try TokenTable(TokenizerFiles(directory: folder))
  }

  /// One more than the highest id of a token.
  public var tokenCount: Int { table.count }

  /// The tokenizer as it is now.
  package var tokenizer: any Tokenizer { table.tokenizer }

  /// The files with other contents than in the folder.
  public var changedFiles: [(name: String, bytes: [UInt8])] {
    changed.map { ($0.key.string, $0.value) }
  }

  // MARK: - Adding

  /// Adds the tokens of a file, one on each line, as `add_tokens` of transformers does: they are looked for in a text
  /// before it is split into words.
  ///
  /// - Throws: `SurgeryError` when a line is not a token, occurs twice, or is a token already, and when the tokenizer would
  ///   not read it as that token.
  public mutating func add(tokensIn path: String) throws(SurgeryError) -> VocabularyChange {
    do {
      return try adding(path)
    } catch {
      throw error.asSurgery
    }
  }

  private mutating func adding(_ path: String) throws(FineTuningError) -> VocabularyChange {
    let lines = try TextLines(tokensIn: path)
    let first = table.count
    guard table.isDense else { throw .idsWithGaps(table.path) }
    for (number, token) in lines.lines {
      if let id = table.ids[Key(token)] {
        throw .knownToken(token, id: id, path: path, line: number)
      }
    }
    var result = self
    try result.write(lines.lines.map(\.text), from: first)
    try result.reload()
    for (index, (number, token)) in lines.lines.enumerated() {
      let id = first + index
      let around = result.table.tokenizer.encode("", maximumLength: .max).ids
      let ids = result.table.tokenizer.encode(token, maximumLength: .max).ids
      guard result.table.ids[Key(token)] == id, ids.count == around.count + 1,
        ids.contains(Int32(id))
      else { throw .tokenNotRead(token, path: path, line: number) }
    }
    self = result
    return VocabularyChange(kept: Array(0..<first), added: lines.lines.count)
  }

  private mutating func write(_ tokens: [String], from first: Int) throws(FineTuningError) {
    func entry(_ token: String, id: Int?) -> JSONValue {
      var members: [(String, JSONValue)] = id.map { [("id", .integer($0))] } ?? []
      members += [
        ("content", .string(token)), ("single_word", false), ("lstrip", false), ("rstrip", false),
        ("normalized", true), ("special", false),
      ]
      return .object(pairs: members)
    }
    let numbered = tokens.enumerated().map { (id: first + $0.offset, token: $0.element) }
    var isListed = false
    if var members = try document("tokenizer.json")?.object {
      let listed = members["added_tokens"]?.array ?? []
      members["added_tokens"] = .array(listed + numbered.map { entry($0.token, id: $0.id) })
      set("tokenizer.json", .object(members))
      isListed = true
    }
    if var members = try document("tokenizer_config.json")?.object,
      var decoder = members["added_tokens_decoder"]?.object
    {
      for (id, token) in numbered { decoder[Key("\(id)")] = entry(token, id: nil) }
      members["added_tokens_decoder"] = .object(decoder)
      set("tokenizer_config.json", .object(members))
      isListed = true
    }
    let own = try document("added_tokens.json")?.object
    if own != nil || !isListed {
      var members = own ?? [:]
      for (id, token) in numbered { members[Key(token)] = .integer(id) }
      set("added_tokens.json", .object(members))
    }
  }

  // MARK: - Trimming

  /// Keeps the special tokens, the tokens that `config.json` names, and those that the texts of a file use, one text on each
  /// line. The texts keep their tokens; another text may have words that become unknown.
  ///
  /// - Throws: `SurgeryError` when the tokenizer is not a WordPiece tokenizer, or a text would have other tokens.
  public mutating func trim(toTextsIn path: String) throws(SurgeryError) -> VocabularyChange {
    do {
      return try trimming(path)
    } catch {
      throw error.asSurgery
    }
  }

  private mutating func trimming(_ path: String) throws(FineTuningError) -> VocabularyChange {
    // The longest match from the left stays the longest when tokens that were never matched go.
    guard table.tokenizer is WordPieceTokenizer else { throw .cannotTrim(table.path, table.kind) }
    guard table.isDense else { throw .idsWithGaps(table.path) }
    let lines = try TextLines(textsIn: path)
    var used = table.specialIDs
    for (_, text) in lines.lines {
      for id in table.tokenizer.encode(text, maximumLength: .max).ids { used.insert(Int(id)) }
    }
    for name in ["config.json", "generation_config.json"] {
      guard let json = try document(name) else { continue }
      used.formUnion(TokenMembers.ids(in: json).filter { $0 < table.count })
    }
    let kept = used.sorted()
    let change = VocabularyChange(kept: kept, added: 0)
    guard kept.count < table.count else { return change }
    let ids = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
    var result = self
    try result.drop(ids)
    try result.reload()
    try result.demandSame(as: self, ids, lines, path)
    self = result
    return change
  }

  /// - Throws: `FineTuningError` when a token that stays does not have its new id, or a text has other tokens.
  private func demandSame(
    as former: VocabularyEditor, _ ids: [Int: Int], _ lines: TextLines, _ path: String
  ) throws(FineTuningError) {
    for (token, id) in former.table.ids {
      guard table.ids[token] == ids[id] else { throw .otherID(token.string, table.path) }
    }
    for (number, text) in lines.lines {
      let before = former.table.tokenizer.encode(text, maximumLength: .max)
      let after = table.tokenizer.encode(text, maximumLength: .max)
      guard before.ids.map({ ids[Int($0)] }) == after.ids.map({ Optional(Int($0)) }),
        before.tokenTypes == after.tokenTypes
      else { throw .otherTokens(path, line: number) }
    }
  }

  /// Removes the tokens that have no new id from all files.
  private mutating func drop(_ ids: [Int: Int]) throws(FineTuningError) {
    let table = table
    func new(_ token: Key) -> Int? { table.ids[token].flatMap { ids[$0] } }
    if var members = try document("tokenizer.json")?.object {
      if var model = members["model"]?.object, let vocabulary = model["vocab"]?.object {
        model["vocab"] = .object(
          OrderedDictionary(
            uniqueKeysWithValues: vocabulary.compactMap { token, _ in
              new(token).map { (token, .integer($0)) }
            }))
        members["model"] = .object(model)
      }
      members["added_tokens"] = members["added_tokens"]?.array.map { list in
        .array(
          list.compactMap { entry in
            guard var entry = entry.object, let token = entry["content"]?.string,
              let id = new(Key(token))
            else { return nil }
            entry["id"] = .integer(id)
            return .object(entry)
          })
      }
      let path = Path.join(folder, "tokenizer.json")
      if let processor = members["post_processor"] {
        members["post_processor"] = try TokenTable.renumbered(processor, ids, path)
      }
      if var padding = members["padding"]?.object, let id = padding["pad_id"]?.integer {
        guard let id = ids[id] else { throw .unknownPieceID(path, id) }
        padding["pad_id"] = .integer(id)
        members["padding"] = .object(padding)
      }
      set("tokenizer.json", .object(members))
    }
    try dropLines(ids)
    if var members = try document("tokenizer_config.json")?.object,
      let decoder = members["added_tokens_decoder"]?.object
    {
      members["added_tokens_decoder"] = .object(
        OrderedDictionary(
          decoder.compactMap { _, entry in
            entry["content"]?.string.flatMap { new(Key($0)) }.map { (Key("\($0)"), entry) }
          }, uniquingKeysWith: { $1 }))
      set("tokenizer_config.json", .object(members))
    }
    if let members = try document("added_tokens.json")?.object {
      set(
        "added_tokens.json",
        .object(
          OrderedDictionary(
            uniqueKeysWithValues: members.compactMap { token, _ in
              new(token).map { (token, .integer($0)) }
            })))
    }
  }

  /// Removes lines of `vocab.txt`, whose numbers are ids.
  private mutating func dropLines(_ ids: [Int: Int]) throws(FineTuningError) {
    let path = Path.join(folder, "vocab.txt")
    guard let bytes = try contents("vocab.txt") else { return }
    var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    var rest: [UInt8] = []
    for (index, line) in lines.enumerated() {
      let token = Key(Vocabulary.trimmingEnd(of: line))
      // A token of another file has no line; a line without a token would give the others wrong numbers.
      guard table.ids[token] == index else { throw .otherLine(path, line: index + 1) }
      guard ids[index] != nil else { continue }
      rest.append(contentsOf: line)
      rest.append(0x0A)
    }
    changed["vocab.txt"] = rest
  }

  // MARK: - Files

  private func contents(_ name: String) throws(FineTuningError) -> [UInt8]? {
    if let bytes = changed[Key(name)] { return bytes }
    let path = Path.join(folder, name)
    return WholeFile.exists(path) ? try FileReader.contents(of: path) : nil
  }

  private func document(_ name: String) throws(FineTuningError) -> JSONValue? {
    guard let bytes = try contents(name) else { return nil }
    do {
      return try JSONParser.parse(bytes, allowsNonFinite: true)
    } catch {
      let path = Path.join(folder, name)
      throw .tokenizerIsNotJSON(error, path: path)
    }
  }

  private mutating func set(_ name: Key, _ json: JSONValue) {
    changed[name] = Array((json.text(indent: 2) + "\n").utf8)
  }

  /// Makes the tokenizer again from the files as they are now.
  private mutating func reload() throws(FineTuningError) {
    table = try TokenTable(
      TokenizerFiles(
        directory: folder,
        unwritten: Dictionary(uniqueKeysWithValues: changed.map { ($0.key, $0.value) })))
  }
}

extension FineTuningError {
  /// The same as an error of an edit.
  fileprivate var asSurgery: SurgeryError {
    if case .checkpoint(let error) = underlying { return .file(error) }
    return SurgeryError(
      kind == .invalidOption ? .unsupported : .malformed, path: path, description)
  }
}
