import CheckpointFiles
import Testing

@testable import EspalierCommands

@Suite struct `Text on a terminal` {
  /// Texts that would move the cursor, reverse the direction of a line, or hide.
  static let hostile = [
    "a\u{1B}[2Jb", "a\u{9B}31mb", "a\u{7}b", "a\nb", "a\rb", "a\tb", "a\u{0}b", "a\u{202E}b",
    "a\u{2066}b", "a\u{200B}b", "a\u{200D}b", "a\u{FEFF}b", "a\u{2028}b", "a\u{2029}b", "a\u{85}b",
    "a\u{7F}b", "a\u{AD}b", "a\u{E0041}b",
  ]

  @Test(arguments: hostile)
  func `shows characters that move a cursor or are invisible as escapes`(_ text: String) {
    for result in [shown(text), quoted(text), oneLine(text)] {
      #expect(result.unicodeScalars.allSatisfy { !$0.isUnprintable }, "\(result.debugDescription)")
      #expect(result.contains("\\"))
    }
  }

  @Test func `doubles a backslash, so that no text looks like an escape`() {
    #expect(shown("a\\nb") == "a\\\\nb")
    #expect(shown("a\nb") == "a\\nb")
    #expect(shown("é模") == "é模")
  }

  @Test(arguments: [
    ("abc", 3), ("", 0), ("é", 1), ("e\u{301}", 1), ("模型", 4), ("─│…", 3), ("🙂", 2),
    ("한", 2), ("\u{1112}\u{1161}\u{11AB}", 2),
  ])
  func `has a width in columns`(_ text: String, _ width: Int) {
    #expect(displayWidth(text) == width)
  }

  @Test func `is cut at its end`() {
    #expect(truncated("abcdef", to: 6) == "abcdef")
    #expect(truncated("abcdef", to: 4) == "abc…")
    #expect(truncated("abcdef", to: 1) == "…")
    #expect(truncated("abcdef", to: 0) == "")
    #expect(truncated("模型模型", to: 4) == "模…")
  }

  @Test func `loses the part of a key that says least`() {
    let key = "model.language_model.layers.17.mlp.down_proj.weight"
    let text = middleTruncated(key, to: 36)
    #expect(displayWidth(text) <= 36)
    #expect(text.hasSuffix("down_proj.weight"))
    #expect(text.contains("17.mlp."))
    #expect(middleTruncated("short", to: 36) == "short")
    #expect(middleTruncated("abcdefghij", to: 4) == "abc…")
  }

  @Test func `is broken between words`() {
    #expect(wrapped("one two three", to: 7) == ["one two", "three"])
    #expect(wrapped("one", to: 7) == ["one"])
    #expect(wrapped("unbreakable word", to: 4) == ["unbreakable", "word"])
  }

  @Test func `of a paragraph is indented after its first line`() {
    let text = Recording.text(width: 26) { $0.paragraph("one two three four five six seven") }
    #expect(text == "one two three four\n    five six seven\n")
    #expect(Recording.text { $0.paragraph("one two three") } == "one two three\n")
  }

  @Test func `of a sentence stays on its line`() {
    #expect(Recording.text { $0.sentence("a\u{1B}[1m\nb") } == "a\\u{1b}[1m\\nb\n")
  }

  @Test func `is coloured only where colours are enabled`() {
    #expect(Style(enabled: true).red("a") == "\u{1B}[31ma\u{1B}[0m")
    #expect(Style(enabled: true).red("") == "")
    #expect(Style(enabled: false).bold("a") == "a")
  }
}
