import CheckpointFiles
import OrderedCollections
import ParameterSurgery
import Testing

@Suite struct FrozenProofTests {
  private func base() throws -> Checkpoint {
    var checkpoint = Checkpoint(path: "base")
    checkpoint.tensors["word"] = Tensor((0..<8).map(Float.init), shape: [4, 2])
    checkpoint.tensors["bias"] = Tensor([1, 2], shape: [2])
    checkpoint.tensors["scale"] = Tensor([1], shape: [])
    return checkpoint
  }

  @Test func `what trains may change, what is frozen may not`() throws {
    let base = try base()
    let mask = try FreezeMask(training: ["bias"], in: ParameterTree(base))
    var tuned = base
    tuned.tensors["bias"] = Tensor([5, 6], shape: [2])
    let proof = try FrozenProof(base: base, tuned: tuned, mask: mask)
    #expect(proof.holds)
    #expect(proof.provenTensors == 2)
    #expect(proof.provenBytes == 36)
    #expect(proof.changedKeys == ["bias"])
    tuned.tensors["scale"] = Tensor([1.0000001], shape: [])
    let failed = try FrozenProof(base: base, tuned: tuned, mask: mask)
    #expect(failed.violations.map(\.description) == ["\"scale\" is frozen and has changed"])
  }

  @Test func `rows beside those that train are proven one by one`() throws {
    let base = try base()
    let mask = try FreezeMask(training: ["word[1:3]"], in: ParameterTree(base))
    var tuned = base
    tuned.tensors["word"] = Tensor([0, 1, 9, 9, 9, 9, 6, 7], shape: [4, 2])
    let proof = try FrozenProof(base: base, tuned: tuned, mask: mask)
    #expect(proof.holds)
    #expect(proof.provenRows == 2)
    tuned.tensors["word"] = Tensor([0, 1, 9, 9, 9, 9, 6, 8], shape: [4, 2])
    let failed = try FrozenProof(base: base, tuned: tuned, mask: mask)
    #expect(
      failed.violations.map(\.description) == [
        "\"word\" is frozen and has changed in 1 row, the first is 3"
      ])
  }

  @Test func `a new dtype or shape and a missing key are violations`() throws {
    let base = try base()
    let mask = try FreezeMask(training: ["bias"], in: ParameterTree(base))
    var tuned = base
    tuned.tensors["bias"] = Tensor([5, 6], shape: [2, 1])
    tuned.tensors["word"] = try base.tensors["word"]?.converted(to: .bfloat16)
    tuned.tensors["scale"] = nil
    tuned.tensors["extra"] = Tensor([1], shape: [])
    let proof = try FrozenProof(base: base, tuned: tuned, mask: mask)
    #expect(
      proof.violations.map(\.description) == [
        "\"bias\" was [2], is [2, 1]", "\"scale\" is missing", "\"word\" was F32, is BF16",
      ])
    #expect(proof.unexpectedKeys == ["extra"])
  }
}
