import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import ParameterSurgery
import Testing

/// A checkpoint of two F32 layers, an embedding and a bias, with numbers that tell where they come from.
func smallCheckpoint() -> Checkpoint {
  var checkpoint = Checkpoint(path: "small")
  checkpoint.tensors["embed"] = Tensor((0..<8).map(Float.init), shape: [4, 2])
  for layer in 0..<3 {
    checkpoint.tensors[Key("layer.\(layer).weight")] = Tensor(
      (0..<6).map { Float(10 * layer + $0) }, shape: [3, 2])
    checkpoint.tensors[Key("layer.\(layer).bias")] = Tensor(
      [Float(layer), 1, 2], shape: [3])
  }
  return checkpoint
}

/// The result of operations, each spelled `name argument`.
func edited(_ operations: String..., base: Checkpoint = smallCheckpoint()) throws -> Checkpoint {
  var plan = SurgeryPlan(for: base)
  for operation in operations {
    let space = try #require(operation.firstIndex(of: " "))
    try plan.append(
      SurgeryOperation(
        String(operation[..<space]), [String(operation[operation.index(after: space)...])]))
  }
  return plan.apply()
}

@Suite struct TiedTensorTests {
  /// `embed` under a second name.
  private func tied() -> Checkpoint {
    var checkpoint = smallCheckpoint()
    checkpoint.tensors["head"] = checkpoint["embed"]
    return checkpoint
  }

  private func plan(_ kind: SurgeryOperation.Kind, _ argument: String) throws -> SurgeryPlan {
    var plan = SurgeryPlan(for: tied())
    try plan.append(SurgeryOperation(kind, [argument]))
    return plan
  }

  @Test(arguments: [
    (SurgeryOperation.Kind.scale, "embed=2"), (.scale, "embed[0:2]=2"), (.resize, "embed=6"),
    (.resize, "embed=3"), (.cast, "embed=BF16"), (.slice, "embed=[0:2]"), (.transpose, "embed"),
  ])
  func `that a step parts are noted`(_ kind: SurgeryOperation.Kind, _ argument: String) throws {
    #expect(
      try plan(kind, argument).notes == [
        "\"head\" was one tensor with \"embed\", and no longer is: give both to the operation, or tie "
          + "them after it"
      ])
  }

  @Test(arguments: [
    (SurgeryOperation.Kind.scale, "{embed,head}=2"), (.resize, "{embed,head}=6"),
    (.resize, "{embed,head}=3"), (.cast, "**=BF16"), (.slice, "{embed,head}=[0:2]"),
    (.transpose, "{embed,head}"), (.rename, "embed=other"),
  ])
  func `that are changed alike stay one`(
    _ kind: SurgeryOperation.Kind, _ argument: String
  ) throws {
    let plan = try plan(kind, argument)
    #expect(plan.notes == [])
    let result = plan.apply()
    let (a, b) = (try #require(result["embed"] ?? result["other"]), try #require(result["head"]))
    #expect(a.sharesStorage(with: b))
  }

  @Test(
    arguments: [
      (SurgeryOperation.Kind.untie, "layer", "untie layer: nothing selected is tied"),
      (.resize, "embed=4", "resize embed=4: everything selected has 4 rows already"),
      (.layers, "layer=0:9", "layers layer=0:9: leaves everything as it was"),
      (.scale, "layer=2", nil),
    ] as [(SurgeryOperation.Kind, String, String?)])
  func `or not, an operation without effect is noted`(
    _ kind: SurgeryOperation.Kind, _ argument: String, _ note: String?
  ) throws {
    let plan = try plan(kind, argument)
    #expect(plan.notes == (note.map { [$0] } ?? []))
    #expect(plan.changes.isEmpty == (note != nil))
  }

  @Test func `that would be too large name the operation`() {
    #expect(
      message { _ = try plan(.add, "x=F32[9223372036854775807]:zeros") }
        == "add x=F32[9223372036854775807]:zeros: 9223372036854775807 elements of F32 are not a "
        + "whole number of bytes that can be counted")
  }

  @Test(arguments: [
    (SurgeryOperation.Kind.untie, "head"), (.drop, "head"), (.copy, "embed=another"),
  ])
  func `that a user parts on purpose are not noted`(
    _ kind: SurgeryOperation.Kind, _ argument: String
  ) throws {
    #expect(try plan(kind, argument).notes == [])
  }
}

@Suite struct SurgeryPlanTests {
  @Test(arguments: [
    ("layer=block", "block.0.weight"), ("layer.0=first", "first.weight"),
    ("layer[{i}].**=h.{i+5}.**", "h.5.weight"), ("/layer\\.(\\d)\\.(.*)/=$2.$1", "weight.0"),
    ("**.weight=**.kernel", "layer.0.kernel"), ("layer.{i}.{w}=x.{w}.{i}", "x.weight.0"),
    ("layer[0].weight=w", "w"), ("layer.?.w*=l.?.w*", "l.0.weight"),
  ])
  func `keys get new names and keep their places`(rule: String, expected: Key) throws {
    let result = try edited("rename \(rule)")
    #expect(result.keys[1] == expected)
    #expect(result.tensors.count == 7)
    #expect(try result[expected]?.floats() == [0, 1, 2, 3, 4, 5])
  }

  @Test(arguments: [
    ("rename layr=x", "selector \"layr\" selects no tensor: did you mean `layer`?"),
    ("rename a.*=b", "rename \"a.*=b\": both sides need the same wildcards in the same order"),
    ("rename a.{i}=b.{j}", "rename \"a.{i}=b.{j}\": {j} does not occur on the left-hand side"),
    (
      "rename layer.{i}.weight=w",
      "rename layer.{i}.weight=w: \"layer.0.weight\" and \"layer.1.weight\" would both be \"w\"; "
        + "drop or rename one of them first"
    ),
    ("strip-prefix bert.", "strip-prefix bert.: no key begins with \"bert.\""),
    (
      "cast embed=BF17",
      "cast embed=BF17: \"BF17\" is not a floating-point dtype; did you mean BF16?"
    ),
    ("layers layer=7", "layers layer=7: \"layer\" has [0] to [2], none of them is 7"),
    (
      "slice embed=[9:, :]",
      "slice 'embed=[9:, :]': \"9:\" is empty: dimension 0 of \"embed\" has the extent 4"
    ),
    (
      "split embed=a,b,c",
      "split embed=a,b,c: dimension 0 of \"embed\" [4, 2] cannot be cut into 3 equal parts"
    ),
    ("concat embed,zz=x", "concat embed,zz=x: there is \"embed\", but no \"zz\""),
    (
      "transpose layer.0.bias",
      "transpose layer.0.bias: \"layer.0.bias\" has the shape [3], with fewer than two dimensions"
    ),
    (
      "add embed=F32[2]",
      "add embed=F32[2]:zeros: \"embed\" exists already; drop or rename it first"
    ),
    ("scale embed=x", "scale embed=x: \"x\" is not a number"),
    (
      "cast embed[0]=BF16",
      "cast embed[0]=BF16: needs whole tensors, and rows of \"embed\" are selected"
    ),
    ("renmae a=b", "there is no operation \"renmae\"; did you mean `rename`?"),
    ("preset gamma-beta", "preset gamma-beta: there is nothing to convert"),
    ("metadata x=", "metadata x=: there is no metadata \"x\""),
  ])
  func `what cannot be done says why`(operation: String, expected: String) {
    #expect(message { _ = try edited(operation) } == expected)
  }

  @Test func `tensors and rows are dropped and kept`() throws {
    #expect(try Array(edited("drop layer[1:]").keys).count == 3)
    #expect(try edited("drop embed[1:3]")["embed"]?.floats() == [0, 1, 6, 7])
    #expect(try Array(edited("keep embed[:1]").keys) == ["embed"])
    #expect(try edited("keep embed[:1]")["embed"]?.shape == [1, 2])
  }

  @Test func `layers are arranged and numbered anew`() throws {
    let result = try edited("layers layer=2,0:2,2")
    #expect(result.tensors.count == 9)
    #expect(
      try (0..<4).map { try result[Key("layer.\($0).weight")]?.floats()[0] } == [20, 0, 10, 20])
    #expect(ParameterTree(result).ties.isEmpty)
    #expect(try edited("layers layer=::-1")["layer.0.weight"]?.floats()[0] == 20)
  }

  @Test func `slices, transposes, parts and wholes are what numpy makes`() throws {
    #expect(try edited("slice layer.0.weight=[1:, 0]")["layer.0.weight"]?.floats() == [2, 4])
    #expect(
      try edited("transpose layer.0.weight")["layer.0.weight"]?.floats() == [0, 2, 4, 1, 3, 5])
    let parts = try edited("split layer.0.*=a.*,b.*,c.*")
    #expect(try parts["b.weight"]?.floats() == [2, 3])
    #expect(try parts["c.bias"]?.floats() == [2])
    #expect(parts["layer.0.weight"] == nil)
    let columns = try edited("split layer.0.weight=a,b@1")
    #expect(try columns["b"]?.floats() == [1, 3, 5])
    var empty = Checkpoint()
    empty.tensors["x"] = Tensor([], shape: [1 << 62, 0])
    #expect(try edited("split x=a,b", base: empty)["b"]?.shape == [1 << 61, 0])
    #expect(try edited("split embed=a,b@0:1,3")["b"]?.shape == [3, 2])
    let back = try edited("split layer.0.weight=a,b@1", "concat a,b=layer.0.weight@1")
    #expect(try back["layer.0.weight"]?.floats() == [0, 1, 2, 3, 4, 5])
    let rows = try edited("concat layer.0.weight,layer.1.weight=x")
    #expect(try rows["x"]?.floats() == [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15])
  }

  @Test func `rows are added, cut, pruned and scaled`() throws {
    #expect(try edited("resize embed=5")["embed"]?.floats() == [0, 1, 2, 3, 4, 5, 6, 7, 3, 4])
    #expect(try edited("resize embed=5,zeros")["embed"]?.floats().suffix(2) == [0, 0])
    #expect(try edited("resize embed=1")["embed"]?.floats() == [0, 1])
    #expect(try edited("scale embed[1]=10")["embed"]?.floats() == [0, 1, 20, 30, 4, 5, 6, 7])
    #expect(try edited("scale embed=0.5")["embed"]?.floats() == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5])
    let folder = try TemporaryFolder()
    let list = try folder.write("rows.txt", "3\n0\n1\n")
    #expect(try edited("prune embed=\(list)")["embed"]?.floats() == [6, 7, 0, 1, 2, 3])
    let tokens = try folder.write("tokens.txt", "c\na\n")
    let vocabulary = try folder.write("vocab.txt", "a\nb\nc\nd\n")
    #expect(try edited("prune embed=\(tokens):\(vocabulary)")["embed"]?.floats() == [4, 5, 0, 1])
  }

  @Test func `copies, ties and other checkpoints`() throws {
    let copied = try edited("copy layer.0=spare")
    #expect(try copied["spare.weight"]?.floats() == [0, 1, 2, 3, 4, 5])
    #expect(ParameterTree(copied).ties.isEmpty)
    let tied = try edited("tie head=embed")
    #expect(ParameterTree(tied).ties == [["embed", "head"]])
    #expect(try ParameterTree(edited("untie head", base: tied)).ties.isEmpty)
    let folder = try TemporaryFolder()
    var other = smallCheckpoint()
    other.tensors["embed"] = Tensor([Float](repeating: 9, count: 8), shape: [4, 2])
    other.tensors["new"] = Tensor([1], shape: [])
    try other.write(to: folder.path("o.safetensors"))
    let file = folder.path("o.safetensors")
    #expect(try edited("from \(file):embed")["embed"]?.floats()[0] == 9)
    #expect(try edited("from \(file):embed[1]")["embed"]?.floats() == [0, 1, 9, 9, 4, 5, 6, 7])
    #expect(try edited("from \(file):new").keys.last == "new")
  }

  @Test func `new tensors depend on the seed and the key alone`() throws {
    func draw(_ seed: UInt64, _ text: String) throws -> [Float] {
      var plan = SurgeryPlan(for: smallCheckpoint())
      plan.seed = seed
      try plan.append(SurgeryOperation(.add, [text]))
      return try #require(try plan.apply()[Key(String(text.prefix { $0 != "=" }))]?.floats())
    }
    let values = try draw(1, "w=F32[100,400]:normal(2)")
    #expect(try values == draw(1, "w=F32[100,400]:normal(2)"))
    #expect(try values != draw(2, "w=F32[100,400]:normal(2)"))
    let mean = values.reduce(0, +) / 40_000
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 40_000
    #expect(abs(mean) < 0.05 && abs(variance - 4) < 0.1)
    #expect(try draw(1, "w=F32[2,4]:kaiming").allSatisfy { abs($0) <= 0.5 })
    #expect(try draw(1, "w=BF16[3]:ones") == [1, 1, 1])
  }

  @Test func `casts round, and say what they lost once it is written`() throws {
    var base = Checkpoint(path: "x")
    base.tensors["w"] = Tensor([1, 70000, .nan, -500, 65519], shape: [5])
    base.tensors["n"] = Tensor(dtype: .int64, shape: [1], bytes: [1, 0, 0, 0, 0, 0, 0, 0])
    var plan = SurgeryPlan(for: base)
    try plan.append(SurgeryOperation(.cast, ["**=F16"]))
    #expect(plan.losses.all.isEmpty)
    #expect(try plan.apply()["w"]?.floats()[1] == .infinity)
    #expect(try plan.apply()["w"]?.floats()[4] == 65504)
    #expect(plan.apply()["n"]?.dtype == .int64)
    #expect(plan.losses.all.map(\.overflowCount) == [1])
    #expect(plan.losses.all.map(\.nanCount) == [1])
    let saturated = try edited("cast w=F8_E4M3,saturate", base: base)
    #expect(try saturated["w"]?.floats()[3] == -448)
    #expect(try saturated["w"]?.floats()[1] == 448)
    // E4M3 has no infinity: PyTorch keeps the largest number, too.
    #expect(try edited("cast w=F8_E4M3", base: base)["w"]?.floats()[1] == 448)
    #expect(try edited("cast w=F8_E4M3FNUZ", base: base)["w"]?.floats()[1].isNaN == true)
    #expect(try edited("cast w=F8_E5M2", base: base)["w"]?.floats()[1] == .infinity)
    #expect(try edited("cast w=F8_E5M2,saturate", base: base)["w"]?.floats()[1] == 57344)
  }

  @Test func `a plan is a diff, and a failed step leaves it as it was`() throws {
    var plan = SurgeryPlan(for: smallCheckpoint())
    try plan.append(SurgeryOperation(.rename, ["embed=words"]))
    try plan.append(SurgeryOperation(.drop, ["layer[2]"]))
    try plan.append(SurgeryOperation(.scale, ["layer[0].bias=2"]))
    try plan.append(SurgeryOperation(.add, ["x=F32[2]"]))
    #expect(throws: SurgeryError.self) { try plan.append(SurgeryOperation(.drop, ["zzz"])) }
    #expect(
      plan.changes.map(\.kind) == [.removed, .removed, .renamed, .changed, .added])
    #expect(plan.steps.map(\.count) == [1, 2, 1, 1])
    #expect(plan.unchangedCount == 3)
  }

  @Test func `what is planned is what is written`() throws {
    let folder = try TemporaryFolder()
    let result = try edited(
      "cast layer=BF16", "transpose layer.*.weight", "layers layer=0,0,1,2", "metadata made=here")
    for name in ["a.safetensors", "a.pt"] {
      try result.write(to: folder.path(name))
      let read = try Checkpoint.open(folder.path(name))
      #expect(try Diff(result, read).isEmpty)
      #expect(ParameterTree(read).ties.isEmpty)
    }
    #expect(try Checkpoint.open(folder.path("a.safetensors")).metadata["made"] == "here")
  }
}
