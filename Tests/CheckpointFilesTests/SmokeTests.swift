import CheckpointFiles
import OrderedCollections
import Testing

@Suite struct SmokeTests {
  @Test func `what is written reads back`() throws {
    let path = "/tmp/espalier-smoke-\(UInt64.random(in: 0 ... .max)).safetensors"
    var checkpoint = Checkpoint()
    checkpoint.metadata["format"] = "pt"
    checkpoint.tensors["b"] = Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
    checkpoint.tensors["a"] = Tensor(dtype: .int64, shape: [1], bytes: [1, 0, 0, 0, 0, 0, 0, 0])
    try checkpoint.write(to: path)
    let back = try Checkpoint.open(path)
    #expect(back.keys.map(\.string) == ["b", "a"])
    #expect(try back["b"]?.floats() == [1, 2, 3, 4, 5, 6])
    #expect(try back["a"]?.floats() == [1])
    #expect(
      try back["b"]?.converted(to: .float16).converted(to: .float64).floats() == [1, 2, 3, 4, 5, 6])
    #expect(throws: CheckpointError.self) { try back.write(to: path) }
    try back.write(to: path, options: WriteOptions(inPlace: true))
  }
}
