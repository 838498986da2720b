import CheckpointFiles
import Testing

@Suite struct JSONParserTests {
  /// Strings are scanned eight bytes at a time: what ends one may stand at any of them.
  @Test(arguments: 0..<20)
  func `a string ends, escapes and fails at every place of a word`(_ count: Int) throws {
    let plain = String(repeating: "a", count: count)
    for (text, value) in [
      ("", ""), ("\\\"", "\""), ("\\\\", "\\"), ("\\n", "\n"), ("é", "é"), ("!", "!"),
      ("\u{7F}", "\u{7F}"), ("#[]", "#[]"), ("😀\\\"é", "😀\"é"), ("\\u00e9\\\\", "é\\"),
    ] {
      for tail in ["", "b", String(repeating: "b", count: 9)] {
        let json = "[\"\(plain)\(text)\(tail)\", 1]"
        let expected = JSONValue.array([.string(plain + value + tail), 1])
        #expect(try JSONParser.parse(Array(json.utf8)) == expected, "\(json)")
      }
    }
    for control in [UInt8(0), 1, 0x0A, 0x1F] {
      let bytes = Array("[\"\(plain)".utf8) + [control] + Array("bbbbbbbbb\"]".utf8)
      let error = #expect(throws: CheckpointError.self) { try JSONParser.parse(bytes) }
      #expect(error?.description.contains("a control character in a string") == true)
      #expect(error?.offset == 2 + count)
    }
    for end in ["", "\\", "\\\""] {
      #expect(throws: CheckpointError.self) {
        try JSONParser.parse(Array("[\"\(plain)\(end)".utf8))
      }
    }
  }
}
