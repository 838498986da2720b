import EspalierTestSupport
import Testing

@testable import ParameterSurgery

@Suite struct `A regular expression for keys` {
  /// Texts of the groups of the preferred match, `nil` for a group without part; empty for no match.
  private func groups(
    _ expression: String, _ text: String, _ extent: KeyExpression.Extent = .whole
  ) throws -> [String?] {
    var matcher = try KeyExpression(expression, .read).matcher(keepsGroups: true)
    return (matcher.groups(of: text, extent) ?? []).map { $0.map { String(text[$0]) } }
  }

  @Test(
    arguments: [
      ("a|ab", "ab", ["ab"]), ("(a|ab)(c|bcd)?", "abcd", ["abcd", "a", "bcd"]),
      ("(a*)(a*)", "aa", ["aa", "aa", ""]), ("(a*?)(a*)", "aa", ["aa", "", "aa"]),
      ("(?:(a)|b)*", "ab", ["ab", "a"]), ("(a)|(b)", "b", ["b", nil, "b"]),
      (
        #"layer\.(\d{1,2})\.(.+?)\.weight"#, "layer.11.a.b.weight",
        ["layer.11.a.b.weight", "11", "a.b"]
      ),
      ("[^.]{2,}", "aé", ["aé"]), ("[a-c.-]+", "a.c-", ["a.c-"]), (#"\w+"#, "é_9", ["é_9"]),
      ("x{0}", "", [""]), ("a{,2}", "aa", ["aa"]), ("a{2}", "aaa", []), ("", "a", []),
      ("(|a)+", "aa", ["aa", "a"]),
    ] as [(String, String, [String?])])
  func `prefers what Perl prefers`(_ expression: String, _ text: String, _ found: [String?]) throws
  {
    #expect(try groups(expression, text) == found)
  }

  @Test(
    arguments: [
      ("b+", "abbc", KeyExpression.Extent.anywhere, "bb"), ("a|ab", "abc", .prefix, "a"),
      ("b", "ab", .prefix, nil), ("^b", "ab", .anywhere, nil), ("b$", "ab", .anywhere, "b"),
      (#"\bb"#, "ab.b", .anywhere, "b"), (#"\Bb"#, "ab", .anywhere, "b"),
      (#"a\z"#, "a\n", .prefix, nil),
      ("a$", "a\n", .prefix, "a"), ("", "abc", .anywhere, ""), ("c|b|a", "abc", .anywhere, "a"),
    ] as [(String, String, KeyExpression.Extent, String?)])
  func `begins as far left as it can`(
    _ expression: String, _ text: String, _ extent: KeyExpression.Extent, _ found: String?
  ) throws {
    #expect(try groups(expression, text, extent).first ?? nil == found)
  }

  @Test func `takes a time that grows with the text alone`() throws {
    let text = String(repeating: "a", count: 20_000)
    for expression in [
      "(a*)*b", "(a|a)*b", "(?:a+)+b", "(.*.*)*b", "a*a*a*a*a*a*a*b", "(a?){500}b",
    ] {
      var matcher = try KeyExpression(expression, .read).matcher()
      let isMatch = matcher.matches(text, .whole)
      #expect(!isMatch, "\(expression)")
    }
  }

  @Test(arguments: [
    "(?!a)b", "(?<=a)b", #"(a)\1"#, "(?i)a", "a*+", "(?>a)", "a{1001}", "(a{1000}){1000}",
    #"\p{L}"#, String(repeating: "(", count: 65) + String(repeating: ")", count: 65),
  ])
  func `is not taken from a file when only backtracking can match it`(_ expression: String) {
    #expect(throws: KeyExpression.Failure.self) { try KeyExpression(expression, .read) }
  }

  @Test(arguments: [
    ("(?!.*bias).*", "a.weight", "a.bias"), (#"(a)\1"#, "aa", "ab"), ("(?i)A", "a", "b"),
  ])
  func `is handed on when somebody typed it`(
    _ expression: String, _ match: String, _ other: String
  ) throws {
    var matcher = try KeyExpression(expression, .typed).matcher()
    let answers = [matcher.matches(match, .whole), matcher.matches(other, .whole)]
    #expect(answers == [true, false])
  }

  @Test(arguments: ["(", "a)", "[", "[]", "*", "a{2", #"\"#, "(?", "[b-a]", "a**"])
  func `is refused when it is none`(_ expression: String) {
    // Swift reads some of these; what both refuse is an error.
    if (try? Regex(expression)) == nil {
      #expect(throws: KeyExpression.Failure.self) { try KeyExpression(expression, .typed) }
    }
    #expect(throws: KeyExpression.Failure.self) { try KeyExpression(expression, .read) }
  }

  /// But for `\b`, which is Python's and ripgrep's here, and a boundary by Unicode's annex 29 there.
  @Test func `matches what Swift's own Regex matches`() throws {
    var random = SeededGenerator(seed: 7)
    var compared = 0
    while compared < 20_000 {
      let expression = self.expression(&random, depth: 3)
      guard let twin = (try? Regex(expression))?.matchingSemantics(.unicodeScalar),
        let mine = try? KeyExpression(expression, .read)
      else { continue }
      // Dialects disagree on which empty turn ends a loop, and so on how much it takes; not on whether.
      let repeatsGroups = expression.contains(/\)[*+?{]/)
      var matcher = mine.matcher(keepsGroups: true)
      for _ in 0..<8 {
        let text = self.text(&random)
        for extent in [KeyExpression.Extent.whole, .prefix, .anywhere] {
          let theirs =
            switch extent {
            case .whole: try twin.wholeMatch(in: text)
            case .prefix: try twin.prefixMatch(in: text)
            case .anywhere: try twin.firstMatch(in: text)
            }
          let range = matcher.range(in: text, extent)
          let place: Comment = "/\(expression)/ in \(text.debugDescription), \(extent)"
          #expect(range?.lowerBound == theirs?.range.lowerBound, place)
          if !repeatsGroups { #expect(range == theirs?.range, place) }
          compared += 1
        }
      }
    }
  }

  private func text(_ random: inout SeededGenerator) -> String {
    let scalars: [Unicode.Scalar] = ["a", "b", "c", ".", "1", "_", "é", "-"]
    var text = ""
    for _ in 0..<Int.random(in: 0..<9, using: &random) {
      text.unicodeScalars.append(scalars[Int.random(in: 0..<scalars.count, using: &random)])
    }
    return text
  }

  private func expression(_ random: inout SeededGenerator, depth: Int) -> String {
    (0..<1 + Int.random(in: 0..<3, using: &random)).map { _ in
      let atoms = [
        "a", "b", ".", #"\."#, #"\d"#, #"\w"#, "[ab]", "[^a]", "1", "é", "^", "$",
      ]
      var atom = atoms[Int.random(in: 0..<atoms.count, using: &random)]
      if depth > 0, Int.random(in: 0..<3, using: &random) == 0 {
        let inner = (0..<1 + Int.random(in: 0..<2, using: &random)).map { _ in
          expression(&random, depth: depth - 1)
        }
        atom =
          (Int.random(in: 0..<2, using: &random) == 0 ? "(" : "(?:") + inner.joined(separator: "|")
          + ")"
      }
      let quantifiers = ["", "", "", "*", "+", "?", "*?", "+?", "{1,2}", "{2}"]
      return atom + quantifiers[Int.random(in: 0..<quantifiers.count, using: &random)]
    }.joined()
  }
}
