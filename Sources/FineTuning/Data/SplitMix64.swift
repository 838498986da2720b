/// The same numbers for the same seed on every machine.
struct SplitMix64 {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  private mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Fisher–Yates; written out, for the order of `Array.shuffled(using:)` is not promised to stay.
  mutating func shuffled(_ rows: [Int]) -> [Int] {
    var rows = rows
    for last in stride(from: rows.count - 1, to: 0, by: -1) {
      rows.swapAt(last, Int(next().multipliedFullWidth(by: UInt64(last + 1)).high))
    }
    return rows
  }
}
