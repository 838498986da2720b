internal import CheckpointFiles

/// Comparisons of text from files by its bytes, as Python compares text. Swift compares strings by canonical
/// equivalence: `é` and `e` with an accent are equal, and a long run of combining marks takes time that grows with
/// the square of its length.
extension StringProtocol {
  /// Whether both have the same bytes.
  func isSame(as other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }

  /// Whether the bytes begin with those of `prefix`.
  func begins(with prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

  /// Whether the bytes end with those of `suffix`.
  func ends(with suffix: String) -> Bool { utf8.reversed().starts(with: suffix.utf8.reversed()) }
}

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
