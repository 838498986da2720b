import Testing

@testable import CheckpointFiles

@Suite struct TextTests {
  @Test(arguments: [
    (0, "0"), (7, "7"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1234, "-1,234"),
    (Int.min, "-9,223,372,036,854,775,808"),
  ])
  func `digits are grouped by three`(number: Int, text: String) {
    #expect(grouped(number) == text)
  }

  @Test func `a noun follows its number`() {
    #expect(Text.counted(1, "tensor") == "1 tensor")
    #expect(Text.counted(0, "tensor") == "0 tensors")
    #expect(Text.counted(1000, "tensor") == "1,000 tensors")
    #expect(Text.counted(2, "index", plural: "indices") == "2 indices")
    #expect(Text.counted(1, "index", plural: "indices") == "1 index")
  }

  @Test func `numbers are padded, and longer ones stay whole`() {
    #expect(Text.padded(42, to: 5) == "00042")
    #expect(Text.padded(123_456, to: 5) == "123456")
  }

  @Test func `hexadecimal digits are two for each byte`() {
    #expect(Text.hexadecimal(42 as UInt32) == "0000002a")
    #expect(Text.hexadecimal(255 as UInt8) == "ff")
    #expect(Text.hexadecimal([0, 1, 0xAB]) == "0001ab")
    #expect(Text.hexadecimal([]) == "")
  }

  @Test(arguments: [
    (0, "0:00"), (59.4, "0:59"), (59.5, "1:00"), (3599, "59:59"), (3723, "1:02:03"), (-1, "--:--"),
    (Double.nan, "--:--"), (Double.infinity, "--:--"),
  ])
  func `durations are minutes and seconds`(seconds: Double, text: String) {
    #expect(Text.duration(seconds) == text)
  }

  @Test func `a list has a word before its last item`() {
    #expect(Text.list([]) == "")
    #expect(Text.list(["a"]) == "a")
    #expect(Text.list(["a", "b"]) == "a and b")
    #expect(Text.list(["a", "b", "c"], conjunction: "or") == "a, b or c")
    #expect(Text.list(["a", "b", "c", "d"], limit: 2) == "a, b and 2 more")
    #expect(Text.list(["a", "b"], limit: 2) == "a and b")
  }

  @Test func `a quoted text cannot write to a terminal or reorder a line`() {
    #expect(quoted("a\"b\\c\n\u{1B}[2J\u{202E}") == #""a\"b\\c\n\u{1b}[2J\u{202e}""#)
    #expect(quoted(String(repeating: "é", count: 300)).unicodeScalars.count == 203)
    #expect(oneLine("a\nb\u{2028}c") == #"a\nb\u{2028}c"#)
  }
}
