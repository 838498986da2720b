internal import CheckpointFiles

/// Comparisons of texts by their bytes, as Python compares them.
///
/// Swift compares strings by canonical equivalence: `é` equals `e` and U+0301, and a run of combining marks takes
/// time that grows with the square of its length. Names that come from files are compared with these, or as keys.
extension StringProtocol {
  /// Whether both texts have the same bytes.
  func isExactly(_ other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }

  /// Whether the bytes of the text begin with those of `prefix`.
  func beginsExactly(with prefix: some StringProtocol) -> Bool { utf8.starts(with: prefix.utf8) }

  /// Whether the bytes of the text end with those of `suffix`.
  func endsExactly(with suffix: some StringProtocol) -> Bool {
    utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }

  /// Whether the bytes of `part` occur in those of the text.
  func containsExactly(_ part: some StringProtocol) -> Bool {
    utf8.firstRange(of: part.utf8) != nil
  }

  /// Where `prefix` is at the start of the text, byte by byte.
  func rangeOfPrefix(_ prefix: some StringProtocol) -> Range<Index>? {
    guard beginsExactly(with: prefix) else { return nil }
    return startIndex..<utf8.index(startIndex, offsetBy: prefix.utf8.count)
  }
}

extension Key {
  /// The last component.
  var last: Substring {
    let bytes = string.utf8
    let start = bytes.lastIndex(of: UInt8(ascii: ".")).map(bytes.index(after:)) ?? bytes.startIndex
    return string[start...]
  }
}
