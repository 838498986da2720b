import CheckpointFiles
import OrderedCollections
import ParameterSurgery
import Testing

@Suite struct GraftTests {
  private func encoder() throws -> Checkpoint {
    var checkpoint = Checkpoint(path: "x")
    checkpoint.tensors["embeddings.word_embeddings.weight"] = Tensor(
      [Float](repeating: 0, count: 32), shape: [4, 8])
    checkpoint.tensors["other"] = Tensor([1], shape: [])
    return checkpoint
  }

  @Test func `a head is added behind everything, with the story's keys and shapes`() throws {
    let result = try Graft(head: .mlp(width: 3), labels: 2, prefix: "bert.").apply(to: encoder())
    #expect(
      Array(result.keys) == [
        "bert.embeddings.word_embeddings.weight", "other", "linear.0.weight", "linear.0.bias",
        "linear.2.weight", "linear.2.bias",
      ])
    #expect(result["linear.0.weight"]?.shape == [3, 8])
    #expect(result["linear.2.bias"]?.shape == [2])
    let linear = try Graft(head: .linear, labels: 5).apply(to: encoder())
    #expect(linear["linear.weight"]?.shape == [5, 8])
  }

  @Test func `values depend on the seed and the key alone, within nn.Linear's bounds`() throws {
    let a = try Graft(head: .mlp(width: 3), labels: 2, seed: 1).apply(to: encoder())
    let b = try Graft(head: .mlp(width: 3), labels: 7, seed: 1).apply(to: encoder())
    let c = try Graft(head: .mlp(width: 3), labels: 2, seed: 2).apply(to: encoder())
    let values = try #require(try a["linear.0.weight"]?.floats())
    #expect(try values == b["linear.0.weight"]?.floats())
    #expect(try values != c["linear.0.weight"]?.floats())
    #expect(values.allSatisfy { abs($0) <= 1 / Float(8).squareRoot() })
  }

  @Test func `nothing is overwritten`() throws {
    var taken = try encoder()
    taken.tensors["linear.bias"] = Tensor([1], shape: [])
    #expect(
      message { _ = try Graft(head: .linear, labels: 2).apply(to: taken) }
        == "x: \"linear.bias\" is there already; graft overwrites nothing")
    #expect(throws: SurgeryError.self) { try Graft.Head("mlp:0") }
    #expect(throws: SurgeryError.self) { try Graft.Head("mlp:99999999999999999999") }
  }

  @Test func `digests do not see strides or files`() throws {
    let tensor = try #require(Tensor([1, 2, 3, 4], shape: [2, 2]))
    // printf '\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40' | sha256sum
    let digest = "ad73b9acd6e4a74b2f5bb5386658ce3bb146cd040a1867646ab3b973fb6632b1"
    let whole = try TensorDigest.hexadecimal(of: tensor)
    #expect(whole == digest)
    let top = try #require(tensor.rows(0..<1))
    let bottom = try #require(tensor.rows(1..<2))
    #expect(try TensorDigest.hexadecimal(of: [top, bottom]) == whole)
  }
}
