internal import CheckpointFiles

/// The `Precompiled` normalizer of sentencepiece: a double-array trie of what is replaced, and the
/// replacements.
struct PrecompiledNormalizer: Sendable {
  private let units: [UInt32]
  private let replacements: [UInt8]

  /// The map in base64, as `precompiled_charsmap` of a `tokenizer.json`: the size of the trie in
  /// bytes, the trie, then the replacements, each ended by a zero.
  ///
  /// - Throws: `FineTuningError` when it is damaged.
  init(base64: String, path: String) throws(FineTuningError) {
    let damaged = FineTuningError.characterMap(path: path)
    guard let bytes = PrecompiledNormalizer.decoded(base64), bytes.count >= 4 else { throw damaged }
    func word(_ place: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1) }
    }
    let size = Int(word(0))
    guard size % 4 == 0, size > 0, size <= bytes.count - 4 else { throw damaged }
    units = (0..<size / 4).map { word(4 + 4 * $0) }
    replacements = Array(bytes[(4 + size)...])
    guard String(validating: replacements, as: UTF8.self) != nil else { throw damaged }
  }

  private static func decoded(_ text: String) -> [UInt8]? {
    var out: [UInt8] = []
    out.reserveCapacity(text.utf8.count / 4 * 3)
    var buffer: UInt32 = 0
    var bits = 0
    for letter in text.utf8 {
      let digit: UInt32
      switch letter {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = UInt32(letter) - 65
      case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = UInt32(letter) - 97 + 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt32(letter) - 48 + 52
      case UInt8(ascii: "+"): digit = 62
      case UInt8(ascii: "/"): digit = 63
      case UInt8(ascii: "="): continue
      default: return nil
      }
      buffer = buffer << 6 | digit
      bits += 6
      if bits >= 8 {
        bits -= 8
        out.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
      }
    }
    return out
  }

  /// The normalized text. A grapheme of less than six bytes is looked up as a whole, then scalar by
  /// scalar, as the original does.
  func normalize(_ text: some StringProtocol) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(text.utf8.count)
    for character in text {
      let bytes = Array(character.utf8)
      if bytes.count < 6, let found = replacement(of: bytes[...]) {
        out.append(contentsOf: found)
        continue
      }
      var start = 0
      while start < bytes.count {
        var end = start
        _ = decodeScalar(bytes, &end)
        out.append(contentsOf: replacement(of: bytes[start..<end]) ?? bytes[start..<end])
        start = end
      }
    }
    return out
  }

  /// What the shortest beginning of `text` that the trie knows becomes.
  private func replacement(of text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & 0x200) >> 6)) }
    var place = offset(units[0])
    for byte in text {
      if byte == 0 { return nil }
      place ^= Int(byte)
      guard units.indices.contains(place) else { return nil }
      let unit = units[place]
      guard unit & 0x8000_00FF == UInt32(byte) else { return nil }
      place ^= offset(unit)
      guard unit >> 8 & 1 == 1 else { continue }
      guard units.indices.contains(place) else { return nil }
      let start = Int(units[place] & 0x7FFF_FFFF)
      guard start <= replacements.count else { return nil }
      let rest = replacements[start...]
      return rest[..<(rest.firstIndex(of: 0) ?? rest.endIndex)]
    }
    return nil
  }
}
