import EspalierTestSupport
import Testing

@testable import EspalierCommands

@Suite("The TOML of a run's file")
struct TOMLDocumentTests {
  private func members(_ text: String) throws -> [String: TOMLDocument.Value.Kind] {
    let tables = try TOMLDocument(Array(text.utf8)).tables
    return Dictionary(
      uniqueKeysWithValues: tables.flatMap { table in
        table.members.map { ("\(table.name)/\($0.name)", $0.value.kind) }
      })
  }

  @Test func `has texts, integers, floats, booleans, lists, tables and comments`() throws {
    let text =
      "\u{FEFF}"
        + #"""
        # A comment: "not a value".
        model = "ba\"se\t\u00e9\U0001F333" # after a value
        'quoted key' = 'C:\no escapes'
        epochs = 1_000
        lr= -1.5e-3
        big =+7
        zero = 0
        part = 0.5
        wide = 1E+05
        most = inf
        yes = true
        no=false
        empty = ""
        train = [ "a", 'b', # with a comment
          3,
        ]
        none = []
        [digests]
        model = "x"
        """#.replacing("\n", with: "\r\n")
    let found = try members(text)
    #expect(found["/model"] == .text("ba\"se\té🌳"))
    #expect(found["/quoted key"] == .text(#"C:\no escapes"#))
    #expect(found["/epochs"] == .integer("1000"))
    #expect(found["/lr"] == .float("-1.5e-3"))
    #expect(found["/big"] == .integer("+7"))
    #expect(found["/zero"] == .integer("0"))
    #expect(found["/part"] == .float("0.5"))
    #expect(found["/wide"] == .float("1E+05"))
    #expect(found["/most"] == .float("inf"))
    #expect(found["/yes"] == .flag(true) && found["/no"] == .flag(false))
    #expect(found["/empty"] == .text(""))
    #expect(found["/none"] == .list([]))
    guard case .list(let elements) = found["/train"] else {
      Issue.record("no list")
      return
    }
    #expect(elements.map(\.kind) == [.text("a"), .text("b"), .integer("3")])
    #expect(found["digests/model"] == .text("x"))
    #expect(found.count == 15)
  }

  private static let refusals: [(text: String, line: Int, reason: TOMLError.Reason)] = [
    ("a = 1\na = 2", 2, .duplicate("a", 1)), ("a = 1\n\"a\" = 2", 2, .duplicate("a", 1)),
    ("[x]\n[y]\n[x]", 3, .duplicate("x", 1)), ("a", 1, .missingEquals), ("= 1", 1, .missingKey),
    ("a =", 1, .missingValue), ("a = # 1", 1, .missingValue), ("a = \n1", 1, .missingValue),
    ("a = \"x", 1, .unfinishedText), ("a = \"x\ny\"", 1, .unfinishedText),
    ("a = 'x", 1, .unfinishedText), ("a = \"\\", 1, .unfinishedText),
    ("a = \"\\q\"", 1, .unknownEscape), ("a = \"\\u12\"", 1, .unknownEscape),
    ("a = \"\\u+123\"", 1, .unknownEscape), ("a = \"\\U00110000\"", 1, .notAScalar),
    ("a = \"\\ud800\"", 1, .notAScalar), ("a = 1 2", 1, .afterValue),
    ("a = \"x\" \"y\"", 1, .afterValue), ("a = [1", 1, .unfinishedList),
    ("a = [1,\n\n2", 3, .unfinishedList), ("a = [1 2]", 1, .missingComma),
    ("a = [,]", 1, .unknownValue(",]")), ("[x", 1, .unfinishedHeading), ("[]", 1, .missingKey),
    ("a = 01", 1, .wrongNumber("01")), ("a = 1__0", 1, .wrongNumber("1__0")),
    ("a = _1", 1, .unknownValue("_1")), ("a = 1_", 1, .wrongNumber("1_")),
    ("a = 1.", 1, .wrongNumber("1.")), ("a = .5", 1, .unknownValue(".5")),
    ("a = 1e", 1, .wrongNumber("1e")), ("a = 1.e5", 1, .wrongNumber("1.e5")),
    ("a = ++1", 1, .wrongNumber("++1")), ("a = 1x", 1, .wrongNumber("1x")),
    ("a = nan", 1, .unknownValue("nan")), ("a = True", 1, .unknownValue("True")),
    ("a = tuned", 1, .unknownValue("tuned")), ("a = @", 1, .unknownValue("@")),
    ("a = 0x1F", 1, .unsupported("a number that is not decimal")),
    ("a = 2026-11-28", 1, .unsupported("a date or a time")),
    ("a = 07:32:00", 1, .unsupported("a date or a time")),
    ("a = 1979-05-27T07:32:00Z", 1, .unsupported("a date or a time")),
    ("a = {b = 1}", 1, .unsupported("a table in braces")),
    ("a.b = 1", 1, .unsupported("a name with dots")),
    ("[a.b]", 1, .unsupported("a table in a table")),
    ("[[a]]", 1, .unsupported("a list of tables")),
    ("a = [[1]]", 1, .unsupported("a list in a list")),
    ("a = \"\"\"x\"\"\"", 1, .unsupported("a text over several lines")),
    ("a = '''x'''", 1, .unsupported("a text over several lines")),
    ("a = 1\rb = 2", 1, .controlCharacter), ("# \u{7}", 1, .controlCharacter),
    ("a = \"\u{1B}\"", 1, .controlCharacter), ("a = 1\u{0}", 1, .afterValue),
    ("\u{FEFF}\u{FEFF}a = 1", 1, .missingKey), ("é = 1", 1, .missingKey),
  ]

  @Test(arguments: refusals.indices)
  func `refuses everything else, with its line`(_ index: Int) {
    let refusal = Self.refusals[index]
    let error = #expect(throws: TOMLError.self, "\(refusal.text)") {
      try TOMLDocument(Array(refusal.text.utf8))
    }
    #expect(error == TOMLError(refusal.reason, line: refusal.line), "\(refusal.text)")
    #expect(error?.sentence.isEmpty == false)
  }

  @Test func `refuses bytes that are not UTF-8, in texts and in comments`() {
    for prefix in ["a = 1\n# ", "a = 1\nb = \"", "a = 1\nb = '"] {
      let error = #expect(throws: TOMLError.self) {
        try TOMLDocument(Array(prefix.utf8) + [0xC3, 0x28] + Array("\"'\n".utf8))
      }
      #expect(error == TOMLError(.notUTF8, line: 2), "\(prefix)")
    }
  }

  @Test func `is bounded in bytes and in values, and does not recurse`() {
    let long = [UInt8](repeating: UInt8(ascii: "#"), count: (1 << 20) + 1)
    #expect(throws: TOMLError(.tooLong, line: 1)) { try TOMLDocument(long) }
    let many = "a = [" + String(repeating: "1,", count: 10_001) + "]"
    #expect(throws: TOMLError(.tooLong, line: 1)) { try TOMLDocument(Array(many.utf8)) }
    let deep = "a = " + String(repeating: "[", count: 500_000)
    #expect(throws: TOMLError.self) { try TOMLDocument(Array(deep.utf8)) }
  }

  @Test func `of random and of damaged bytes is read or refused, and never more`() throws {
    var generator = SeededGenerator(seed: 7)
    let seed = Array(
      """
      # run
      model = "base" # é
      lr = [1e-3, "linear=2e-3"]
      epochs = 3
      "no dropout" = true
      train = [ 'linear',
        "bert.encoder.layer[-1]", # last
      ]
      [digests]
      model = "\\u00e9\\t"
      """.utf8)
    let letters =
      Array("[]{}=\"'\\#\n\r\t ,.+-_:0123456789abcdeEtrufinx\u{0}".utf8) + [0x80, 0xC3, 0xFF]
    var accepted = 0
    for round in 0..<20_000 {
      var bytes =
        round % 4 == 0
        ? (0..<Int.random(in: 0...40, using: &generator)).map { _ in
          letters.randomElement(using: &generator) ?? 0
        } : seed
      for _ in 0..<Int.random(in: 0...4, using: &generator) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[place] = letters.randomElement(using: &generator) ?? 0
        case 1: bytes.remove(at: place)
        default: bytes.insert(letters.randomElement(using: &generator) ?? 0, at: place)
        }
      }
      let lines = bytes.count { $0 == UInt8(ascii: "\n") } + 1
      do throws(TOMLError) {
        let document = try TOMLDocument(bytes)
        accepted += 1
        #expect(
          document.tables.allSatisfy { $0.members.allSatisfy { (1...lines).contains($0.line) } })
      } catch {
        #expect((1...lines).contains(error.line))
      }
    }
    #expect(accepted > 1_000)
  }

  @Test(arguments: [
    "", "plain", "it's \"quoted\" \\ back", "tab\tline\nend\r\u{0}\u{1F}\u{7F}", "é🌳",
  ])
  func `writes texts that it reads`(_ text: String) throws {
    #expect(try members("a = \(RunFileMember.text(text))")["/a"] == .text(text))
  }
}
