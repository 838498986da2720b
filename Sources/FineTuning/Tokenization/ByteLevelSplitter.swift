/// The `ByteLevel` pre-tokenizer: words as GPT-2's regular expression cuts them,
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// with the letters, numbers and blanks of the reference's own tables.
struct ByteLevelSplitter: Sendable {
  /// Whether a piece that does not begin with a blank gets one.
  let addsBlank: Bool
  /// Whether pieces are cut into words at all.
  let cuts: Bool
  private let tables = UnicodeTables.shared

  init(addsBlank: Bool, cuts: Bool = true) {
    self.addsBlank = addsBlank
    self.cuts = cuts
  }

  /// Calls `body` with each word of `text[range]`.
  func forEachWord(of text: [UInt8], _ range: Range<Int>, _ body: (ArraySlice<UInt8>) -> Void) {
    guard !range.isEmpty else { return }
    guard addsBlank, text[range.lowerBound] != 0x20 else { return cut(text, range, body) }
    var prefixed: [UInt8] = [0x20]
    prefixed.append(contentsOf: text[range])
    cut(prefixed, prefixed.indices, body)
  }

  private enum Kind { case letter, number, blank, other }

  private func kind(_ text: [UInt8], _ index: inout Int) -> Kind {
    let flags = tables[decodeScalar(text, &index)]
    return flags.contains(.letter)
      ? .letter : flags.contains(.number) ? .number : flags.contains(.whitespace) ? .blank : .other
  }

  private func cut(_ text: [UInt8], _ range: Range<Int>, _ body: (ArraySlice<UInt8>) -> Void) {
    guard cuts else { return body(text[range]) }
    var start = range.lowerBound
    while start < range.upperBound {
      let end = wordEnd(text, start, range.upperBound)
      body(text[start..<end])
      start = end
    }
  }

  private func wordEnd(_ text: [UInt8], _ start: Int, _ limit: Int) -> Int {
    if text[start] == 0x27, let end = contractionEnd(text, start, limit) { return end }
    var index = start
    var first = kind(text, &index)
    if text[start] == 0x20, index < limit {
      var next = index
      let second = kind(text, &next)
      if second != .blank {
        first = second
        index = next
      }
    }
    var last = start
    while index < limit {
      var next = index
      guard kind(text, &next) == first else { break }
      last = index
      index = next
    }
    // Of several blanks before a word, the last one goes with it.
    return first == .blank && index < limit && last > start ? last : index
  }

  private func contractionEnd(_ text: [UInt8], _ start: Int, _ limit: Int) -> Int? {
    guard start + 1 < limit else { return nil }
    let next = start + 2 < limit ? text[start + 2] : 0
    switch (text[start + 1], next) {
    case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _),
      (UInt8(ascii: "d"), _):
      return start + 2
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 3
    default: return nil
    }
  }

  /// The character that stands for each byte in vocabularies: printable ones for themselves, the
  /// others from U+0100 on.
  static let alphabet: [String] = {
    var next: UInt32 = 256
    return (0..<256).map { byte in
      var scalar = UInt32(byte)
      if !(33...126).contains(byte), !(161...172).contains(byte), !(174...255).contains(byte) {
        scalar = next
        next += 1
      }
      return Unicode.Scalar(scalar).map { String(Character($0)) } ?? ""
    }
  }()
}
