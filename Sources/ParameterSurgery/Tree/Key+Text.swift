package import CheckpointFiles

// Text of keys is compared by bytes: Swift's own comparisons find texts equal that are spelled differently.
extension Key {
  /// Whether the key begins with `prefix`, byte by byte.
  package func begins(with prefix: String) -> Bool { string.begins(with: prefix) }

  /// Whether the key ends with `suffix`, byte by byte.
  package func ends(with suffix: String) -> Bool { string.ends(with: suffix) }

  /// The key without `prefix`, with which it begins.
  package func dropping(_ prefix: String) -> Key {
    Key(String(decoding: string.utf8.dropFirst(prefix.utf8.count), as: UTF8.self))
  }

  /// The key without `suffix`, with which it ends.
  package func droppingLast(_ suffix: String) -> Key {
    Key(String(decoding: string.utf8.dropLast(suffix.utf8.count), as: UTF8.self))
  }

  /// Whether the bytes of `text` occur in the key.
  package func contains(_ text: String) -> Bool { string.containsBytes(of: text) }

  /// The key that has these parts between its dots.
  package init(joining parts: some Sequence<Key>) {
    self.init(parts.lazy.map(\.string).joined(separator: "."))
  }

  /// The last component.
  var last: Substring {
    let bytes = string.utf8
    let start = bytes.lastIndex(of: UInt8(ascii: ".")).map(bytes.index(after:)) ?? bytes.startIndex
    return string[start...]
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
