import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import ParameterSurgery
import Testing

@Suite struct DiffSummaryTests {
  /// `layer.0` … `layer.11` with a matrix and a bias each, and an embedding.
  private func model(_ change: (Int) -> Float = { _ in 0 }) throws -> Checkpoint {
    var tensors: OrderedDictionary<Key, [Float]> = ["embed.words.weight": [1, 2, 3]]
    for layer in 0..<12 {
      tensors[Key("enc.layer.\(layer).out.weight")] = [3, 4 + change(layer)]
      tensors[Key("enc.layer.\(layer).out.bias")] = [1]
    }
    return try checkpoint(tensors)
  }

  @Test func `repeated layers are one group, under a selector that selects them`() throws {
    let (a, b) = (try model(), try model { $0 < 10 ? 0 : Float($0) })
    let summary = DiffSummary(try Diff(a, b), a, b)
    #expect(
      summary.groups.map(\.selector) == [
        "embed.words.weight", "enc.layer[0:12].out.weight", "enc.layer[0:12].out.bias",
      ])
    let group = summary.groups[1]
    #expect(group.counts.tensors == 12 && group.counts.changed == 2)
    #expect(group.maxAbs == 11)
    // √(10² + 11²) over √(2 · 5²).
    #expect(abs((group.relativeL2 ?? 0) - (221.0 / 50).squareRoot()) < 1e-12)
    let selection = try SelectorList([group.selector]).resolve(in: ParameterTree(a))
    #expect(selection.items.count == 12)
  }

  @Test func `each layer has its relative change, and powers of ten are counted`() throws {
    let (a, b) = (try model(), try model { $0 == 3 ? 5 : $0 == 4 ? 0.0005 : 0 })
    let summary = DiffSummary(try Diff(a, b), a, b)
    let changed = summary.layers.filter { $0.counts.changed > 0 }
    #expect(changed.map(\.name) == ["enc.layer.3", "enc.layer.4"])
    #expect(changed[0].relativeL2 == 1)
    #expect(changed[0].counts.tensors == 2)
    #expect(summary.layers[0].name == "embed")
    #expect(summary.histogram.map(\.limit) == [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, nil])
    #expect(summary.histogram.map(\.tensors) == [0, 0, 0, 1, 0, 0, 0, 1])
  }

  @Test func `what has no number is counted apart`() throws {
    let a = try checkpoint(["x": [0, 0], "y": [1, 2]])
    var b = try checkpoint(["x": [1, 0], "y": [1, 2]])
    b.tensors["y"] = Tensor([1, 2, 3], shape: [3])
    let summary = DiffSummary(try Diff(a, b), a, b)
    #expect(summary.unmeasured == 2)
    #expect(summary.groups.map(\.maxAbs) == [1, nil])
  }

  @Test func `layers of another shape or on one side only stand apart`() throws {
    let a = try checkpoint(["l.0.w": [1], "l.2.w": [1, 2], "l.4.w": [1]])
    let b = try checkpoint(["l.0.w": [2], "l.2.w": [1, 2], "l.4.w": [1], "l.5.w": [1]])
    let summary = DiffSummary(try Diff(a, b), a, b)
    #expect(summary.groups.map(\.selector) == ["l[0,4,5].w", "l.2.w"])
    #expect(summary.groups[0].counts.onlyInB == 1)
  }

  @Test func `experts of layers are one group, and what lacks some is exact still`() throws {
    var tensors: OrderedDictionary<Key, [Float]> = ["x [odd].0.w": [1], "x [odd].1.w": [1]]
    for layer in 0..<6 {
      for expert in 0..<8 where layer != 3 || expert < 4 {
        tensors[Key("l.\(layer).experts.\(expert).w")] = layer == 5 && expert == 7 ? [1, 2] : [1]
      }
    }
    for index in 0..<3 { tensors[Key("\(index).w")] = [1] }
    let a = try checkpoint(tensors)
    let summary = DiffSummary(try Diff(a, a), a, a)
    #expect(
      summary.groups.map(\.selector) == [
        "\"x [odd]\"[0:2].w", "l[0:3,4].experts[0:8].w", "l.3.experts[0:4].w",
        "l.5.experts[0:7].w", "l.5.experts.7.w", "[0:3].w",
      ])
    let tree = ParameterTree(a)
    for group in summary.groups {
      let selection = try SelectorList([group.selector]).resolve(in: tree)
      #expect(selection.items.count == group.counts.tensors, "\(group.selector)")
    }
    #expect(summary.groups.reduce(0) { $0 + $1.counts.tensors } == tensors.count)
  }
}

@Suite struct ThreeWayDiffTests {
  @Test func `each tensor is what one side, both alike or both differently made of it`() throws {
    let base = try checkpoint(["w": [1], "x": [1], "y": [1], "z": [1], "same": [1], "gone": [1]])
    let a = try checkpoint(
      ["w": [2], "x": [1], "y": [3], "z": [4], "same": [1], "new": [7], "mine": [1]])
    let b = try checkpoint(["w": [1], "x": [2], "y": [3], "z": [5], "same": [1], "new": [8]])
    let diff = try ThreeWayDiff(base: base, a, b)
    func keys(_ verdict: ThreeWayDiff.Verdict) -> [Key] {
      diff.changes.filter { $0.verdict == verdict }.map(\.key)
    }
    #expect(keys(.onlyA) == ["w", "mine"])
    #expect(keys(.onlyB) == ["x"])
    #expect(keys(.alike) == ["y", "gone"])
    #expect(keys(.differently) == ["z", "new"])
    #expect(diff.unchanged == 1)
    let z = try #require(diff.changes.first { $0.key == "z" })
    #expect(z.a?.maxAbs == 3 && z.b?.maxAbs == 4 && z.between?.maxAbs == 1)
    let new = try #require(diff.changes.first { $0.key == "new" })
    #expect(new.inA == .added && new.inB == .added && new.a == nil && new.between?.maxAbs == 1)
  }

  @Test func `prefixes, selectors and tolerances are those of a diff`() throws {
    let base = try checkpoint(["x.w": [1], "y.w": [1]])
    let a = try checkpoint(["bert.x.w": [1.001], "bert.y.w": [2], "head": [1]])
    var options = Diff.Options()
    options.ignoredPrefixes = ["bert."]
    options.atol = 0.01
    options.selectors = try SelectorList(["*.w"])
    let diff = try ThreeWayDiff(base: base, a, base, options: options)
    #expect(diff.changes.map(\.key) == ["y.w"])
    options.ignoredPrefixes = ["bret."]
    #expect(throws: SurgeryError.self) { try ThreeWayDiff(base: base, a, base, options: options) }
    options.ignoredPrefixes = []
    options.selectors = try SelectorList(["zzz"])
    #expect(throws: SurgeryError.self) { try ThreeWayDiff(base: base, a, base, options: options) }
  }
}
