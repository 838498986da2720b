/// SplitMix64: a small generator with the same numbers for the same seed on every machine.
///
/// Good for initial weights and for the order of data; not for secrets.
package struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// A generator that starts from `seed`.
  package init(seed: UInt64) { state = seed }

  /// A generator for one tensor: streams of different keys have nothing in common, so that a tensor's
  /// values do not depend on which others were made before it.
  package init(seed: UInt64, stream: String) {
    // FNV-1a of the name, mixed so that neighbouring seeds are far apart.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in stream.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    var mixer = SplitMix64(seed: seed)
    state = mixer.next() ^ hash
    state = next()
  }

  /// The next 64 bits.
  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Passes over the next `count` numbers.
  package mutating func skip(_ count: Int) {
    state &+= UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
  }

  /// The elements in another order, every order as likely as any other.
  ///
  /// Fisher and Yates's walk, written out: the order of `Array.shuffled(using:)` is not promised to
  /// stay from one Swift to the next.
  package mutating func shuffled(_ elements: [Int]) -> [Int] {
    var elements = elements
    for last in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(last, Int(next().multipliedFullWidth(by: UInt64(last + 1)).high))
    }
    return elements
  }

  /// A float in `-bound ..< bound`, uniform, from the upper 24 of the next 64 bits.
  package mutating func uniform(_ bound: Float) -> Float {
    let unit = Float(next() >> 40) * 0x1p-24
    return (2 * unit - 1) * bound
  }
}
