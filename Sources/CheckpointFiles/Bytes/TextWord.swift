/// Eight bytes of text as one number, for questions that most texts answer with "none": whether a byte of
/// some kind is among them.
///
/// An answer is 0 when there is none. Otherwise the highest bit of the first such byte is its lowest bit
/// that is set; bits above may be set for no reason.
struct TextWord {
  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let signs: UInt64 = 0x8080_8080_8080_8080
  private let word: UInt64

  /// The eight bytes of `text` at `offset`.
  @inline(__always)
  init(_ text: Span<UInt8>, at offset: Int) {
    word = UInt64(
      littleEndian: unsafe text.bytes.unsafeLoadUnaligned(
        fromByteOffset: offset, as: UInt64.self))
  }

  /// The bytes that equal `byte`.
  @inline(__always)
  func matches(_ byte: UInt8) -> UInt64 {
    let difference = word ^ TextWord.ones &* UInt64(byte)
    return (difference &- TextWord.ones) & ~difference & TextWord.signs
  }

  /// The control characters below the space.
  @inline(__always)
  var controls: UInt64 { (word &- TextWord.ones &* 0x20) & ~word & TextWord.signs }

  /// The bytes of characters beyond ASCII.
  @inline(__always)
  var others: UInt64 { word & TextWord.signs }
}

extension Span<UInt8> {
  /// The next quotation mark, backslash or control character at `start` or after it, or the end: what
  /// is not itself in a string of JSON.
  @inline(__always)
  func endOfPlainJSON(from start: Int) -> Int {
    var index = start
    while count - index >= 8 {
      let word = TextWord(self, at: index)
      let found =
        word.matches(UInt8(ascii: "\"")) | word.matches(UInt8(ascii: "\\")) | word.controls
      if found != 0 { return index + found.trailingZeroBitCount / 8 }
      index += 8
    }
    while index < count, self[index] != UInt8(ascii: "\""), self[index] != UInt8(ascii: "\\"),
      self[index] >= 0x20
    {
      index += 1
    }
    return index
  }

  /// Whether all are visible characters of ASCII, or spaces, and none a backslash.
  package var isPlain: Bool {
    var index = 0
    while count - index >= 8 {
      let word = TextWord(self, at: index)
      let found =
        word.matches(0x7F) | word.matches(UInt8(ascii: "\\")) | word.controls | word.others
      if found != 0 { return false }
      index += 8
    }
    while index < count {
      let byte = self[index]
      if byte < 0x20 || byte >= 0x7F || byte == UInt8(ascii: "\\") { return false }
      index += 1
    }
    return true
  }
}
