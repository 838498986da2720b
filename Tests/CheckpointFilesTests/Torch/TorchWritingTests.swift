import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

/// PyTorch files that are written again: what is written loads, or is refused with its key. What PyTorch
/// makes of the files is compared in `interop/check_torch.py`.
@Suite struct TorchWritingTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  typealias P = PickleBytes
  static let elements: [UInt8] = (0..<6).flatMap { little(Int(Float($0).bitPattern), 4) }
  static let tensor = P.tensor(P.storage("0", count: 6), size: [2], strides: [1])
  static let foreign = P.call(P.global("argparse", "Namespace"), [])

  private func open(_ value: [UInt8]) throws -> Checkpoint {
    try use(ZipBytes(pickle: P.whole(value), storages: [Self.elements]).bytes, in: folder)
  }

  private func call(_ module: String, _ name: String, _ arguments: [UInt8]...) -> [UInt8] {
    P.call(P.global(module, name), arguments)
  }

  @Test func `values that the safe loader does not make are refused with their key`() throws {
    let values: [(String, [UInt8])] = [
      ("a value of \"builtins.bytearray\"", call("builtins", "bytearray", P.integer(1 << 40))),
      ("a value of \"torch.device\"", call("torch", "device", P.string("toaster"))),
      ("a value of \"torch.device\"", call("torch", "device", P.string("cuda:01"))),
      ("a value of \"torch.Size\"", call("torch", "Size", P.tuple([P.string("1")]))),
      (
        "a value of \"_codecs.encode\"",
        call("_codecs", "encode", P.string("hello"), P.string("rot13"))
      ),
      (
        "a value of \"torch.storage.UntypedStorage\"",
        call("torch.storage", "UntypedStorage", P.integer(1 << 40))
      ),
      ("\"torch.UntypedStorage\"", P.global("torch", "UntypedStorage")),
      ("\"torch.sparse.FloatStorage\"", P.global("torch.sparse", "FloatStorage")),
      ("a value of \"torch.Size\"", P.global("torch", "Size") + P.tuple([[0x29]]) + [0x4E, 0x92]),
      (
        "a value of \"torch._tensor._rebuild_from_type_v2\"",
        call(
          "torch._tensor", "_rebuild_from_type_v2", P.global("torch", "qint8"),
          P.global("torch", "Tensor"), [0x29], [0x7D])
      ),
      (
        "an integer of 300 bytes",
        [0x8B] + little(300, 4) + [UInt8](repeating: 1, count: 300)
      ),
    ]
    for (what, value) in values {
      let checkpoint = try open(
        P.dictionary([("w", Self.tensor), ("list", [0x5D, 0x4B, 1, 0x61] + value + [0x61])]))
      let error = #expect(throws: CheckpointError.self, "\(what)") {
        try checkpoint.write(to: folder.file("a.pt"))
      }
      #expect(
        error?.reason
          == "holds \(what), which cannot be written for torch.load(weights_only=True)")
      #expect(error?.advice == .leaveOutForeign)
      #expect(error?.key == "list.1")
      #expect(try !folder.names.contains("a.pt"))
      // The same before anything is read.
      #expect(throws: CheckpointError.self) {
        try checkpoint.checkWriting(to: folder.file("a.pt"))
      }
      try checkpoint.write(to: folder.file("b.pt"), options: WriteOptions(ignoresForeign: true))
      #expect(
        try Checkpoint.open(folder.file("b.pt")).values.map(\.text) == ["[1, None]"], "\(what)")
    }
  }

  @Test func `calls and names that the safe loader makes are kept`() throws {
    let checkpoint = try open(
      P.dictionary([
        ("w", Self.tensor), ("device", call("torch", "device", P.string("cuda"), P.integer(1))),
        ("named", call("torch", "device", P.string("cuda:1"))),
        ("size", call("torch", "Size", P.integers([1, -2]))),
        ("layout", call("torch.serialization", "_get_layout", P.string("torch.strided"))),
        ("dtype", P.global("torch", "half")), ("scheme", P.global("torch", "per_tensor_affine")),
      ]))
    try checkpoint.write(to: folder.file("a.pt"))
    #expect(
      try Checkpoint.open(folder.file("a.pt")).values.map(\.text) == [
        "torch.device(\"cuda\", 1)", "torch.device(\"cuda:1\")", "torch.Size((1, -2))",
        "torch.serialization._get_layout(\"torch.strided\")", "torch.float16",
        "torch.per_tensor_affine",
      ])
  }

  @Test func `attributes that no tensor can have are refused`() throws {
    let marked = call(
      "torch._utils", "_rebuild_parameter_with_state", Self.tensor, [0x88],
      P.global("collections", "OrderedDict") + [0x29, 0x52], P.tuple([[0x4B, 1]]))
    let checkpoint = try open(P.dictionary([("w", marked)]))
    let error = #expect(throws: CheckpointError.self) {
      try checkpoint.write(to: folder.file("a.pt"))
    }
    #expect(error?.key == "w")
    #expect(error?.reason.hasPrefix("the attributes of the tensor are a tuple") == true)
    try checkpoint.write(to: folder.file("a.pt"), options: WriteOptions(ignoresForeign: true))
    #expect(try Checkpoint.open(folder.file("a.pt"))["w"]?.floats() == [0, 1])
  }

  @Test func `a value of an unknown class is left out wherever it is`() throws {
    let cases: [([UInt8], [String], [String])] = [
      (
        P.tuple([Self.foreign, P.dictionary([("w", Self.tensor)])]), ["1.w"], ["0: None"]
      ),
      (
        P.tuple([Self.foreign, Self.foreign, Self.foreign, Self.tensor]), ["3"],
        ["0: None", "1: None", "2: None"]
      ),
      (
        P.dictionary([("x", [0x5D] + Self.foreign + [0x61, 0x4B, 3, 0x61]), ("w", Self.tensor)]),
        ["w"], ["x: [None, 3]"]
      ),
      // An object that holds a tensor becomes a dictionary of it.
      (
        P.tuple([
          Self.foreign + P.dictionary([("t", Self.tensor), ("n", [0x4B, 1])]) + [0x62], [0x4B, 2],
        ]), ["0.t"], ["0.n: 1", "1: 2"]
      ),
      // What is under a key of an unknown class stays, under its text.
      (
        [0x7D] + P.call(P.global("colours", "Colour"), [[0x4B, 1]]) + Self.tensor + [0x73],
        ["colours.Colour(1)"], []
      ),
    ]
    for (value, keys, values) in cases {
      let checkpoint = try open(value)
      try checkpoint.write(to: folder.file("a.pt"), options: WriteOptions(ignoresForeign: true))
      let back = try Checkpoint.open(folder.file("a.pt"))
      #expect(back.keys.map(\.string) == keys)
      #expect(try back.values.map { "\($0.key): \($0.text)" } == values)
      #expect(try back.tensors.values.first?.floats() == [0, 1])
    }
  }

  @Test func `a view without elements does not part those that share its storage`() throws {
    let storage = P.storage("0", count: 6)
    let checkpoint = try open(
      P.dictionary([
        ("all", P.tensor(storage, size: [6], strides: [1])),
        ("none", P.tensor(storage, size: [0], strides: [1])),
        ("nothing", P.tensor(storage, offset: 3, size: [0, 2], strides: [2, 1])),
        ("end", P.tensor(storage, offset: 3, size: [3], strides: [1])),
        ("past", P.tensor(storage, offset: 6, size: [0], strides: [1])),
      ]))
    try checkpoint.write(to: folder.file("a.pt"))
    let back = try Checkpoint.open(folder.file("a.pt"))
    #expect(Array(back.keys) == Array(checkpoint.keys))
    let all = try #require(back["all"])
    for (key, tensor) in back.tensors { #expect(tensor.storage === all.storage, "\(key)") }
    #expect(try back["end"]?.floats() == [3, 4, 5])
    #expect(back["nothing"]?.shape.dimensions == [0, 2])
  }

  @Test func `a parameter that a cast made integers requires no gradient`() throws {
    let parameter = call(
      "torch._utils", "_rebuild_parameter", Self.tensor, [0x88],
      P.global("collections", "OrderedDict") + [0x29, 0x52])
    var checkpoint = try open(P.dictionary([("w", parameter)]))
    let floating = folder.file("a.pt")
    try checkpoint.write(to: floating)
    let requires: [UInt8] = [0x88]
    #expect(try Fixtures.bytes(floating).firstRange(of: [0x52] + requires) != nil)
    checkpoint.tensors["w"] = Tensor(
      dtype: .int32, shape: [2], bytes: [UInt8](repeating: 0, count: 8))
    try checkpoint.write(to: folder.file("b.pt"))
    #expect(try Fixtures.bytes(folder.file("b.pt")).firstRange(of: [0x52] + requires) == nil)
  }

  @Test func `a new tensor does not replace a value`() throws {
    var checkpoint = try open(P.dictionary([("w", Self.tensor), ("epoch", [0x4B, 3])]))
    checkpoint.tensors["epoch"] = checkpoint.tensors["w"]
    let error = #expect(throws: CheckpointError.self) {
      try checkpoint.write(to: folder.file("a.pt"))
    }
    #expect(error?.key == "epoch")
    #expect(error?.reason == "the file has a value of this name, which a tensor would replace")
  }

  @Test func `a tuple that contains itself is refused with its key`() throws {
    // t = ([t],)
    let pickle = P.dictionary([
      ("w", Self.tensor),
      ("loop", [0x5D, 0x71, 1, 0x85, 0x71, 2, 0x68, 1, 0x68, 2, 0x61, 0x30]),
    ])
    let checkpoint = try open(pickle)
    let error = #expect(throws: CheckpointError.self) {
      try checkpoint.write(to: folder.file("a.pt"))
    }
    #expect(error?.key == "loop")
    #expect(error?.reason == "a value that contains itself cannot be written")
  }
}
