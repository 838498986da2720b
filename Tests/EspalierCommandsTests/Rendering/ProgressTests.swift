import Testing

@testable import EspalierCommands

@Suite struct `A line of progress` {
  private func line(
    _ completed: Int, of total: Int, elapsed: Double = 2, detail: String = "", width: Int? = nil
  ) -> String {
    ProgressLine(
      label: "writing", unit: .bytes, completed: completed, total: total, elapsed: elapsed,
      detail: detail
    ).text(width: width)
  }

  @Test func `has a bar, the share, the rate and the time left`() {
    #expect(
      line(500_000, of: 1_000_000)
        == "writing ━━━━━━━━━━·········· 50% 250.0 kB/s ETA 0:02")
    #expect(line(0, of: 100) == "writing ···················· 0% 0 B/s ETA --:--")
    #expect(line(100, of: 100, elapsed: 1) == "writing ━━━━━━━━━━━━━━━━━━━━ 100% 100 B/s ETA 0:00")
  }

  @Test func `does not go beyond its end, nor divide by nothing`() {
    #expect(line(300, of: 100).contains(" 100% "))
    #expect(line(300, of: 0).contains(" 0% "))
    #expect(line(Int.max, of: Int.max, elapsed: 0).contains(" 100% "))
  }

  @Test func `counts things with a name`() {
    let text = ProgressLine(
      label: "epoch 1", unit: .items("tokens"), completed: 40_000, total: 80_000, elapsed: 2,
      detail: "loss 0.5"
    ).text(width: nil)
    #expect(text == "epoch 1 ━━━━━━━━━━·········· 50% 20.0 k tokens/s ETA 0:02  loss 0.5")
  }

  @Test func `escapes a detail that comes from a file`() {
    #expect(line(1, of: 2, detail: "a\u{1B}[2J").hasSuffix("  a\\u{1b}[2J"))
  }

  @Test(arguments: [20, 40, 50, 60, 79])
  func `fits a terminal, and shortens the bar first`(_ width: Int) {
    let text = line(500_000, of: 1_000_000, width: width)
    #expect(displayWidth(text) <= width)
    #expect(width < 40 || text.contains("250.0 kB/s"))
  }
}
