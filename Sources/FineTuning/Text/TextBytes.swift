internal import CheckpointFiles

extension [String] {
  /// Whether both have the same texts, byte for byte.
  func isSame(as other: [String]) -> Bool {
    count == other.count && zip(self, other).allSatisfy { $0.isSame(as: $1) }
  }
}

extension JSONValue {
  /// A short ASCII string, such as the name of a choice; `nil` for anything else.
  var word: String? {
    guard let text = string, text.utf8.count <= 256, text.utf8.allSatisfy({ $0 < 0x80 }) else {
      return nil
    }
    return text
  }

  /// Whether both have the same text as JSON, byte for byte.
  func isSame(as other: JSONValue) -> Bool { text().isSame(as: other.text()) }
}
