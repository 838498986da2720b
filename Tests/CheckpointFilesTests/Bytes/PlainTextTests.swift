import CheckpointFiles
import Testing

@Suite struct `Plain text` {
  private func isPlain(_ text: String) -> Bool { text.utf8.span.isPlain }

  /// Eight bytes are looked at together: what is not plain may stand at any of their places.
  @Test(arguments: 0..<20)
  func `is visible ASCII at every place of a word`(_ count: Int) {
    let before = String(repeating: "a", count: count)
    for after in ["", "b", String(repeating: "b", count: 9)] {
      for plain in ["", " ", "~", "\"", "/", "]", "[0]"] {
        #expect(isPlain(before + plain + after))
      }
      for other in ["\\", "\u{7F}", "\u{1F}", "\0", "\n", "é", "\u{80}", "😀"] {
        #expect(!isPlain(before + other + after))
      }
    }
  }
}
