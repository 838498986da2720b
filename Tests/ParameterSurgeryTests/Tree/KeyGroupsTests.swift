import CheckpointFiles
import EspalierTestSupport
import ParameterSurgery
import Testing

@Suite struct `Groups of keys` {
  private func selectors(_ keys: [Key]) -> [String] {
    KeyGroups(keys.count) {
      [keys[$0]]
    } trait: { _ in
      true
    }.groups.map { $0.selectors[0] }
  }

  @Test func `are selectors with the numbers in which the keys differ`() {
    #expect(selectors(["h.0.w", "h.1.w", "h.2.w"]) == ["h[0:3].w"])
    #expect(selectors(["h.0.w", "h.2.w", "h.4.w"]) == ["h[0:5:2].w"])
    #expect(selectors(["h.0.w", "h.1.w", "h.2.w", "h.7.w", "h.9.w"]) == ["h[0:3,7,9].w"])
    #expect(selectors(["h.1.e.0.w", "h.1.e.1.w"]) == ["h.1.e[0:2].w"])
    #expect(selectors(["0.w", "1.w", "a b.0", "a b.1"]) == ["[0:2].w", "\"a b\"[0:2]"])
    #expect(selectors(["a.w", "a.0", "b.0"]) == ["a.w", "a.0", "b.0"])
  }

  @Test func `are exact where experts are missing in a layer`() {
    let keys: [Key] = (0..<3).flatMap { layer in
      (0..<4).filter { layer != 1 || $0 < 2 }.map { Key("l.\(layer).e.\($0).w") }
    }
    #expect(selectors(keys) == ["l[0,2].e[0:4].w", "l.1.e[0:2].w"])
  }

  @Test func `leave apart what brackets would select together`() {
    // `h[0:2]` selects `h.00`, too, and what is below `h.0`.
    #expect(selectors(["h.0", "h.1", "h.00"]) == ["h.0", "h.1", "h.00"])
    #expect(selectors(["h.0", "h.1", "h.1.w"]) == ["h.0", "h.1", "h.1.w"])
    let groups = KeyGroups(2, among: ["h.0", "h.1", "h.2.w"] as [Key]) {
      [["h.0", "h.1"][$0] as Key]
    } trait: { _ in
      true
    }
    #expect(groups.groups.count == 2, "a key that is not in the list counts")
    // What is not shown as it is cannot be typed.
    #expect(selectors(["h\u{1B}.0", "h\u{1B}.1", "\\.0", "\\.1"]).count == 4)
  }

  @Test func `of renames have a selector for each side`() {
    let pairs: [(Key, Key)] = (0..<4).map { (Key("a.\($0).w"), Key("b.h.\($0 + 6).v")) }
    let groups = KeyGroups(4) {
      [pairs[$0].0, pairs[$0].1]
    } trait: { _ in
      true
    }
    #expect(groups.groups.map(\.selectors) == [["a[0:4].w", "b.h[6:10].v"]])
    let swapped: [(Key, Key)] = [("a.0.w", "a.1.w"), ("a.1.w", "a.0.w")]
    let apart = KeyGroups(2) {
      [swapped[$0].0, swapped[$0].1]
    } trait: { _ in
      true
    }
    #expect(apart.groups.count == 2)
  }

  @Test func `keep the order of their first rows and count what is folded`() {
    let keys: [Key] = ["x", "h.0.a", "h.0.b", "h.1.a", "h.1.b", "y"]
    let groups = KeyGroups(keys.count) {
      [keys[$0]]
    } trait: { _ in
      true
    }
    #expect(groups.groups.map(\.rows) == [[0], [1, 3], [2, 4], [5]])
    #expect(groups.foldedCount == 4)
    let plain = KeyGroups(keys.count, folds: false) {
      [keys[$0]]
    } trait: { _ in
      true
    }
    #expect(plain.groups.map(\.rows) == keys.indices.map { [$0] } && plain.foldedCount == 0)
  }

  @Test(arguments: 0..<40)
  func `select exactly their keys in any tree`(round: Int) throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededGenerator(seed: seed)
    let names = [
      "0", "1", "2", "3", "7", "10", "01", "00", "a", "b", "w", "a b", "x*", "[0:2]", "\"", "é",
      "e\u{301}", "", "1234567890", "!n", "/s/", ":rank(1)", "{c,d}", "\u{A0}", "\u{FF}0", "#",
    ]
    var seen: Set<Key> = []
    var keys: [Key] = []
    for _ in 0..<Int.random(in: 1...120, using: &random) {
      // Few names in most trees, so that there are many groups.
      let some =
        round.isMultiple(of: 4) ? names : Array(names.prefix(round.isMultiple(of: 2) ? 12 : 5))
      let key = Key(
        (0..<Int.random(in: 1...4, using: &random)).map { _ in
          some.randomElement(using: &random) ?? "a"
        }.joined(separator: "."))
      if seen.insert(key).inserted { keys.append(key) }
    }
    let tree = ParameterTree(keys.map { TensorInfo(key: $0, dtype: .float32, shape: []) })
    let traits = keys.map { _ in Int.random(in: 0..<3, using: &random) }
    let rows = keys.indices.filter { _ in Int.random(in: 0..<10, using: &random) < 9 }
    let groups = KeyGroups(rows.count, among: keys) {
      [keys[rows[$0]]]
    } trait: {
      traits[rows[$0]]
    }
    let hint: Comment = "let seed: UInt64 = \(seed)"
    #expect(groups.groups.flatMap(\.rows).sorted() == Array(rows.indices), hint)
    for group in groups.groups where group.rows.count > 1 {
      let own = group.rows.map { keys[rows[$0]] }
      #expect(Set(group.rows.map { traits[rows[$0]] }).count == 1, hint)
      let found = try tree.select(group.selectors[0]).keys
      #expect(
        Set(found) == Set(own), "let seed: UInt64 = \(seed) // \(group.selectors[0]) in \(keys)")
    }
  }
}

@Suite struct `Nodes of a tree that hold the same` {
  /// The branches below a node, and below the first node of each.
  private func names(_ keys: [Key], _ path: Key, shapes: [Key: Shape] = [:]) -> [String] {
    let tree = ParameterTree(
      keys.map { TensorInfo(key: $0, dtype: .float32, shape: shapes[$0] ?? [2]) })
    let alike = AlikeNodes(tree) { tree.entries[$0].shape }
    return alike.branches(of: tree.node(at: path)?.children ?? []).map(\.name)
  }

  @Test func `are one branch with a selector of their numbers`() {
    let keys: [Key] =
      (0..<4).flatMap { [Key("h.\($0).w"), Key("h.\($0).b")] } + ["h.x.w", "h.x.b"]
    #expect(names(keys, "h") == ["[0:4]", "x"])
    #expect(names(keys, "h", shapes: ["h.2.b": [3]]) == ["[0,1,3]", "2", "x"])
  }

  @Test func `do not depend on the order of the names below`() {
    #expect(names(["h.0.w", "h.0.b", "h.1.b", "h.1.w"], "h") == ["[0:2]"])
    #expect(names(["h.0.w", "h.0.b", "h.1.b"], "h") == ["0", "1"])
  }

  @Test func `stay apart where brackets would select more`() {
    #expect(names(["h.0.w", "h.1.w", "h.00.w"], "h") == ["0", "1", "00"])
  }
}
