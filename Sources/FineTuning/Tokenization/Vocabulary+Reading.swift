internal import CheckpointFiles
internal import OrderedCollections

extension Vocabulary {
  /// The vocabulary in a `vocab.txt`: one token a line, numbered from 0.
  ///
  /// - Throws: `FineTuningError` when a line is not UTF-8 or a token stands twice.
  public init(contentsOf path: String) throws(FineTuningError) {
    let bytes = try FileReader.contents(of: path)
    if let bad = firstInvalidUTF8(in: bytes) {
      let line = bytes[..<bad].count { $0 == 0x0A } + 1
      throw FineTuningError(
        "\(path): not UTF-8 at byte \(bad) (line \(line)); a vocabulary is UTF-8 text, one token a line"
      )
    }
    self.init(capacity: bytes.count / 8)
    var line = 0
    var start = 0
    while start < bytes.count {
      var end = start
      // Line ends are those of Python's text files.
      while end < bytes.count, bytes[end] != 0x0A, bytes[end] != 0x0D { end += 1 }
      if end > start, !insert(bytes[start..<end], id: Int32(truncatingIfNeeded: line)) {
        let token = String(decoding: bytes[start..<end], as: UTF8.self)
        let first = id(of: token).map { Int($0) + 1 } ?? 0
        throw FineTuningError(
          "\(path): the token \(quoted(token)) stands twice, on lines \(first) and \(line + 1)")
      }
      line += 1
      let isPair = end + 1 < bytes.count && bytes[end] == 0x0D && bytes[end + 1] == 0x0A
      start = end + (isPair ? 2 : 1)
    }
  }

  /// The vocabulary in `model.vocab` of a `tokenizer.json`.
  init(_ members: JSONValue, path: String) throws(FineTuningError) {
    guard let members = members.object else {
      throw FineTuningError("\(path): model.vocab is not an object of tokens and ids")
    }
    self.init(capacity: members.count)
    var tokens: [Int: String] = [:]
    for (key, value) in members {
      guard let id = value.integer, id >= 0, id < 1 << 24 else {
        throw FineTuningError(
          "\(path): the id of the token \(quoted(key.string)) is not a number from 0 to 16777215")
      }
      if let other = tokens.updateValue(key.string, forKey: id) {
        throw FineTuningError(
          "\(path): the tokens \(quoted(other)) and \(quoted(key.string)) have the same id \(id)")
      }
      _ = insert(key.string.utf8, id: Int32(id))
    }
  }
}
