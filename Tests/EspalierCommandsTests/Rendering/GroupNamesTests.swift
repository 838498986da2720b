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

  @Test func `is a selector of the keys, and a single key as it is shown`() {
    #expect(names(["h.0.w", "h.1.w", "h.2.w"]) == ["h[0:3].w"])
    #expect(names(["a b.0.w", "a b.1.w"]) == ["\"a b\"[0:2].w"])
    #expect(names(["a b.w"]) == ["a b.w"])
    #expect(names(["h\u{1B}.w"]) == ["h\\u{1b}.w"])
    // A combining mark after a dot makes one character of both, and the dot is one all the same.
    #expect(names(["h.\u{301}a.0.w", "h.\u{301}a.1.w"]) == ["h.\u{301}a[0:2].w"])
  }

  @Test func `joins the two keys of a rename`() {
    let groups = KeyGroups(2) {
      [Key("a.\($0).w"), Key("b.\($0).w")]
    } trait: { _ in
      true
    }
    #expect(groups.groups.map(\.name) == ["a[0:2].w => b[0:2].w"])
    #expect(groups.groups.map(\.names) == [["a[0:2].w", "b[0:2].w"]])
  }

  @Test func `is one of as many lines as fit a terminal, with the number of tensors that follow`() {
    let groups = KeyGroups(25, folds: false) {
      [Key("k.\($0)")]
    } trait: { _ in
      true
    }
    let terminal = Recording.text(width: 80, height: 24) { $0.list(groups) { $0.name } }
    #expect(terminal.split(separator: "\n").count == 19)
    #expect(terminal.hasSuffix("  … and 7 more; --json lists all\n"))
    let tall = Recording.text(width: 80, height: 29) { $0.list(groups) { $0.name } }
    #expect(tall.split(separator: "\n").count == 25)
    let file = Recording.text { $0.list(groups) { $0.name } }
    #expect(file.split(separator: "\n").count == 25)
  }

  @Test func `comes with one line on a terminal that says how to see everything`() {
    let groups = KeyGroups(25) {
      [Key("k.\($0).w")]
    } trait: {
      $0 < 20
    }
    let terminal = Recording.text(width: 80, height: 24) { $0.list(groups) { $0.name } }
    #expect(
      terminal == "  k[0:20].w\n  k[20:25].w\n2 lines stand for 25 tensors; --json lists each\n")
    let narrow = Recording.text(width: 30, height: 24) {
      GroupOptions(folding: nil).note([groups], to: $0)
    }
    #expect(narrow == "2 lines stand for 25 tensors;\npass --no-group to list each\n")
    #expect(
      Recording.text(width: 80, height: 24) { GroupOptions(folding: true).note([groups], to: $0) }
        == "")
    #expect(Recording.text { $0.list(groups) { $0.name } } == "  k[0:20].w\n  k[20:25].w\n")
  }
}
