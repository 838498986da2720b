internal import CheckpointFiles
internal import OrderedCollections

extension Vocabulary {
  /// The tokens and ids in a `vocab.txt`: one token a line, numbered from 0, as the `tokenizers` library reads
  /// them. White space at the end of a line is not part of the token, and of two equal tokens the last counts.
  ///
  /// - Throws: `FineTuningError` when the file is not UTF-8.
  static func members(
    ofLines bytes: [UInt8], _ path: String
  ) throws(FineTuningError) -> JSONValue {
    if let bad = firstInvalidUTF8(in: bytes) {
      let line = bytes[..<bad].count { $0 == 0x0A } + 1
      throw .vocabularyIsNotUTF8(path, atByte: bad, line: line)
    }
    var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    var members: OrderedDictionary<Key, JSONValue> = [:]
    members.reserveCapacity(lines.count)
    for (index, line) in lines.enumerated() {
      members[Key(trimmingEnd(of: line))] = .integer(index)
    }
    return .object(members)
  }

  static func trimmingEnd(of line: ArraySlice<UInt8>) -> String {
    // Nearly all lines end in a visible ASCII character.
    if let last = line.last, (0x21..<0x7F).contains(last) {
      return String(decoding: line, as: UTF8.self)
    }
    var scalars = Substring(decoding: line, as: UTF8.self).unicodeScalars
    while scalars.last?.properties.isWhitespace == true { scalars.removeLast() }
    return String(scalars)
  }

  /// The vocabulary in `model.vocab` of a `tokenizer.json`.
  init(_ members: JSONValue, path: String) throws(FineTuningError) {
    guard let members = members.object else {
      throw .vocabularyIsNotObject(path: path)
    }
    self.init(capacity: members.count)
    var tokens: [Int: String] = [:]
    // No word is empty; such lines stand at the end of files.
    for (key, value) in members where !key.string.isEmpty {
      guard let id = value.integer, id >= 0, id < 1 << 24 else {
        throw .vocabularyID(of: key, path: path)
      }
      if let other = tokens.updateValue(key.string, forKey: id) {
        throw .sameID(id, other, key.string, path: path)
      }
      _ = insert(key.string.utf8, id: Int32(id))
    }
  }
}
