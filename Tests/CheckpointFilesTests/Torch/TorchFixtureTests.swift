import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

/// Files that PyTorch wrote, against what PyTorch says is in them.
@Suite struct TorchFixtureTests {
  static let files = [
    "dtypes.pt", "dtypes-legacy.pt", "views.pt", "views-legacy.pt", "training.pt",
    "training-legacy.pt", "protocol-4.pt", "protocol-5.pt", "one-tensor.pt", "foreign.pt",
    "module.pt", "small.pt", "deflated.pt", "big-endian.pt", "minimal.pt",
  ]

  @Test(arguments: files)
  func `a file of PyTorch opens with the tensors that PyTorch sees`(_ name: String) throws {
    let checkpoint = try Checkpoint.open(Fixtures.path("torch/" + name))
    try expectTensors(checkpoint, ExpectedTensor.all(of: name))
    #expect(checkpoint.unsupported.isEmpty)
    let isLegacy = name.contains("legacy") || name == "protocol-5.pt"
    #expect(checkpoint.format == (isLegacy ? .torchLegacy : .torchZip))
  }

  @Test(arguments: files.filter { $0 != "foreign.pt" && $0 != "module.pt" })
  func `what is written as a PyTorch file reads back the same`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Checkpoint.open(Fixtures.path("torch/" + name))
    try checkpoint.write(to: folder.file("a.pt"))
    let back = try Checkpoint.open(folder.file("a.pt"))
    try expectTensors(back, ExpectedTensor.all(of: name))
    #expect(try back.values == checkpoint.values)
    // Ties stay, and another name gives the same bytes.
    for (a, b) in zip(checkpoint.tensors.values, checkpoint.tensors.values.dropFirst()) {
      let (keyA, keyB) = (
        checkpoint.tensors.first { $0.value.storage === a.storage }?.key,
        checkpoint.tensors.first { $0.value.storage === b.storage }?.key
      )
      guard let keyA, let keyB, a.sharesStorage(with: b) else { continue }
      #expect(try #require(back[keyA]).sharesStorage(with: #require(back[keyB])))
    }
    try back.write(to: folder.file("another name.bin"))
    #expect(
      try Fixtures.bytes(folder.file("a.pt")) == Fixtures.bytes(folder.file("another name.bin")))
  }

  @Test func `values that are not tensors are listed`() throws {
    let checkpoint = try Checkpoint.open(Fixtures.path("torch/training.pt"))
    let values = Dictionary(
      uniqueKeysWithValues: try checkpoint.values.map { ($0.key.string, "\($0.type) \($0.text)") })
    #expect(values["epoch"] == "int 3")
    #expect(values["best"] == "NoneType None")
    #expect(values["rate"] == "float 0.0015")
    #expect(values["huge"] == "int 1180591620717411303424")
    #expect(values["negative"] == "int -1099511627776")
    #expect(values["raw"] == "bytes <3 bytes>")
    #expect(values["device"] == #"torch.device torch.device("cpu")"#)
    #expect(values["tuple"] == "tuple (1, (2), ())")
    #expect(values["optimizer.param_groups.0.lr"] == "float 0.001")
    #expect(checkpoint.foreignGlobals.isEmpty)
  }

  @Test func `foreign classes are named, and what writes refuses them unless asked`() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Checkpoint.open(Fixtures.path("torch/foreign.pt"))
    #expect(checkpoint.foreignGlobals == ["argparse.Namespace"])
    let error = #expect(throws: CheckpointError.self) {
      try checkpoint.write(to: folder.file("a.safetensors"))
    }
    #expect(
      error?.reason == "holds values of unknown classes: \"argparse.Namespace\"")
    #expect(error?.advice == .leaveOutForeign)
    #expect(try folder.names == [])
    try checkpoint.write(to: folder.file("a.pt"), options: WriteOptions(ignoresForeign: true))
    let back = try Checkpoint.open(folder.file("a.pt"))
    #expect(back.foreignGlobals.isEmpty)
    #expect(back.keys.map(\.string) == ["model.weight", "model.bias"])
    #expect(try back.values.isEmpty)
  }

  @Test func `tensors that cannot be read are listed with the reason`() throws {
    let checkpoint = try Checkpoint.open(Fixtures.path("torch/sparse.pt"))
    #expect(checkpoint.keys.map(\.string) == ["dense"])
    #expect(
      checkpoint.unsupported == [
        .init(key: "sparse", reason: "a sparse tensor"),
        .init(key: "quantised", reason: "a quantised tensor"),
      ])
  }

  @Test func `a new tensor goes into the dictionary whose key it begins with`() throws {
    let folder = try TemporaryFolder()
    var checkpoint = try Checkpoint.open(Fixtures.path("torch/training.pt"))
    let tensor = try #require(Tensor([1, 2], shape: [2]))
    checkpoint.tensors["model.linear.0.weight"] = tensor
    checkpoint.tensors["other.weight"] = tensor
    checkpoint.tensors["model.0.bias"] = nil
    checkpoint.tensors["list.0"] = nil
    try checkpoint.write(to: folder.file("a.pt"))
    let back = try Checkpoint.open(folder.file("a.pt"))
    let keys = back.keys.map(\.string)
    #expect(keys.filter { $0.hasPrefix("model.") }.last == "model.linear.0.weight")
    #expect(keys.last == "other.weight")
    #expect(!keys.contains("model.0.bias") && !keys.contains("list.0"))
    #expect(try back.values.first { $0.key == "list" }?.text == #"[None, "é", [True]]"#)
    #expect(try back["model.linear.0.weight"]?.floats() == [1, 2])
    // Two views of one storage are tied in the file too.
    #expect(try #require(back["other.weight"]).sharesStorage(with: tensor) == false)
    #expect(
      try #require(back["other.weight"]).sharesStorage(
        with: #require(back["model.linear.0.weight"])))
  }

  @Test func `strides are kept when asked for`() throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Checkpoint.open(Fixtures.path("torch/views.pt"))
    try checkpoint.write(to: folder.file("a.pt"))
    #expect(try Checkpoint.open(folder.file("a.pt"))["permuted"]?.isContiguous == true)
    try checkpoint.write(to: folder.file("b.pt"), options: WriteOptions(preservesStrides: true))
    let back = try Checkpoint.open(folder.file("b.pt"))
    #expect(back["permuted"]?.strides == [1, 12, 4])
    try expectTensors(back, ExpectedTensor.all(of: "views.pt"))
  }

  @Test func `metadata of safetensors survives in a PyTorch file`() throws {
    let folder = try TemporaryFolder()
    var checkpoint = Checkpoint(metadata: ["format": "pt", "é": "ü\n"])
    checkpoint.tensors["a"] = Tensor([1], shape: [])
    try checkpoint.write(to: folder.file("a.pt"))
    #expect(try Checkpoint.open(folder.file("a.pt")).metadata == checkpoint.metadata)
  }
}
