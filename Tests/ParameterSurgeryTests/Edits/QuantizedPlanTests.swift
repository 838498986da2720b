import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import ParameterSurgery
import Testing

@Suite struct `A plan for quantised tensors` {
  private static let refusal =
    "\"l.weight\" holds quantised numbers that mean something only together with \"l.weight_scale_inv\""

  /// FP8 with a scale for each block, as DeepSeek stores it, and a bias that is not quantised.
  private func scaled() -> Checkpoint {
    var checkpoint = Checkpoint(path: "q")
    checkpoint.tensors["l.weight"] = Tensor(
      dtype: .float8E4M3, shape: [2, 2], bytes: [0x7E, 0x38, 0xB8, 0x30])
    checkpoint.tensors["l.weight_scale_inv"] = Tensor([0.001], shape: [1, 1])
    checkpoint.tensors["l.bias"] = Tensor([1, 2], shape: [2])
    checkpoint.tensors["l.input_scale"] = Tensor([0.5], shape: [])
    return checkpoint
  }

  private func plan(_ steps: [(SurgeryOperation.Kind, String)]) throws -> SurgeryPlan {
    var plan = SurgeryPlan(for: scaled())
    for (kind, argument) in steps { try plan.append(SurgeryOperation(kind, [argument])) }
    return plan
  }

  @Test(arguments: [
    (SurgeryOperation.Kind.cast, "l.weight=BF16"), (.cast, "l.weight_scale_inv=BF16"),
    (.transpose, "l.weight"), (.slice, "l.weight=[0:1]"),
    (.drop, "l.weight[0]"), (.keep, "l.weight[0]"), (.resize, "l.weight=3"),
    (.resize, "l.weight=1"),
    (.split, "l.weight=a.weight,b.weight"),
  ])
  func `refuses a step that makes other numbers and names the scale`(
    _ kind: SurgeryOperation.Kind, _ argument: String
  ) throws {
    let operation = try SurgeryOperation(kind, [argument])
    #expect(message { _ = try plan([(kind, argument)]) } == "\(operation): \(Self.refusal)")
  }

  @Test func `scales by way of the scale alone`() throws {
    #expect(
      message { _ = try plan([(.scale, "l.weight=2")]) }
        == "scale l.weight=2: \(Self.refusal); scale \"l.weight_scale_inv\" alone")
    let scaled = try plan([(.scale, "l.weight_scale_inv=2")])
    #expect(scaled.notes == [])
    #expect(try scaled.apply()["l.weight_scale_inv"]?.floats() == [0.002])
  }

  @Test func `casts the other tensors and notes those that stay`() throws {
    let cast = try plan([(.cast, "**=BF16")])
    #expect(cast.notes == ["cast **=BF16: 3 tensors stay as they are: \(Self.refusal)"])
    let result = cast.apply()
    #expect(result["l.bias"]?.dtype == .bfloat16)
    #expect(result["l.weight"]?.dtype == .float8E4M3)
    #expect(result["l.weight_scale_inv"]?.dtype == .float32)
  }

  @Test(
    arguments: [
      (
        [(.drop, "l.weight_scale_inv")],
        "\"l.weight\" would be left without \"l.weight_scale_inv\", which gives "
          + "its numbers their meaning: drop both or neither"
      ),
      (
        [(.drop, "l.weight")],
        "\"l.weight_scale_inv\" would be left without \"l.weight\", whose numbers it gives "
          + "their meaning: drop both or neither"
      ),
      (
        [(.keep, "l.weight")],
        "\"l.weight\" would be left without \"l.weight_scale_inv\", which gives its numbers "
          + "their meaning: drop both or neither"
      ),
      (
        [(.rename, "l.weight=m.weight")],
        "\"m.weight\" would be taken from \"l.weight_scale_inv\", which gives its "
          + "numbers their meaning: give both names that belong together"
      ),
      (
        [(.rename, "l.weight_scale_inv=m.weight_scale_inv")],
        "\"l.weight\" would be taken from "
          + "\"l.weight_scale_inv\", which gives its numbers their meaning: give both names that belong together"
      ),
      (
        [(.copy, "l.weight=m.weight")],
        "\"m.weight\" would be taken from \"l.weight_scale_inv\", which gives its "
          + "numbers their meaning: give both names that belong together"
      ),
      (
        [(.tie, "m.weight=l.weight")],
        "\"m.weight\" would be taken from \"l.weight_scale_inv\", which gives its "
          + "numbers their meaning: give both names that belong together"
      ),
      ([(.drop, "l.input_scale")], nil),
      ([(.rename, "l.**=m.**")], nil), ([(.addPrefix, "model.")], nil), ([(.copy, "l=m")], nil),
      ([(.rename, "l.weight=m.weight"), (.rename, "l.weight_scale_inv=m.weight_scale_inv")], nil),
      ([(.rename, "l.weight_scale_inv=l.scale_weight")], nil),
      ([(.drop, "{l.weight,l.weight_scale_inv}")], nil), ([(.untie, "**")], nil),
    ] as [([(SurgeryOperation.Kind, String)], String?)])
  func `keeps numbers and scale together`(
    _ steps: [(SurgeryOperation.Kind, String)], _ expected: String?
  ) throws {
    let plan = try plan(steps)
    #expect(message { try plan.check() } == expected ?? "")
    #expect(plan.notes.contains(expected ?? "") == (expected != nil))
  }

  @Test func `notes names that do not show that they belong together`() throws {
    let renamed = try plan([(.rename, "l.weight=m.a"), (.rename, "l.weight_scale_inv=m.b")])
    try renamed.check()
    #expect(
      renamed.notes == [
        "\"m.a\" and \"m.b\", which gives its numbers their meaning, have names that do not show that they belong "
          + "together"
      ])
  }

  @Test func `takes numbers from another checkpoint only with their scale`() throws {
    let folder = try TemporaryFolder()
    try scaled().write(to: folder.path("other.safetensors"))
    let other = folder.path("other.safetensors")
    var plan = SurgeryPlan(for: smallCheckpoint())
    try plan.append(SurgeryOperation(.from, ["\(other):l.weight"]))
    #expect(
      message { try plan.check() }
        == "\"l.weight\" would be left without \"l.weight_scale_inv\", which gives its "
        + "numbers their meaning: drop both or neither")
    try plan.append(SurgeryOperation(.from, ["\(other):l.weight_scale_inv"]))
    try plan.check()
    var rows = SurgeryPlan(for: scaled())
    #expect(
      message { try rows.append(SurgeryOperation(.from, ["\(other):l.weight[0]"])) }
        == "from \(other):l.weight[0]: \(Self.refusal)")
  }

  @Test func `refuses a LoRA adapter`() throws {
    var base = scaled()
    base.tensors["layer.0.weight"] = Tensor(
      dtype: .float8E4M3, shape: [3, 2], bytes: [UInt8](repeating: 56, count: 6))
    base.tensors["layer.0.weight_scale"] = Tensor([2], shape: [])
    let adapter = try TemporaryAdapter(
      config: #"{"peft_type": "LORA", "lora_alpha": 4, "r": 2, "fan_in_fan_out": false}"#,
      a: ([1, 0, 0, 1], [2, 2]), b: ([1, 2, 3, 4, 5, 6], [3, 2]))
    var plan = SurgeryPlan(for: base)
    #expect(
      message { try plan.append(SurgeryOperation(.mergeLora, [adapter.path])) }.contains(
        "\"layer.0.weight\" holds quantised numbers that mean something only together with "
          + "\"layer.0.weight_scale\""))
  }

  @Test func `merges them only where they are the same`() throws {
    let a = scaled()
    var b = scaled()
    b.path = "b"
    b.tensors["l.bias"] = Tensor([3, 4], shape: [2])
    let merged = try [a, b].merging(Merge(.linear))
    #expect(try merged["l.bias"]?.floats() == [2, 3])
    #expect(try merged["l.weight"]?.bytes() == a["l.weight"]?.bytes())
    b.tensors["l.weight_scale_inv"] = Tensor([0.002], shape: [1, 1])
    #expect(
      message { _ = try [a, b].merging(Merge(.linear)) }
        == "merge: \(Self.refusal), and \"l.weight_scale_inv\" is not the same in q and b; merge the models as they "
        + "were before they were quantised")
  }
}

@Suite struct `Rows of a vocabulary` {
  @Test func `each of prune and resize names the other where that is meant`() throws {
    #expect(
      message { _ = try edited("prune embed=3") }
        == "prune embed=3: prune keeps the rows that a file lists, and \"3\" is not a file; use resize to "
        + "keep the first 3 rows")
    #expect(
      message { _ = try edited("resize embed=rows.txt") }
        == "resize embed=rows.txt: \"rows.txt\" is not ROWS, ROWS,mean or ROWS,zeros; resize keeps the first rows or "
        + "adds some, use prune to keep the rows that a file lists")
    let folder = try TemporaryFolder()
    try folder.write("rows.txt", "0\n7\n")
    let list = folder.path("rows.txt")
    #expect(
      message { _ = try edited("prune embed=\(list)") }
        == "prune embed=\(list): \"embed\" has 4 rows, and no row 7; use resize to add rows")
  }
}
