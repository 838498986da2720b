/// The tokens of a model and their ids.
///
/// Tokens are compared by their UTF-8 bytes.
public struct Vocabulary: Sendable {
  /// One more than the highest id.
  public private(set) var count = 0
  /// The bytes of all tokens, end to end.
  private var bytes: [UInt8] = []
  /// Where each token ends in ``bytes``.
  private var ends: [Int] = []
  private var ids: [Int32] = []
  /// Half of the hash and one more than the token's place in ``ids``; 0 is empty. Twice as many
  /// slots as tokens at least.
  private var slots: [UInt64]
  /// The length in bytes of the longest token.
  private(set) var longest = 0

  init(capacity: Int) {
    var size = 64
    while size < 2 * capacity { size *= 2 }
    slots = Array(repeating: 0, count: size)
  }

  /// The id of a token.
  public func id(of token: String) -> Int32? {
    let bytes = Array(token.utf8)
    return find(bytes, 0..<bytes.count, prefix: [])
  }

  // MARK: - Filling

  /// Adds a token; returns `false` when it is there already.
  mutating func insert(_ token: some Collection<UInt8>, id: Int32) -> Bool {
    let token = Array(token)
    var hash = Vocabulary.emptyHash
    for byte in token { Vocabulary.extend(&hash, by: byte) }
    guard find(token, 0..<token.count, prefix: [], hash: hash) == nil else { return false }
    if 2 * (ids.count + 1) > slots.count { grow() }
    place(hash, entry: ids.count)
    bytes.append(contentsOf: token)
    ends.append(bytes.count)
    ids.append(id)
    longest = max(longest, token.count)
    count = max(count, Int(id) + 1)
    return true
  }

  private mutating func place(_ hash: UInt64, entry: Int) {
    let mixed = Vocabulary.mix(hash)
    var slot = Int(truncatingIfNeeded: mixed) & (slots.count - 1)
    while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = mixed & 0xFFFF_FFFF_0000_0000 | UInt64(entry + 1)
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: slots.count * 2)
    for entry in ids.indices {
      var hash = Vocabulary.emptyHash
      for index in range(of: entry) { Vocabulary.extend(&hash, by: bytes[index]) }
      place(hash, entry: entry)
    }
  }

  private func range(of entry: Int) -> Range<Int> {
    (entry == 0 ? 0 : ends[entry - 1])..<ends[entry]
  }

  // MARK: - Finding

  /// The hash of no bytes (FNV-1a). A hash grows byte by byte, so that all beginnings of a word are
  /// hashed in one pass.
  static let emptyHash: UInt64 = 0xCBF2_9CE4_8422_2325

  @inline(__always)
  static func extend(_ hash: inout UInt64, by byte: UInt8) {
    hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
  }

  @inline(__always)
  private static func mix(_ hash: UInt64) -> UInt64 {
    (hash ^ hash >> 29) &* 0xBF58_476D_1CE4_E5B9
  }

  /// The id of the token `prefix` + `text[range]`.
  func find(_ text: [UInt8], _ range: Range<Int>, prefix: [UInt8]) -> Int32? {
    var hash = Vocabulary.emptyHash
    for byte in prefix { Vocabulary.extend(&hash, by: byte) }
    for index in range { Vocabulary.extend(&hash, by: text[index]) }
    return find(text, range, prefix: prefix, hash: hash)
  }

  /// The same when the hash is known.
  func find(_ text: [UInt8], _ range: Range<Int>, prefix: [UInt8], hash: UInt64) -> Int32? {
    let mixed = Vocabulary.mix(hash)
    var slot = Int(truncatingIfNeeded: mixed) & (slots.count - 1)
    while slots[slot] != 0 {
      if (slots[slot] ^ mixed) >> 32 == 0 {
        let entry = Int(truncatingIfNeeded: slots[slot] & 0xFFFF_FFFF) - 1
        if matches(entry, text, range, prefix) { return ids[entry] }
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  private func matches(
    _ entry: Int, _ text: [UInt8], _ range: Range<Int>, _ prefix: [UInt8]
  ) -> Bool {
    let place = self.range(of: entry)
    guard place.count == prefix.count + range.count else { return false }
    var index = place.lowerBound
    for byte in prefix {
      if bytes[index] != byte { return false }
      index += 1
    }
    for other in range {
      if bytes[index] != text[other] { return false }
      index += 1
    }
    return true
  }
}
