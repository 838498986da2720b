internal import CheckpointFiles
internal import OrderedCollections

/// What a `tokenizer.json` that is not BERT's says beside its model.
///
/// The file is taken as it stands; of `tokenizer_config.json`, the longest text and the side that is
/// cut, as well as the padding token.
struct SubwordSettings: Sendable {
  let files: TokenizerFiles
  /// The document, and the file to name in errors.
  let document: JSONValue
  let path: String
  let addedTokens: [AddedToken]
  let template: SequenceTemplate
  private(set) var modelMaximumLength: Int?
  private(set) var truncatesLeft: Bool
  private var paddingToken: String?

  init(files: TokenizerFiles, document: JSONValue, path: String) throws(FineTuningError) {
    self.files = files
    self.document = document
    self.path = path
    var added: [AddedToken] = []
    for entry in document["added_tokens"]?.array ?? [] {
      guard let content = entry["content"]?.string, let id = TokenizerSettings.id(entry["id"])
      else { throw FineTuningError("\(path): an added token without \"content\" or \"id\"") }
      added.append(TokenizerSettings.token(entry, content: content, id: id))
    }
    addedTokens = added
    template = try SequenceTemplate(document["post_processor"], path: path)
    truncatesLeft = document["truncation"]?["direction"]?.string == "Left"
    for path in [files.specialTokens, files.configuration] {
      guard let path else { continue }
      let members = try TokenizerSettings.document(path)
      if let token = members["pad_token"]?.string ?? members["pad_token"]?["content"]?.string {
        paddingToken = token
      }
      guard path == files.configuration else { continue }
      // "No limit" is spelled 1e30, as an integer of 31 digits.
      if let length = members["model_max_length"]?.integer, length > 0, length < 1 << 31 {
        modelMaximumLength = length
      }
      if let side = members["truncation_side"]?.string { truncatesLeft = side == "left" }
    }
  }

  /// The id of the padding token: the one that the files name, or `<pad>`.
  func paddingID(_ find: (String) -> Int32?) throws(FineTuningError) -> Int32 {
    let name = paddingToken ?? document["padding"]?["pad_token"]?.string ?? "<pad>"
    let added = addedTokens.first { $0.content.utf8.elementsEqual(name.utf8) }
    guard let id = added?.id ?? find(name) else {
      throw FineTuningError("\(path): no \(quoted(name)) token for padding")
    }
    return id
  }

  /// One more than the highest id, given the vocabulary's.
  func vocabularySize(_ count: Int) -> Int {
    max(count, Int(max(addedTokens.map(\.id).max() ?? -1, template.highestID)) + 1)
  }

  /// Refuses a member of the document that is of another kind than `expected`.
  func demand(
    _ part: String, _ value: JSONValue?, _ expected: String...
  ) throws(FineTuningError) {
    let type = value?["type"]?.string
    if let type, expected.contains(type) { return }
    throw FineTuningError(
      "\(path): its \(part) is \(type.map(quoted) ?? "not named"); only "
        + "\(expected.map { "\"\($0)\"" }.joined(separator: " or ")) can be used")
  }

  // MARK: - vocab.json and merges.txt

  /// The document that stands for `vocab.json` and `merges.txt`, as RoBERTa's tokenizer reads them.
  static func document(
    vocabulary: String, merges: String, files: TokenizerFiles
  ) throws(FineTuningError) -> JSONValue {
    let vocab = try TokenizerSettings.document(vocabulary)
    let bytes = try FileReader.contents(of: merges)
    if let bad = firstInvalidUTF8(in: bytes) {
      throw FineTuningError("\(merges): not UTF-8 at byte \(bad)")
    }
    var pairs: [JSONValue] = []
    for line in bytes.split(separator: 0x0A) {
      let text = String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
      if text.isEmpty || text.hasPrefix("#version") { continue }
      pairs.append(.string(text))
    }
    let configuration = try files.configuration.map { path throws(FineTuningError) in
      try TokenizerSettings.document(path)
    }
    var special: [String: String] = [
      "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>",
      "mask_token": "<mask>",
    ]
    var added: [JSONValue] = []
    var ids: [String: JSONValue] = [:]
    for name in special.keys.sorted() {
      let value = configuration?[name]
      let content = value?.string ?? value?["content"]?.string ?? special[name] ?? ""
      special[name] = content
      guard let id = vocab[content] else { continue }
      ids[name] = id
      added.append(
        .members([
          "id": id, "content": .string(content), "single_word": false,
          "lstrip": .bool(name == "mask_token"), "rstrip": false, "normalized": false,
          "special": true,
        ]))
    }
    guard let start = ids["cls_token"], let separator = ids["sep_token"] else {
      throw FineTuningError("\(vocabulary): no token for the start or the end of a text")
    }
    return .members([
      "added_tokens": .array(added),
      "pre_tokenizer": .members([
        "type": "ByteLevel",
        "add_prefix_space": .bool(configuration?["add_prefix_space"]?.bool ?? false),
      ]),
      "post_processor": .members([
        "type": "RobertaProcessing", "cls": [.string(special["cls_token"] ?? ""), start],
        "sep": [.string(special["sep_token"] ?? ""), separator],
      ]),
      "model": .members(["type": "BPE", "vocab": vocab, "merges": .array(pairs)]),
    ])
  }
}
