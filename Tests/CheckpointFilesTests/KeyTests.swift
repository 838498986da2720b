import CheckpointFiles
import Testing

@Suite struct KeyTests {
  @Test func `keys that Unicode calls equivalent are two keys`() {
    let composed = Key("caf\u{E9}")
    let decomposed = Key("cafe\u{301}")
    #expect(composed.string == decomposed.string)
    #expect(composed != decomposed)
    #expect(Set([composed, decomposed]).count == 2)
  }

  @Test func `keys are ordered by their bytes`() {
    let sorted: [Key] = [
      "", "-", ".", "a", "a.", "a.10", "a.2", "aa", "a long key, which is no short text",
      "cafe\u{301}",
      "caf\u{E9}", "\u{FF}", "\u{1F600}",
    ].sorted { Array($0.string.utf8).lexicographicallyPrecedes(Array($1.string.utf8)) }
    for (place, key) in sorted.enumerated() {
      for (other, another) in sorted.enumerated() {
        #expect((key < another) == (place < other), "\(key) \(another)")
      }
    }
  }

  @Test func `components end at every dot, whatever follows it`() {
    #expect(Key("").components == [""])
    #expect(Key("linear.0.weight").components == ["linear", "0", "weight"])
    #expect(Key(".a..").components == ["", "a", "", ""])
    #expect(Key("a.\u{301}b").components.map { Array($0.utf8) } == [[0x61], [0xCC, 0x81, 0x62]])
  }
}
