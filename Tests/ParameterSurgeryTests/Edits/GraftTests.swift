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

  @Test func `a head is added after everything else, with the keys and shapes of the story`() throws
  {
    let result = try encoder().grafting(Graft(head: .mlp(width: 3), labels: 2, prefix: "bert."))
    #expect(
      Array(result.keys) == [
        "bert.embeddings.word_embeddings.weight", "other", "linear.0.weight", "linear.0.bias",
        "linear.2.weight", "linear.2.bias",
      ])
    #expect(result["linear.0.weight"]?.shape == [3, 8])
    #expect(result["linear.2.bias"]?.shape == [2])
    let linear = try encoder().grafting(Graft(head: .linear, labels: 5))
    #expect(linear["linear.weight"]?.shape == [5, 8])
  }

  @Test func `values depend only on the seed and the key, within the bounds of nn.Linear`() throws {
    let a = try encoder().grafting(Graft(head: .mlp(width: 3), labels: 2, seed: 1))
    let b = try encoder().grafting(Graft(head: .mlp(width: 3), labels: 7, seed: 1))
    let c = try encoder().grafting(Graft(head: .mlp(width: 3), labels: 2, seed: 2))
    let values = try #require(try a["linear.0.weight"]?.floats())
    #expect(try values == b["linear.0.weight"]?.floats())
    #expect(try values != c["linear.0.weight"]?.floats())
    #expect(values.allSatisfy { abs($0) <= 1 / Float(8).squareRoot() })
  }

  @Test func `the head of a class has normal weights, zero biases and a pooler where it needs one`()
    throws
  {
    let layers = Graft.Layers(
      dense: "classifier.dense", output: "classifier.out_proj", pooler: "roberta.pooler.dense",
      deviation: 0.02)
    let model = try encoder().grafting(
      Graft(head: .classifier(layers), labels: 3, hiddenSize: 64))
    #expect(
      Array(model.keys.dropFirst(2)) == [
        "roberta.pooler.dense.weight", "roberta.pooler.dense.bias", "classifier.dense.weight",
        "classifier.dense.bias", "classifier.out_proj.weight", "classifier.out_proj.bias",
      ])
    #expect(model["classifier.out_proj.weight"]?.shape == [3, 64])
    let values = try #require(try model["classifier.dense.weight"]?.floats())
    let mean = values.reduce(0, +) / Float(values.count)
    let deviation = (values.reduce(0) { $0 + $1 * $1 } / Float(values.count)).squareRoot()
    #expect(abs(mean) < 0.002)
    #expect(abs(deviation - 0.02) < 0.001)
    #expect(try model["classifier.dense.bias"]?.floats().allSatisfy { $0 == 0 } == true)
    var pooled = try encoder()
    pooled.tensors["roberta.pooler.dense.weight"] = Tensor([1], shape: [])
    let kept = try pooled.grafting(Graft(head: .classifier(layers), labels: 3, hiddenSize: 8))
    #expect(try kept["roberta.pooler.dense.weight"]?.floats() == [1])
  }

  @Test func `errors of a graft can be told apart by their kind`() throws {
    func kind(_ graft: Graft, _ checkpoint: Checkpoint) -> SurgeryError.Kind? {
      #expect(throws: SurgeryError.self) { try checkpoint.grafting(graft) }?.kind
    }
    var taken = try encoder()
    taken.tensors["linear.bias"] = Tensor([1], shape: [])
    #expect(kind(Graft(head: .linear, labels: 2), taken) == .duplicateKey)
    #expect(kind(Graft(head: .linear, labels: 0), try encoder()) == .invalidArgument)
    let other = try checkpoint(["w": [1]])
    #expect(kind(Graft(head: .linear, labels: 2), other) == .tensorMismatch)
    #expect(kind(Graft(head: .linear, labels: 2, prefix: "bert."), other) == .matchesNothing)
  }

  @Test func `nothing is overwritten`() throws {
    var taken = try encoder()
    taken.tensors["linear.bias"] = Tensor([1], shape: [])
    #expect(
      message { _ = try taken.grafting(Graft(head: .linear, labels: 2)) }
        == "x: \"linear.bias\" already exists; a graft overwrites nothing")
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
