import Testing

@testable import CheckpointFiles

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

  @Test(arguments: [
    ("é 漢 😀", "é 漢 😀"), ("\u{7F}", #"\u007f"#), ("\u{85}", #"\u0085"#),
    ("\u{9B}31m", #"\u009b31m"#),
    ("a\u{202E}b", #"a\u202eb"#), ("\u{2066}", #"\u2066"#), ("\u{200B}", #"\u200b"#),
    ("\u{2028}", #"\u2028"#), ("\u{FEFF}", #"\ufeff"#), ("\u{E0001}", #"\udb40\udc01"#),
    ("\u{1B}[2J", #"\u001b[2J"#), ("\u{1}é", #"\u0001é"#),
  ])
  func `what cannot be seen is escaped, and reads back the same`(text: String, json: String) throws
  {
    #expect(JSONValue.string(text).text() == "\"\(json)\"")
    #expect(try JSONParser.parse(Array("\"\(json)\"".utf8)) == .string(text))
    // A safetensors header is byte for byte what the reference writes.
    var header = ""
    JSONValue.writeString(text, escaping: .reference, to: &header)
    #expect(try JSONParser.parse(Array(header.utf8)) == .string(text))
    #expect(header.contains("\u{202E}") == text.contains("\u{202E}"))
  }
}

@Suite struct `A value of JSON that is skipped` {
  private func end(_ text: String) -> Int? {
    let bytes = Array(text.utf8)
    var scanner = JSONParser(bytes.span, base: 0)
    do {
      try scanner.skipValue()
      return scanner.position
    } catch { return nil }
  }

  @Test(arguments: [
    "1", "-1.5e3", "null", "true", "\"a\\n\"", "[]", "{}", "[1, [2, {\"a\": [] }], {}]",
    "{\"a\": {\"b\": [1, 2, \"}\"]}, \"c\": null}", "[ [ [ ] , [ ] ] ]",
  ])
  func `ends where it ends when it is read`(text: String) throws {
    let bytes = Array((text + " , 7").utf8)
    var scanner = JSONParser(bytes.span, base: 0)
    _ = try scanner.value()
    #expect(end(text + " , 7") == scanner.position)
  }

  @Test(arguments: [
    "", "[", "{", "[1", "[1,", "[1,]", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{1:2}",
    "[1 2]",
    "[1}", "{\"a\":1]", "nul", "01", "\"\\x\"", "\"", "]", "[,]", "{\"a\" 1}",
    String(repeating: "[", count: 65) + String(repeating: "]", count: 65),
  ])
  func `is refused where it is refused when it is read`(text: String) {
    let bytes = Array(text.utf8)
    var scanner = JSONParser(bytes.span, base: 0)
    let isRead = (try? scanner.value()) != nil
    #expect(!isRead)
    #expect(end(text) == nil)
  }

  @Test func `may be nested as deep as one that is read`() {
    let text = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
    #expect(end(text) == 128)
  }
}
