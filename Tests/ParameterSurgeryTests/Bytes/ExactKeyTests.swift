import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

@testable import ParameterSurgery

/// Swift calls `é` and `e` + U+0301 equal; two tensors may have these names.
@Suite struct ExactKeyTests {
  private let composed = Key("layer.\u{e9}.weight")
  private let decomposed = Key("layer.e\u{301}.weight")

  private func both(_ a: [Float] = [1], _ b: [Float] = [2]) throws -> Checkpoint {
    try checkpoint([composed: a, decomposed: b])
  }

  @Test func `a diff compares each with itself`() throws {
    let diff = try Diff(both(), both([1], [3]))
    #expect(diff.changed.map(\.key) == [decomposed])
    let renamed = try Diff(
      checkpoint([composed: [1]]), checkpoint([decomposed: [1]]))
    #expect(renamed.onlyInA == [composed])
    #expect(renamed.onlyInB == [decomposed])
    #expect(
      renamed.likelyRenames
        == [LikelyRename(from: composed, to: decomposed, isSameContent: true)])
  }

  @Test func `a merge and a delta keep them apart`() throws {
    let merged = try [both(), both([3], [6])].merging(Merge(.linear))
    #expect(try merged[composed]?.floats() == [2])
    #expect(try merged[decomposed]?.floats() == [4])
    let only = try checkpoint([composed: [1]])
    let error = #expect(throws: SurgeryError.self) {
      try [only, checkpoint([decomposed: [1]])].merging(Merge(.linear))
    }
    #expect(error?.kind == .tensorMismatch)
    #expect(error?.advice == .edit)
    let delta = try CheckpointDelta(from: both(), to: both([1], [7]))
    #expect(delta.wholeKeys == [decomposed])
    let again = try both().applying(CheckpointDelta(reading: delta.checkpoint))
    #expect(try again[composed]?.floats() == [1])
    #expect(try again[decomposed]?.floats() == [7])
  }

  @Test func `a proof and a mask tell them apart`() throws {
    let base = try both()
    let mask = try FreezeMask(
      states: [decomposed: .trainable], in: ParameterTree(base))
    #expect(mask[composed] == .frozen)
    let proof = try FrozenProof(base: base, tuned: both([1], [5]), mask: mask)
    #expect(proof.holds)
    #expect(proof.changedKeys == [decomposed])
    #expect(try !FrozenProof(base: base, tuned: both([5], [2]), mask: mask).holds)
    #expect(
      mask.mismatch(with: ParameterTree([TensorInfo(key: composed, dtype: .float32, shape: [1])]))?
        .missingKeys == [decomposed])
  }

  @Test func `lint takes them for two stacks of layers`() throws {
    let folder = try TemporaryFolder()
    var tensors: OrderedDictionary<Key, [Float]> = [:]
    for index in 0..<4 where index != 2 {
      tensors[Key("\u{e9}.layer.\(index).w.weight")] = [Float(index)]
    }
    for index in 0..<4 { tensors[Key("e\u{301}.layer.\(index).w.weight")] = [Float(index)] }
    try checkpoint(tensors).write(to: folder.path("m.safetensors"))
    let findings = try CheckpointLint(path: folder.path("m.safetensors")).findings
    #expect(findings.map(\.rule) == [.missingLayer])
    #expect(findings.first?.key == Key("\u{e9}.layer.2"))
  }

  @Test func `trainers find names by their bytes`() throws {
    let tree = try ParameterTree(both())
    let imported = try ImportedMask(
      .names, bytes: Array("\(decomposed)\n".utf8), in: tree)
    #expect(imported.mask.trainableKeys == [decomposed])
    let list = "{\"\(composed)\": true, \"\(decomposed)\": false}"
    let gradients = try ImportedMask(.requiresGrad, bytes: Array(list.utf8), in: tree)
    #expect(gradients.mask.trainableKeys == [composed])
    let yaml = "unfrozen_parameters:\n  - \(composed)\n"
    #expect(
      try ImportedMask(.axolotl, bytes: Array(yaml.utf8), in: tree).mask.trainableKeys
        == [composed])
  }

  @Test func `a long run of combining marks costs no more than other text`() throws {
    // With canonical equivalence, each comparison of these names would sort 100,000 marks.
    let marks = String(repeating: "\u{301}\u{323}", count: 50_000)
    let tensors = OrderedDictionary(
      uniqueKeysWithValues: (0..<20).map { (Key("layer.\($0).e\(marks).weight"), [Float($0)]) })
    let base = try checkpoint(tensors)
    let mask = try FreezeMask(
      states: [tensors.keys[3]: .trainable], in: ParameterTree(base))
    #expect(try FreezeMask(json: Array(mask.jsonText.utf8)) == mask)
    #expect(try Diff(base, base).isEmpty)
    #expect(try [base, base].merging(Merge(.linear)).tensors.count == 20)
    let bytes = Array(mask.trainableKeys.map { $0.string + "\n" }.joined().utf8)
    #expect(
      try ImportedMask(.names, bytes: bytes, in: ParameterTree(base)).mask.states == mask.states)
  }
}
