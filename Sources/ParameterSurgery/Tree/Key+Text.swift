package import CheckpointFiles

// Text of keys is compared by bytes: Swift's own comparisons find texts equal that are spelled differently.
extension Key {
  /// Whether the key begins with `prefix`, byte by byte.
  package func begins(with prefix: String) -> Bool { string.utf8.starts(with: prefix.utf8) }

  /// Whether the key ends with `suffix`, byte by byte.
  package func ends(with suffix: String) -> Bool {
    let (bytes, end) = (string.utf8, suffix.utf8)
    return bytes.count >= end.count && bytes.suffix(end.count).elementsEqual(end)
  }

  /// The key without `prefix`, with which it begins.
  package func dropping(_ prefix: String) -> Key {
    Key(String(decoding: string.utf8.dropFirst(prefix.utf8.count), as: UTF8.self))
  }

  /// The key without `suffix`, with which it ends.
  package func droppingLast(_ suffix: String) -> Key {
    Key(String(decoding: string.utf8.dropLast(suffix.utf8.count), as: UTF8.self))
  }

  /// Whether the bytes of `text` occur in the key.
  package func contains(_ text: String) -> Bool {
    let (bytes, part) = (Array(string.utf8), Array(text.utf8))
    guard let first = part.first else { return true }
    guard bytes.count >= part.count else { return false }
    for start in 0...(bytes.count - part.count) where bytes[start] == first {
      if bytes[start..<(start + part.count)].elementsEqual(part) { return true }
    }
    return false
  }

  /// The key that has these parts between its dots.
  package init(joining parts: some Sequence<Key>) {
    self.init(parts.lazy.map(\.string).joined(separator: "."))
  }

  /// The parts between dots, as keys.
  package var parts: [Key] { components.map { Key(String($0)) } }

  /// The key with the letters of ASCII in lower case.
  package var lowercasedASCII: Key {
    Key(
      String(
        decoding: string.utf8.map { (65...90).contains($0) ? $0 + 32 : $0 }, as: UTF8.self))
  }
}
