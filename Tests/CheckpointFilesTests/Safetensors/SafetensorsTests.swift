import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

@Suite struct SafetensorsTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// A file of `header` and `data`; the header's length can lie.
  static func file(_ header: String, _ data: [UInt8] = [], length: Int? = nil) -> [UInt8] {
    let text = Array(header.utf8)
    return little(length ?? text.count, 8) + text + data
  }

  @Test func `a file of the reference opens and comes out byte for byte the same`() throws {
    let path = Fixtures.path("torch/dtypes.safetensors")
    let checkpoint = try Checkpoint.open(path)
    try expectTensors(
      checkpoint, ExpectedTensor.all(of: "dtypes.safetensors"), inOrder: false)
    #expect(checkpoint.metadata == ["made by": "safetensors"])
    try checkpoint.write(to: folder.file("a.safetensors"))
    #expect(try Fixtures.bytes(folder.file("a.safetensors")) == Fixtures.bytes(path))
  }

  @Test func `a PyTorch file and back keeps keys, order, bytes and metadata`() throws {
    let checkpoint = try Checkpoint.open(Fixtures.path("torch/dtypes.safetensors"))
    try checkpoint.write(to: folder.file("a.pt"))
    try Checkpoint.open(folder.file("a.pt")).write(to: folder.file("b.safetensors"))
    #expect(
      try Fixtures.bytes(folder.file("b.safetensors"))
        == Fixtures.bytes(Fixtures.path("torch/dtypes.safetensors")))
  }

  static let accepted: [(String, [UInt8])] = [
    ("no tensors", file("{}")),
    ("no tensors, no metadata", file("{\"__metadata__\":null}")),
    ("space around", file(" \n{} \t  ")),
    ("a scalar", file(#"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, [0, 0, 0, 0])),
    ("nothing in a tensor", file(#"{"a":{"dtype":"F32","shape":[0,9],"data_offsets":[0,0]}}"#)),
    (
      "another order than that of the data",
      file(
        #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"b":{"data_offsets":[0,1],"shape":[1],"dtype":"U8"}}"#,
        [1, 2])
    ),
    (
      "unknown fields",
      file(#"{"a":{"dtype":"U8","shape":[1],"x":[{"y":null}],"data_offsets":[0,1]}}"#, [1])
    ),
    (
      "two four-bit numbers in a byte",
      file(#"{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}"#, [0x21])
    ),
    ("escapes in names", file(#"{"a\u0000\n😀":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#)),
  ]

  @Test(arguments: accepted.indices)
  func `what the reference accepts opens`(_ index: Int) throws {
    try use(Self.accepted[index].1, in: folder)
  }

  private static func one(_ body: String, _ data: [UInt8] = [0, 0, 0, 0]) -> [UInt8] {
    file("{\"a\":{\(body)}}", data)
  }

  static let refused: [(String, [UInt8])] = [
    ("begins with 8 bytes of header length, this file has 0 bytes", []),
    ("begins with 8 bytes of header length, this file has 7 bytes", [1, 2, 3, 4, 5, 6, 7]),
    ("claims 18446744073709551615 bytes", file("{}", length: -1)),
    ("claims 100000001 bytes", file("{}", length: 100_000_001)),
    ("the header claims 3 bytes, the file has 2 after its length", file("{}", length: 3)),
    ("", file("")),
    ("expected", file("{]")),
    ("text after the end of the header", file("{}{}")),
    ("text after the end of the header", file("{}\0")),
    ("1 bytes after the last tensor", file("{}", [1])),
    ("dtype is missing", one(#""shape":[1],"data_offsets":[0,4]"#)),
    ("shape is missing", one(#""dtype":"F32","data_offsets":[0,4]"#)),
    ("data_offsets is missing", one(#""dtype":"F32","shape":[1]"#)),
    ("unknown dtype \"F33\"", one(#""dtype":"F33","shape":[1],"data_offsets":[0,4]"#)),
    ("dtype is duplicated", one(#""dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]"#)),
    (
      "F32 [2] needs 8 bytes, data_offsets give it 4",
      one(#""dtype":"F32","shape":[2],"data_offsets":[0,4]"#)
    ),
    (
      "the data ends at 0, before it begins at 4",
      one(#""dtype":"F32","shape":[1],"data_offsets":[4,0]"#)
    ),
    (
      "no tensor holds the data bytes 0..<4",
      one(#""dtype":"F32","shape":[1],"data_offsets":[4,8]"#)
    ),
    (
      "the file is truncated: its tensors need 4 bytes, 3 are there",
      one(#""dtype":"F32","shape":[1],"data_offsets":[0,4]"#, [1, 2, 3])
    ),
    (
      "the shape has more elements than can be counted",
      one(#""dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]"#)
    ),
    (
      "not a whole number of bytes that can be counted",
      one(#""dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,4]"#)
    ),
    (
      "not a whole number of bytes that can be counted",
      one(#""dtype":"F4","shape":[3],"data_offsets":[0,4]"#)
    ),
    ("", one(#""dtype":"F32","shape":[-1],"data_offsets":[0,4]"#)),
    ("", one(#""dtype":"F32","shape":[1.0],"data_offsets":[0,4]"#)),
    ("", one(#""dtype":"F32","shape":[01],"data_offsets":[0,4]"#)),
    ("", one(#""dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]"#)),
    ("is not a string", file(#"{"__metadata__":{"a":1}}"#)),
    ("is duplicated in __metadata__", file(#"{"__metadata__":{"a":"1","a":"2"}}"#)),
    ("__metadata__ is duplicated", file(#"{"__metadata__":{},"__metadata__":{}}"#)),
    (
      "the key is duplicated in the header",
      file(
        #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
        [1, 2])
    ),
    (
      "inside the tensor before it, which ends at 2",
      file(
        #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
        [1, 2])
    ),
    ("", little(3, 8) + [0x7B, 0xC0, 0x7D]),
    ("", file(#"{"\ud83d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#)),
    ("", file("{\"a\":" + String(repeating: "[", count: 100_000))),
    ("", file(#"{"a":{"x":"# + String(repeating: "[", count: 100_000))),
  ]

  @Test(arguments: refused.indices)
  func `what the format forbids is refused with one sentence`(_ index: Int) throws {
    let (sentence, bytes) = Self.refused[index]
    let said = try #require(try complaint(about: bytes, in: folder), "nothing was said")
    #expect(sentence.isEmpty || said.contains(sentence))
    #expect(!said.contains("\n"))
  }

  @Test func `a truncated file is refused, wherever it ends`() throws {
    let bytes = try Fixtures.bytes(Fixtures.path("torch/dtypes.safetensors"))
    for length in bytes.indices {
      let said = try complaint(about: Array(bytes[..<length]), in: folder)
      #expect(said != nil, "\(length) bytes of \(bytes.count)")
    }
  }

  @Test func `a name for metadata is no name for a tensor`() throws {
    var checkpoint = Checkpoint()
    checkpoint.tensors["__metadata__"] = Tensor([1], shape: [1])
    #expect(throws: CheckpointError.self) { try checkpoint.write(to: folder.file("a.safetensors")) }
    #expect(try folder.names == [])
  }

  @Test func `a dtype that only PyTorch has is refused by name`() throws {
    var checkpoint = Checkpoint()
    checkpoint.tensors["z"] = Tensor(
      dtype: .complex128, shape: [1], bytes: [UInt8](repeating: 0, count: 16))
    let error = #expect(throws: CheckpointError.self) {
      try checkpoint.write(to: folder.file("a.safetensors"))
    }
    #expect(error?.key == "z")
    try checkpoint.write(to: folder.file("a.pt"))
  }
}
