import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

@Suite struct ShardedTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  static let sharded = Fixtures.path("bert-tiny-sharded")

  @Test func `a folder with an index opens as one checkpoint`() throws {
    let whole = try Checkpoint.open(Fixtures.path("bert-tiny"))
    let checkpoint = try Checkpoint.open(Self.sharded)
    #expect(checkpoint.format == .sharded)
    #expect(whole.format == .safetensors)
    #expect(Set(checkpoint.keys) == Set(whole.keys))
    #expect(
      checkpoint.shard(of: "embeddings.word_embeddings.weight")
        == "model-00001-of-00002.safetensors")
    for (key, tensor) in checkpoint.tensors {
      #expect(try tensor.bytes() == whole[key]?.bytes())
    }
    let index = try Checkpoint.open(Self.sharded + "/model.safetensors.index.json")
    #expect(index.keys == checkpoint.keys)
  }

  @Test(arguments: ["model.safetensors", "pytorch_model.bin"])
  func `shards that are written read back, in order`(_ name: String) throws {
    let checkpoint = try Checkpoint.open(Fixtures.path("bert-tiny-old"))
    try checkpoint.write(
      to: folder.file(name), options: WriteOptions(shardByteCount: 50_000))
    let back = try Checkpoint.open(folder.path)
    #expect(back.format == .sharded)
    #expect(Set(back.keys.compactMap { back.shard(of: $0) }).count > 2)
    #expect(Set(back.keys) == Set(checkpoint.keys))
    for (key, tensor) in back.tensors {
      #expect(try tensor.bytes() == checkpoint[key]?.bytes())
    }
    // Tied tensors are in one shard.
    #expect(
      back.shard(of: "cls.predictions.decoder.weight")
        == back.shard(of: "bert.embeddings.word_embeddings.weight"))
  }

  @Test func `neighbours in one storage need not be in one shard, what overlaps does`() throws {
    let storage = TensorStorage([UInt8](repeating: 1, count: 400))
    var checkpoint = Checkpoint()
    for index in 0..<10 {
      checkpoint.tensors[Key("t\(index)")] = Tensor(
        dtype: .float32, shape: [10], storage: storage, byteOffset: 40 * index)
    }
    checkpoint.tensors["over"] = Tensor(
      dtype: .float32, shape: [10], storage: storage, byteOffset: 20)
    for name in ["model.safetensors", "pytorch_model.bin"] {
      let folder = try TemporaryFolder()
      try checkpoint.write(to: folder.file(name), options: WriteOptions(shardByteCount: 130))
      let back = try Checkpoint.open(folder.path)
      #expect(Set(back.keys.compactMap { back.shard(of: $0) }).count == 4)
      #expect(Set(["t0", "t1", "over"].map { back.shard(of: $0) }).count == 1)
    }
  }

  @Test func `what fits one file is one file`() throws {
    let checkpoint = try Checkpoint.open(Fixtures.path("bert-tiny"))
    try checkpoint.write(
      to: folder.file("model.safetensors"), options: WriteOptions(shardByteCount: 1 << 30))
    #expect(try folder.names == ["model.safetensors"])
  }

  @Test func `shards do not replace the shards that they are read from`() throws {
    let checkpoint = try Checkpoint.open(Fixtures.path("bert-tiny"))
    let options = WriteOptions(shardByteCount: 50_000)
    try checkpoint.write(to: folder.file("model.safetensors"), options: options)
    let before = try folder.names
    let back = try Checkpoint.open(folder.path)
    #expect(throws: CheckpointError.self) {
      try back.write(to: folder.file("model.safetensors"), options: options)
    }
    #expect(try folder.names == before)
    var inPlace = options
    inPlace.inPlace = true
    try back.write(to: folder.file("model.safetensors"), options: inPlace)
    // New shards have new names, so that a reader finds the old checkpoint or the new one.
    #expect(
      try folder.names
        == before.map { $0.hasPrefix("model-") ? "model-v2-" + $0.dropFirst("model-".count) : $0 }
        .sorted())
  }

  private func complaint(_ index: String) throws -> String {
    try folder.write(
      Fixtures.bytes(Self.sharded + "/model-00001-of-00002.safetensors"), "a.safetensors")
    let path = try folder.write(Array(index.utf8), "model.safetensors.index.json")
    let error = try #require(
      #expect(throws: CheckpointError.self) { try Checkpoint.open(path) })
    return error.reason
  }

  @Test func `an index that lies is refused`() throws {
    #expect(try complaint("{}").contains("is JSON without weight_map"))
    #expect(try complaint(#"{"weight_map":{"a":1}}"#) == "weight_map does not name a file")
    #expect(
      try complaint(#"{"weight_map":{"a":"../a.safetensors"}}"#)
        .contains("which is not a file below the index"))
    #expect(
      try complaint(#"{"weight_map":{"a":"/etc/passwd"}}"#)
        .contains("which is not a file below the index"))
    #expect(
      try complaint(#"{"weight_map":{"nobody":"a.safetensors"}}"#)
        == "the index says that \"a.safetensors\" holds it, but it does not")
    #expect(
      try complaint(#"{"weight_map":{"a":"b.safetensors"}}"#)
        == "cannot open: No such file or directory")
    #expect(
      try complaint(#"{"weight_map":{"a":"a.safetensors","a":"a.safetensors"}}"#)
        == "the key is duplicated in the index")
    #expect(
      try complaint(#"{"weight_map":{"a":"a.safetensors","b":"./a.safetensors"}}"#)
        == "weight_map names one file twice: \"a.safetensors\" and \"./a.safetensors\"")
  }

  /// Keys of a file that stand apart, other than in its header, or are spelled with escapes.
  @Test(arguments: [
    ["a", "b", "c", "d", "e"], ["e", "c", "a", "d", "b"], ["b", "d", "a", "c", "e"],
  ])
  func `the order is that of the index, whatever that of the files`(_ order: [String]) throws {
    let files = ["x.safetensors": ["a", "c", "e"], "y.safetensors": ["d", "b"]]
    var names: [String: String] = [:]
    for (file, keys) in files {
      var part = Checkpoint()
      for key in keys {
        part.tensors[Key(key)] = Tensor([Float(key.utf8.first ?? 0)], shape: [1])
        names[key] = file
      }
      try part.write(to: folder.file(file))
    }
    let entries = order.map { key in
      let spelled = key == "d" ? "\\u0064" : key
      return "\"\(spelled)\":\"\(names[key] ?? "")\""
    }
    try folder.write(
      Array("{\"weight_map\":{\(entries.joined(separator: ","))}}".utf8),
      "model.safetensors.index.json")
    let checkpoint = try Checkpoint.open(folder.path)
    #expect(checkpoint.keys.map(\.string) == order)
    #expect(checkpoint.unsupported.isEmpty)
    for (key, tensor) in checkpoint.tensors {
      #expect(tensor.shardName == names[key.string])
      #expect(try tensor.floats() == [Float(key.string.utf8.first ?? 0)])
    }
  }

  @Test func `a tensor in another file than the index says is an error that names both`() throws {
    for name in ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] {
      try folder.write(Fixtures.bytes(Self.sharded + "/" + name), name)
    }
    let index = String(
      decoding: try Fixtures.bytes(Self.sharded + "/model.safetensors.index.json"), as: UTF8.self)
    let right = #""embeddings.LayerNorm.bias": "model-00001"#
    #expect(index.contains(right))
    try folder.write(
      Array(index.replacing(right, with: right.dropLast() + "2").utf8),
      "model.safetensors.index.json")
    let error = try #require(
      #expect(throws: CheckpointError.self) { try Checkpoint.open(folder.path) })
    #expect(error.key == "embeddings.LayerNorm.bias")
    #expect(
      error.reason
        == "the index says that \"model-00002-of-00002.safetensors\" holds it, but it does not; "
        + "it is in \"model-00001-of-00002.safetensors\"")
  }

  @Test func `what the index does not name is listed and not read`() throws {
    try folder.write(
      Fixtures.bytes(Self.sharded + "/model-00001-of-00002.safetensors"), "a.safetensors")
    try folder.write(Array("junk".utf8), "extra.safetensors")
    try folder.write(
      Array(#"{"weight_map":{"embeddings.LayerNorm.bias":"a.safetensors"}}"#.utf8),
      "model.safetensors.index.json")
    let checkpoint = try Checkpoint.open(folder.path)
    #expect(checkpoint.keys == ["embeddings.LayerNorm.bias"])
    #expect(checkpoint.unsupported.count == 4)
    #expect(
      checkpoint.unsupported.first?.reason
        == "is in \"a.safetensors\", and the index does not name it")
  }

  @Test func `a folder without a checkpoint, or with two, says so`() throws {
    #expect(throws: CheckpointError.self) { try Checkpoint.open(folder.path) }
    for name in ["one.safetensors", "two.safetensors"] {
      try folder.write(Fixtures.bytes(Fixtures.path("torch/dtypes.safetensors")), name)
    }
    let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(folder.path) }
    #expect(
      error?.reason == "has 2 files that end with .safetensors, \"one.safetensors\" and "
        + "\"two.safetensors\" among them, and no index; name one")
  }
}
