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
}
