import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import ParameterSurgery
import Testing

@Suite struct CheckpointDeltaTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Writes everything, makes the delta, puts it back, and compares the bytes of the files.
  private func delta(from base: Checkpoint, to tuned: Checkpoint) throws -> CheckpointDelta {
    let names = ["base", "tuned", "delta", "again"].map { folder.path($0 + ".safetensors") }
    try base.write(to: names[0])
    try tuned.write(to: names[1])
    let made = try CheckpointDelta(from: Checkpoint.open(names[0]), to: Checkpoint.open(names[1]))
    try made.checkpoint.write(to: names[2])
    let read = try CheckpointDelta(reading: Checkpoint.open(names[2]))
    try Checkpoint.open(names[0]).applying(read).write(to: names[3])
    #expect(try Fixtures.bytes(names[3]) == Fixtures.bytes(names[1]))
    #expect(read.rows == made.rows)
    return made
  }

  @Test func `a head, rows, another order and what went come back byte for byte`() throws {
    let base = smallCheckpoint()
    var tuned = try edited("drop layer.2", "metadata made=here")
    tuned.tensors["embed"] = Tensor([0, 1, 2, 3, 9, 9, 6, 7], shape: [4, 2])
    tuned.tensors["layer.0.bias"] = Tensor([5, 5, 5], shape: [3])
    let weight = tuned.tensors.removeValue(forKey: "layer.1.weight")
    tuned.tensors["layer.1.weight"] = weight
    tuned.tensors["linear.weight"] = Tensor([1, 2], shape: [2, 1])
    let delta = try delta(from: base, to: tuned)
    #expect(delta.wholeKeys == ["layer.0.bias", "linear.weight"])
    #expect(delta.rows == ["embed": RowSet([2..<3])])
  }

  @Test func `names of one tensor are names of one tensor again`() throws {
    let base = smallCheckpoint()
    var tuned = base
    tuned.tensors["embed"] = Tensor([9, 9, 9, 9, 9, 9, 9, 9], shape: [4, 2])
    tuned.tensors["head"] = tuned["embed"]
    let made = try CheckpointDelta(from: base, to: tuned)
    let again = try base.applying(CheckpointDelta(reading: made.checkpoint))
    #expect(ParameterTree(again).ties == [["embed", "head"]])
    #expect(try again["head"]?.floats() == tuned["head"]?.floats())
    var damaged = made.checkpoint
    damaged.metadata["tied"] = #"[["embed", "layer.0.bias"]]"#
    #expect(
      message { _ = try base.applying(CheckpointDelta(reading: damaged)) }
        == ": `tied` states that \"layer.0.bias\" is \"embed\", which has another dtype or shape")
    damaged.metadata["tied"] = #"[["embed"]]"#
    #expect(
      message { _ = try CheckpointDelta(reading: damaged) }
        == ": the metadata `tied` of the delta is not valid")
  }

  @Test(arguments: ["pytorch_model.bin", "model.safetensors", "shards"])
  func `an older delta does not hide a whole model, whatever its format`(_ name: String) throws {
    let model = try TemporaryFolder()
    let base = try checkpoint(["w": [1], "v": [1]])
    try base.write(to: model.path("model.delta.safetensors"))
    let tuned = try checkpoint(["w": [2], "v": [2]])
    try tuned.write(
      to: model.path(name == "shards" ? "model.safetensors" : name),
      options: WriteOptions(shardByteCount: name == "shards" ? 4 : nil))
    #expect(try Checkpoint.open(model.path, over: base)["w"]?.floats() == [2])
  }

  @Test func `names that changed cost nothing`() throws {
    let delta = try delta(from: smallCheckpoint(), to: try edited("add-prefix bert."))
    #expect(delta.checkpoint.tensors.isEmpty)
    #expect(delta.renamed.count == 7)
  }

  @Test func `minus zero is a change, and the same checkpoint is none`() throws {
    let base = try checkpoint(["w": [0, 1]])
    #expect(try delta(from: base, to: base).checkpoint.tensors.isEmpty)
    #expect(try delta(from: base, to: try checkpoint(["w": [-0.0, 1]])).wholeKeys == ["w"])
  }

  @Test func `another base is refused`() throws {
    let delta = try delta(from: smallCheckpoint(), to: try edited("drop layer.2"))
    let other = try edited("scale embed[0]=2")
    let sentence = message { _ = try other.applying(delta) }
    #expect(sentence.hasPrefix("small: is not the base of this delta: its SHA-256 is "))
  }

  @Test func `a file that is no delta, or a damaged one, is refused`() throws {
    #expect(throws: SurgeryError.self) { try CheckpointDelta(reading: smallCheckpoint()) }
    var tuned = smallCheckpoint()
    tuned.tensors["embed"] = Tensor([0, 1, 2, 3, 9, 9, 6, 7], shape: [4, 2])
    let good = try CheckpointDelta(from: smallCheckpoint(), to: tuned).checkpoint
    for (name, value) in [
      ("rows", "{\"embed\":[[2,99999999999]]}"), ("rows", "{\"embed\":[[-1,0]]}"),
      ("rows", "{\"embed\":[[3,2]]}"), ("rows", "["), ("keys", "[\"a\",\"a\"]"), ("keys", "[]"),
      ("rows", "{\"zz\":[[0,1]]}"), ("renamed", "{\"embed\":3}"), ("espalier-delta", "2"),
    ] {
      var bad = good
      bad.metadata[Key(name)] = value
      #expect(throws: SurgeryError.self, "\(name) \(value)") {
        try smallCheckpoint().applying(CheckpointDelta(reading: bad))
      }
    }
    // Rows that the base does not have.
    var beyond = good
    beyond.metadata["rows"] = "{\"embed\":[[7,8]]}"
    #expect(throws: (any Error).self) {
      try smallCheckpoint().applying(CheckpointDelta(reading: beyond))
    }
  }
}
