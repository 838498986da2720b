import CheckpointFiles
import Testing

/// Archives that are odd and sound, and archives that lie.
@Suite struct TorchZipTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  static let pickle = PickleBytes.file([
    ("w", PickleBytes.tensor(PickleBytes.storage("0", count: 2), size: [2], strides: [1]))
  ])
  static let elements: [UInt8] = [0, 0, 128, 63, 0, 0, 0, 64]
  var sound: ZipBytes { ZipBytes(pickle: Self.pickle, storages: [Self.elements]) }

  @Test func `the folder of the archive may have any name`() throws {
    let zip = ZipBytes(pickle: Self.pickle, storages: [Self.elements], folder: "é x")
    #expect(try use(zip.bytes, in: folder)["w"]?.floats() == [1, 2])
  }

  @Test func `64-bit ends, comments and a few bytes behind them are fine`() throws {
    var zip = sound
    zip.isWide = true
    #expect(try use(zip.bytes, in: folder)["w"]?.floats() == [1, 2])
    zip.comment = Array("a comment PK".utf8)
    #expect(try use(zip.bytes, in: folder)["w"]?.floats() == [1, 2])
    #expect(try use(zip.bytes + [1, 2, 3], in: folder)["w"]?.floats() == [1, 2])
  }

  @Test func `the version may be in the folder of what PyTorch adds itself`() throws {
    var zip = sound
    zip.records[2].name = "archive/.data/version"
    zip.records[2].bytes = Array("10".utf8)
    #expect(try use(zip.bytes, in: folder)["w"]?.floats() == [1, 2])
  }

  @Test func `a checksum of 0 was not computed, any other must be right`() throws {
    var zip = sound
    zip.records[1].crc = 1
    #expect(
      try complaint(about: zip.bytes, in: folder)
        == "the bytes are damaged: their CRC-32 is 2e3fa576, the archive says 00000001 "
        + "(record \"archive/data/0\")")
    // Listing reads no elements, so it does not care.
    _ = try Checkpoint.open(try folder.write(zip.bytes))
  }

  static let lies: [(String, @Sendable (inout ZipBytes) -> Void)] = [
    ("the archive has two records of this name", { $0.records.append($0.records[1]) }),
    ("the record is encrypted", { $0.records[1].flags = 1 }),
    ("the record is compressed by method 99, not deflate", { $0.records[1].method = 99 }),
    (
      "the record has another name in its own header",
      { $0.records[1].centralName = "archive/data/1" }
    ),
    (
      "the record's own header states another compression or encryption",
      { $0.records[1].centralMethod = 8 }
    ),
    (
      "the record's own header states another compression or encryption",
      { $0.records[1].centralFlags = 1 }
    ),
    (
      "the record's own header states 7 bytes, the archive's directory 8",
      { $0.records[1].localByteCount = 7 }
    ),
    ("the record's own header has another checksum", { $0.records[1].localCRC = 5 }),
    (
      "the record is stored, with two sizes: 8 and 9",
      {
        $0.records[1].centralByteCount = 9
        $0.records[1].localByteCount = 0xFFFF_FFFF
      }
    ),
    ("the record overlaps", { $0.records[2].centralHeaderOffset = 40 }),
    (
      "there is no record where the archive's directory states one",
      { $0.records[0].centralHeaderOffset = 3 }
    ),
    ("the record begins outside of the archive", { $0.records[2].centralHeaderOffset = 1 << 31 }),
    (
      "bytes end outside of the archive",
      {
        $0.records[2].centralByteCount = 1 << 30
        $0.records[2].centralCompressedByteCount = 1 << 30
        $0.records[2].localByteCount = 0xFFFF_FFFF
      }
    ),
    ("the archive's directory has 3 records, its end states 9", { $0.count = 9 }),
    ("is outside of the archive", { $0.directoryOffset = 1 << 31 }),
    ("is outside of the archive", { $0.directoryByteCount = 1 << 31 }),
    ("bytes between the archive's directory and its end", { $0.directoryByteCount = 60 }),
    (
      "4 bytes between the archive's directory and its end",
      { $0.betweenDirectoryAndEnd = [1, 2, 3, 4] }
    ),
    (
      "a field of the archive's directory ends outside of the directory",
      { $0.records[1].centralExtra = [1, 0, 200, 0] }
    ),
    (
      "the 64-bit sizes of the record are broken",
      {
        $0.records[1].centralByteCount = 0xFFFF_FFFF
        $0.records[1].centralExtra = [1, 0, 2, 0, 9, 9]
      }
    ),
    ("is a zip archive without data.pkl", { $0.records.removeFirst() }),
    (
      "is a TorchScript program",
      { $0.records.append(.init(name: "archive/constants.pkl", bytes: [])) }
    ),
    (
      "neither little nor big",
      { $0.records.append(.init(name: "archive/byteorder", bytes: Array("middle".utf8))) }
    ),
    ("the record of a storage is missing", { $0.records.remove(at: 1) }),
    (
      "has no record \"archive/version\", without which PyTorch does not read an archive",
      { $0.records.removeLast() }
    ),
    (
      "the version of the archive is 11; PyTorch reads 1 to 10",
      { $0.records[2].bytes = Array("11\n".utf8) }
    ),
    (
      "the version of the archive is 0; PyTorch reads 1 to 10",
      { $0.records[2].bytes = Array("0".utf8) }
    ),
    (
      "the version of the archive is \"x\", not a number",
      { $0.records[2].bytes = Array("x".utf8) }
    ),
    (
      "the name of a record leads out of the archive's folder",
      { $0.records.append(.init(name: "archive/../../up", bytes: [])) }
    ),
    (
      "the name of a record leads out of the archive's folder",
      { $0.records.append(.init(name: "/up", bytes: [])) }
    ),
    (
      "the name of a record leads out of the archive's folder",
      { $0.records.append(.init(name: "archive/..\\up", bytes: [])) }
    ),
    (
      "the record has 7 bytes, the pickle states 2 elements of FloatStorage",
      { $0.records[1].bytes.removeLast() }
    ),
    (
      "the deflated bytes are damaged",
      {
        $0.records[1].method = 8
        $0.records[1].bytes = [9, 9, 9]
        $0.records[1].centralByteCount = 8
        $0.records[1].localByteCount = 0xFFFF_FFFF
      }
    ),
    (
      "bytes claim to be a pickle of 2147483648",
      {
        $0.records[0].method = 8
        $0.records[0].centralByteCount = 1 << 31
        $0.records[0].localByteCount = 0xFFFF_FFFF
      }
    ),
  ]

  @Test func `a storage that would inflate a thousandfold is refused`() throws {
    let pickle = PickleBytes.file([
      ("w", PickleBytes.tensor(PickleBytes.storage("0", count: 1 << 26), size: [2], strides: [1]))
    ])
    var zip = ZipBytes(pickle: pickle, storages: [[1, 2, 3]])
    zip.records[1].method = 8
    zip.records[1].centralByteCount = 1 << 28
    zip.records[1].localByteCount = 0xFFFF_FFFF
    let said = try #require(try complaint(about: zip.bytes, in: folder))
    #expect(said.contains("more than a hundred times as many"))
  }

  @Test(arguments: lies.indices)
  func `an archive that lies is refused with one sentence`(_ index: Int) throws {
    let (sentence, change) = Self.lies[index]
    var zip = sound
    change(&zip)
    let said = try #require(try complaint(about: zip.bytes, in: folder), "nothing was said")
    #expect(said.contains(sentence))
    #expect(!said.contains("\n"))
  }

  @Test func `a truncated archive is refused, wherever it ends`() throws {
    let bytes = sound.bytes
    for length in bytes.indices {
      let said = try complaint(about: Array(bytes[..<length]), in: folder)
      #expect(said != nil, "\(length) bytes of \(bytes.count)")
    }
  }

  @Test func `a record as large as its bomb of zeros is inflated and no larger`() throws {
    // A stored deflate block: 01, length, complement, bytes.
    let block: [UInt8] = [1, 8, 0, 0xF7, 0xFF] + Self.elements
    var zip = sound
    zip.records[1].method = 8
    zip.records[1].bytes = block
    zip.records[1].centralByteCount = 8
    #expect(try use(zip.bytes, in: folder)["w"]?.floats() == [1, 2])
    zip.records[1].bytes = [1, 12, 0, 0xF3, 0xFF] + Self.elements + [0, 0, 0, 0]
    zip.records[1].localByteCount = 0xFFFF_FFFF
    let said = try #require(try complaint(about: zip.bytes, in: folder))
    #expect(said.contains("are more than the 8 that the archive states"))
  }
}
