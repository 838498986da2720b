// Text that comes from outside is compared, searched and split by its UTF-8 bytes, as Python and file systems do.
// `String` and `Character` compare by canonical equivalence: texts that differ would be equal, a slash with a
// combining mark after it would not be a slash, and a long run of combining marks costs the square of its length.
extension Collection<UInt8> {
  /// Whether the bytes are the UTF-8 of `text`.
  package func equals(_ text: String) -> Bool {
    count == text.utf8.count && elementsEqual(text.utf8)
  }

  /// Whether the bytes begin with the UTF-8 of `text`.
  package func hasPrefix(_ text: String) -> Bool { starts(with: text.utf8) }

  /// Whether the bytes contain the UTF-8 of `text`.
  package func contains(_ text: String) -> Bool {
    guard let first = text.utf8.first else { return true }
    var rest = self[...]
    while let start = rest.firstIndex(of: first) {
      rest = rest[start...]
      if rest.starts(with: text.utf8) { return true }
      rest = rest.dropFirst()
    }
    return false
  }
}

extension BidirectionalCollection<UInt8> {
  /// Whether the bytes end with the UTF-8 of `text`.
  package func hasSuffix(_ text: String) -> Bool {
    let ending = text.utf8
    return count >= ending.count && suffix(ending.count).elementsEqual(ending)
  }

  /// Whether the bytes end with `ending`, in which ASCII letters are in lower case, whatever the case of
  /// their own.
  package func hasEnding(_ ending: String) -> Bool {
    let ending = ending.utf8
    return count >= ending.count
      && zip(suffix(ending.count), ending).allSatisfy { a, b in
        a == b || (0x41...0x5A).contains(a) && a | 0x20 == b
      }
  }
}

extension StringProtocol {
  /// Whether both texts have the same bytes.
  package func isSame(as other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }

  /// Whether the bytes begin with those of `prefix`.
  package func begins(with prefix: some StringProtocol) -> Bool { utf8.starts(with: prefix.utf8) }

  /// Whether the bytes end with those of `suffix`.
  package func ends(with suffix: some StringProtocol) -> Bool {
    utf8.reversed().starts(with: suffix.utf8.reversed())
  }

  /// Whether the bytes of `part` occur in those of the text.
  package func containsBytes(of part: some StringProtocol) -> Bool {
    utf8.firstRange(of: part.utf8) != nil
  }

  /// Where `prefix` is at the start of the text; `nil` when the bytes do not begin with it.
  package func rangeOfPrefix(_ prefix: some StringProtocol) -> Range<Index>? {
    guard begins(with: prefix) else { return nil }
    return startIndex..<utf8.index(startIndex, offsetBy: prefix.utf8.count)
  }

  /// The parts between the bytes `separator`, which is ASCII; empty ones too.
  package func parts(separatedBy separator: Unicode.Scalar) -> [SubSequence] {
    let separator = UInt8(ascii: separator)
    var parts: [SubSequence] = []
    var start = startIndex
    var index = start
    while index < utf8.endIndex {
      let next = utf8.index(after: index)
      if utf8[index] == separator {
        parts.append(self[start..<index])
        start = next
      }
      index = next
    }
    parts.append(self[start...])
    return parts
  }
}

extension String {
  /// The text without its last `count` UTF-8 bytes, which end a scalar.
  package func droppingLastBytes(_ count: Int) -> String {
    String(self[..<utf8.index(utf8.endIndex, offsetBy: -count)])
  }

  /// The text without its first `count` UTF-8 bytes, which end a scalar.
  package func droppingFirstBytes(_ count: Int) -> String {
    String(self[utf8.index(utf8.startIndex, offsetBy: count)...])
  }

  /// The first `count` Unicode scalars, or all.
  package func scalars(upTo count: Int) -> String {
    String(String.UnicodeScalarView(unicodeScalars.prefix(count)))
  }
}
