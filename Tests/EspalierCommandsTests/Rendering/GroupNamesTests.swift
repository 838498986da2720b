import CheckpointFiles
import ParameterSurgery
import Testing

@testable import EspalierCommands

@Suite struct `The name of a group of keys` {
  private func names(_ keys: [String]) -> [String] {
    KeyGroups(keys.count) {
      [Key(keys[$0])]
    } trait: { _ in
      true
    }.groups.map(\.name)
  }

  @Test func `has the ranges of the numbers in which they differ`() {
    #expect(names(["h.0.w", "h.1.w", "h.2.w"]) == ["h.[0-2].w"])
    #expect(names(["h.0.w", "h.2.w", "h.4.w"]) == ["h.[0,2,4].w"])
    #expect(names(["h.1.e.0.w", "h.1.e.1.w"]) == ["h.1.e.[0-1].w"])
    #expect(names(["a.w"]) == ["a.w"])
  }

  @Test func `leaves out the middle of many ranges`() {
    let keys = stride(from: 0, to: 20, by: 2).map { "h.\($0).w" }
    #expect(names(keys) == ["h.[0,2,4,6,…,18].w"])
  }

  @Test func `escapes its parts and splits them at the bytes of dots`() {
    #expect(names(["h\u{1B}.0.w", "h\u{1B}.1.w"]) == ["h\\u{1b}.[0-1].w"])
    // A combining mark after a dot makes one character of both, and the dot is one all the same.
    #expect(
      names(["h.\u{301}a.0.w", "h.\u{301}a.1.w"]) == ["h.\u{301}a.[0-1].w"])
  }

  @Test func `joins the two keys of a rename`() {
    let groups = KeyGroups(2) {
      [Key("a.\($0).w"), Key("b.\($0).w")]
    } trait: { _ in
      true
    }
    #expect(groups.groups.map(\.name) == ["a.[0-1].w => b.[0-1].w"])
    #expect(groups.groups.map(\.names) == [["a.[0-1].w", "b.[0-1].w"]])
  }

  @Test func `stands for twenty lines on a terminal, and says how many tensors follow`() {
    let groups = KeyGroups(25, folds: false) {
      [Key("k.\($0)")]
    } trait: { _ in
      true
    }
    let terminal = Recording.text(width: 80) { $0.list(groups) { $0.name } }
    #expect(terminal.split(separator: "\n").count == 21)
    #expect(terminal.hasSuffix("  … and 5 more; --json lists all\n"))
    let file = Recording.text { $0.list(groups) { $0.name } }
    #expect(file.split(separator: "\n").count == 25)
  }
}
