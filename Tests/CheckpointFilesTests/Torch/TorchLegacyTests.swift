import CheckpointFiles
import EspalierTestSupport
import Testing

/// The format before zip.
@Suite struct TorchLegacyTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  typealias P = PickleBytes
  static let magic: [UInt8] = [
    0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]
  static let version: [UInt8] = [0x80, 2, 0x4D, 0xE9, 3, 0x2E]
  static let system: [UInt8] = [0x80, 2, 0x7D, 0x2E]
  static let elements: [UInt8] = [0, 0, 128, 63, 0, 0, 0, 64]

  static func storage(_ key: String, count: Int, view: [UInt8] = [0x4E]) -> [UInt8] {
    P.tuple([
      P.string("storage"), P.global("torch", "FloatStorage"), P.string(key), P.string("cpu"),
      P.integer(count), view,
    ]) + [0x51]
  }

  static func file(
    _ value: [UInt8], keys: [String] = ["7"], count: Int = 2, elements: [UInt8] = elements
  ) -> [UInt8] {
    magic + version + system + P.whole(value)
      + P.whole([0x5D, 0x28] + keys.flatMap(P.string) + [0x65])
      + little(count, 8) + elements
  }

  static let value = P.dictionary([
    ("w", P.tensor(storage("7", count: 2), size: [2], strides: [1]))
  ])

  @Test func `a file before zip opens, bytes behind it are not looked at`() throws {
    let checkpoint = try use(Self.file(Self.value) + [1, 2, 3], in: folder)
    #expect(checkpoint.format == .torchLegacy)
    #expect(try checkpoint["w"]?.floats() == [1, 2])
  }

  @Test func `a storage that is a part of another is tied to it`() throws {
    let part = Self.storage(
      "7", count: 2, view: P.tuple([P.string("8"), P.integer(1), P.integer(1)]))
    let value = P.dictionary([
      ("part", P.tensor(part, size: [1], strides: [1])),
      ("all", P.tensor(Self.storage("7", count: 2), size: [2], strides: [1])),
    ])
    let checkpoint = try use(Self.file(value), in: folder)
    #expect(try checkpoint["part"]?.floats() == [2])
    #expect(try #require(checkpoint["part"]).sharesStorage(with: #require(checkpoint["all"])))
  }

  static let broken: [(String, [UInt8])] = [
    ("is a pickle that torch.save did not write", P.start + P.string("text!") + P.stop),
    ("is of version 1002 of the old PyTorch format", magic + [0x80, 2, 0x4D, 0xEA, 3, 0x2E]),
    ("which no tensor uses", file(value, keys: ["7", "9"])),
    ("the elements of storage \"7\" are not in the file", file(value, keys: [])),
    ("storage \"7\" has 3 elements, the pickle states 2", file(value, count: 3)),
    (
      "the file is truncated: storage \"7\" needs 8 bytes, 7 are there",
      file(value, elements: Array(elements.dropLast()))
    ),
    ("is too large for a length or offset", file(value, count: -1)),
    (
      "a storage that is a part of another, outside of that one",
      file(
        P.dictionary([
          (
            "w",
            P.tensor(
              storage(
                "7", count: 2, view: P.tuple([P.string("8"), P.integer(1), P.integer(2)])),
              size: [1], strides: [1])
          )
        ]))
    ),
  ]

  @Test(arguments: broken.indices)
  func `a broken file before zip is refused with one sentence`(_ index: Int) throws {
    let (sentence, bytes) = Self.broken[index]
    let said = try #require(try complaint(about: bytes, in: folder), "nothing was said")
    #expect(said.contains(sentence))
    #expect(!said.contains("\n"))
  }

  @Test func `a truncated file before zip is refused, wherever it ends`() throws {
    let bytes = try Fixtures.bytes(Fixtures.path("torch/views-legacy.pt"))
    for length in bytes.indices {
      let said = try complaint(about: Array(bytes[..<length]), in: folder)
      #expect(said != nil, "\(length) bytes of \(bytes.count)")
    }
  }
}
