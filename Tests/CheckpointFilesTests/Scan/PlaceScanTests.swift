import CheckpointFiles
import EspalierTestSupport
import Foundation
import Testing

/// Where loaders look: records, arrays, members, ends of files, folders.
@Suite struct PlaceScanTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  typealias P = PickleBytes
  static let evil = P.whole(ScanReportTests.payloads[0].1)
  static let text = Array("cos\nsystem\n(S'true'\ntR.".utf8)

  private func scan(_ bytes: [UInt8], _ name: String = "file") throws -> ScanReport {
    try #require(try ScanReport.scan(try folder.write(bytes, name)).first)
  }

  private func expectDanger(
    _ bytes: [UInt8], _ name: String = "os.system",
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let report = try scan(bytes)
    #expect(report.severity == .danger, sourceLocation: sourceLocation)
    #expect(
      report.globals.contains { $0.name == name && $0.severity == .danger },
      "\(report.globals) \(report.findings)", sourceLocation: sourceLocation)
  }

  static func sound(_ others: [ZipBytes.Record] = []) -> ZipBytes {
    var zip = ZipBytes(pickle: TorchZipTests.pickle, storages: [TorchZipTests.elements])
    zip.records += others
    return zip
  }

  @Test(arguments: [
    "archive/data/extra.pkl", "archive/data/7", "archive/sub/data/x", "archive/data/data.pkl",
    "archive/.data/notes.txt", "archive/constants.pkl", "archive/byteorder", "x/data.pkl",
  ])
  func `every record is looked at, whatever it is called`(_ name: String) throws {
    for payload in [Self.evil, Self.text, [0x4E, 0x30] + Self.text] {
      try expectDanger(Self.sound([.init(name: name, bytes: payload)]).bytes)
    }
  }

  @Test func `a pickle with a wrong checksum is looked at, for PyTorch does not check`() throws {
    var zip = ZipBytes(pickle: Self.evil)
    zip.records[0].crc = 7
    try expectDanger(zip.bytes)
  }

  @Test func `a storage whose elements are a pickle is looked at`() throws {
    let pickle = P.file([
      (
        "x",
        P.tensor(
          P.storage("0", count: Self.text.count, type: ("torch", "ByteStorage")), size: [1],
          strides: [1])
      )
    ])
    try expectDanger(ZipBytes(pickle: pickle, storages: [Self.text]).bytes)
  }

  @Test func `an archive inside of the archive is looked at`() throws {
    let inner = ZipBytes(pickle: Self.evil).bytes
    try expectDanger(Self.sound([.init(name: "archive/data/inner", bytes: inner)]).bytes)
    let deep = Self.sound([.init(name: "archive/x", bytes: inner)]).bytes
    let report = try scan(Self.sound([.init(name: "archive/y", bytes: deep)]).bytes)
    #expect(report.globals.map(\.record).contains("archive/y!archive/x!archive/data.pkl"))
    // One in the other without end is not followed without end.
    var nested = inner
    for _ in 0..<8 { nested = Self.sound([.init(name: "archive/z", bytes: nested)]).bytes }
    #expect(
      try scan(nested).findings.contains { $0.text.contains("nested too deeply to be examined") })
  }

  /// The five pickles of the format before zip.
  static var pickles: [[UInt8]] {
    [
      TorchLegacyTests.magic, TorchLegacyTests.version, TorchLegacyTests.system,
      P.whole(TorchLegacyTests.value), P.whole([0x5D]),
    ]
  }

  static func array(_ descriptor: String, _ payload: [UInt8]) -> [UInt8] {
    let header = Array("{'descr': \(descriptor), 'fortran_order': False, 'shape': (1,), }\n".utf8)
    return [0x93] + Array("NUMPY".utf8) + [1, 0] + little(header.count, 2) + header + payload
  }

  @Test(arguments: ["'|O'", "'|\\x4f'", "[('a', '|O')]", "'<f4'"])
  func `the pickle of an array of objects is looked at`(_ descriptor: String) throws {
    try expectDanger(Self.array(descriptor, Self.evil))
    try expectDanger(
      ZipBytes([.init(name: "a.npy", bytes: Self.array(descriptor, Self.evil))]).bytes)
  }

  @Test func `an array of numbers is no danger`() throws {
    let numbers = Self.array("'<f4'", [0, 0, 0, 0])
    #expect(try scan(numbers).format == "npy")
    #expect(try scan(numbers).severity == .note)
    let archive = try scan(ZipBytes([.init(name: "a.npy", bytes: numbers)]).bytes)
    #expect(archive.format == "npz")
    #expect(archive.severity == .note)
  }

  @Test(arguments: 0..<5)
  func `each of the five pickles of the old format is looked at`(_ place: Int) throws {
    var pickles = Self.pickles
    pickles[place] = Self.evil
    try expectDanger(pickles.flatMap { $0 })
  }

  @Test func `the old format of another version is odd, as for ls`() throws {
    var pickles = Self.pickles
    pickles[1] = P.whole(P.integer(1002))
    let report = try scan(pickles.flatMap { $0 })
    #expect(
      report.findings.contains { $0.severity == .warning && $0.text.contains("version 1002") })
  }

  // MARK: Several formats in one file

  static func tar(_ members: [(String, [UInt8])], first: [UInt8]? = nil) -> [UInt8] {
    var out: [UInt8] = []
    for (name, bytes) in members {
      var block = [UInt8](repeating: 0, count: 512)
      func put(_ text: [UInt8], _ place: Int) {
        block.replaceSubrange(place..<place + text.count, with: text)
      }
      put(out.isEmpty ? first ?? Array(name.utf8) : Array(name.utf8), 0)
      let size = String(bytes.count, radix: 8)
      put(Array((String(repeating: "0", count: 11 - size.count) + size).utf8), 124)
      put([UInt8(ascii: "0")], 156)
      put(Array("        ".utf8), 148)
      let sum = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
      put(Array((String(repeating: "0", count: 6 - sum.count) + sum).utf8) + [0], 148)
      out += block + bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
    }
    return out + [UInt8](repeating: 0, count: 1024)
  }

  @Test func `a tar archive is looked at as torch reads it`() throws {
    let none = P.whole(P.integer(0))
    for (name, bytes) in [
      ("storages", Self.evil), ("storages", none + Self.evil), ("tensors", Self.evil),
      ("pickle", Self.evil), ("other", ZipBytes(pickle: Self.evil).bytes),
    ] {
      try expectDanger(Self.tar([("sys_info", P.whole([0x7D])), (name, bytes)]))
    }
    #expect(try scan(Self.tar([("notes.txt", Array("text".utf8))])).severity == .warning)
  }

  @Test func `a stream of pickles that is a tar archive, too, is looked at as both`() throws {
    let stream = Self.pickles.flatMap { $0 }
    let bytes = Self.tar([("x", []), ("storages", Self.evil)], first: Array(stream.prefix(100)))
    try expectDanger(bytes)
  }

  @Test func `an empty zip archive that is a tar archive, too, is looked at as both`() throws {
    let tar = Self.tar(
      [("x", []), ("pickle", Self.evil)],
      first: [0x50, 0x4B, 5, 6] + [UInt8](repeating: 0, count: 12))
    let offset = (0..<4).map { UInt8(truncatingIfNeeded: tar.count >> (8 * $0)) }
    let end = [0x50, 0x4B, 5, 6] + [UInt8](repeating: 0, count: 12) + offset + [0, 0]
    try expectDanger(tar + end)
  }

  @Test func `a safetensors file that is something else, too, is dangerous`() throws {
    // The length of the header, 0x56, is UNICODE; the line ends in the tensor, where a pickle follows.
    let payload = [0x0A, 0x30] + ScanReportTests.payloads[0].1 + P.stop
    var header = Array(
      #"{"w":{"dtype":"U8","shape":[\#(payload.count)],"data_offsets":[0,\#(payload.count)]}}"#.utf8
    )
    header += [UInt8](repeating: 0x20, count: 0x56 - header.count)
    let pickle = try scan(little(0x56, 8) + header + payload)
    #expect(pickle.format == "safetensors")
    #expect(pickle.severity == .danger)
    #expect(pickle.globals.map(\.name) == ["os.system"])

    let zip = ZipBytes([.init(name: "x/data.pkl", bytes: Self.evil)]).bytes
    let data =
      little(header.count, 8)
      + Array(
        #"{"w":{"dtype":"U8","shape":[\#(zip.count)],"data_offsets":[0,\#(zip.count)]}}"#.utf8)
    let padded = data + [UInt8](repeating: 0x20, count: max(0, 8 + header.count - data.count))
    #expect(try scan(padded + zip).severity == .danger)
  }

  @Test func `two ends of an archive are refused by ls and dangerous to scan`() throws {
    let sound = ZipBytes(pickle: TorchZipTests.pickle, storages: [TorchZipTests.elements])
    var outer = sound
    var other = ZipBytes(pickle: Self.evil).bytes
    // The inner end has a comment that does not end with the file: PyTorch and Python do not mind.
    other[other.count - 2] = 9
    outer.comment = other
    let report = try scan(outer.bytes)
    #expect(report.severity == .danger)
    #expect(report.findings.contains { $0.text.contains("the archive has two ends") })
    #expect(
      try complaint(about: outer.bytes, in: folder)?.contains("the archive has two ends") == true)
  }

  @Test(arguments: 0..<8)
  func `an earlier end of an archive is found after any bytes`(count: Int) throws {
    var outer = ZipBytes(pickle: TorchZipTests.pickle, storages: [TorchZipTests.elements])
    var other = outer.bytes
    other[other.count - 2] = 9
    outer.comment = other
    // Parts of the signature before it: no search may skip the signature with them.
    let parts: [UInt8] = [0x50, 0x4B, 5, 0x50, 0x4B, 0x50, 5, 6]
    outer.betweenDirectoryAndEnd = Array(parts.suffix(count))
    #expect(
      try complaint(about: outer.bytes, in: folder)?.contains("the archive has two ends") == true)
  }

  @Test func `a pickle in capitals is what PyTorch finds, and ls refuses it`() throws {
    var zip = ZipBytes(pickle: Self.evil)
    zip.records[0].name = "archive/DATA.PKL"
    try expectDanger(zip.bytes)
    zip.records.append(.init(name: "other/data.pkl", bytes: TorchZipTests.pickle))
    #expect(try complaint(about: zip.bytes, in: folder) != nil)
    zip.records[0].bytes = TorchZipTests.pickle
    zip.records[1].name = "archive/data.pkl"
    zip.records.removeLast()
    zip.records.append(.init(name: "archive/data.pkl", bytes: TorchZipTests.pickle))
    #expect(
      try complaint(about: zip.bytes, in: folder)?.contains("PyTorch does not tell this name")
        == true
        || complaint(about: zip.bytes, in: folder)?.contains("two records") == true)
  }

  @Test func `a file that is none of the formats says what ls says`() throws {
    for bytes: [UInt8] in [
      Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8),
      Array("<!DOCTYPE html><html></html>".utf8), [], Array("GGUF\u{3}".utf8),
    ] {
      let path = try folder.write(bytes, "model.bin")
      let expected = try #require(throws: CheckpointError.self) { try Checkpoint.open(path) }
      let found = try #require(throws: CheckpointError.self) { try ScanReport.scan(path) }
      #expect(found.description == expected.description)
    }
    // A pickle whose first bytes are those of another format runs all the same.
    try expectDanger(Array("GGUF".utf8) + [3, 0, 0, 0, 0, 0x30] + Self.evil.dropFirst(2))
  }

  // MARK: Folders

  @Test func `a folder is looked at with its subfolders, hidden files and endings of any case`()
    throws
  {
    for place in ["2_Dense", ".hidden", "checkpoint-500/deep"] {
      try FileManager.default.createDirectory(
        atPath: folder.file(place), withIntermediateDirectories: true)
    }
    let names = [
      "2_Dense/pytorch_model.bin", ".hidden/x", "checkpoint-500/deep/OPTIMIZER.PT", ".metadata",
      "README.md",
    ]
    for name in names {
      try folder.write(name.hasSuffix("md") ? Self.text : Self.evil, name)
    }
    try folder.write(Array("{}".utf8), "config.json")
    try folder.write(Array("certifi\nnumpy\ntorch\n".utf8), "requirements.txt")
    try folder.write(Array("class Net:\n  pass\n".utf8), "model.py")
    let reports = try ScanReport.scan(folder.path)
    #expect(Set(reports.map(\.path)) == Set(names.map(folder.file)))
    #expect(reports.allSatisfy { $0.severity == .danger })
  }

  @Test func `what is not looked at in a folder is listed`() throws {
    try folder.write(Self.sound().bytes, "model.pt")
    try folder.write([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0], "logo.png")
    try folder.write(Array("version https://git-lfs.github.com/spec/v1\n".utf8), "tokenizer.model")
    try folder.write([], "weights.bin")
    try folder.write(Array("plain".utf8), "notes")
    try folder.write(
      Array(#"{"weight_map":{"a":"gone.safetensors"}}"#.utf8), "model.safetensors.index.json")
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("nowhere.bin"), withDestinationPath: "missing")
    // A link to the folder itself does not lead around without end.
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("around"), withDestinationPath: ".")
    var failures: [String] = []
    let reports = try ScanReport.scan(
      folder.path, unreadable: { failures.append(Path.name(of: $0.path)) })
    #expect(reports.map(\.path) == [folder.file("model.pt")])
    #expect(
      failures.sorted() == [
        "logo.png", "model.safetensors.index.json", "nowhere.bin", "tokenizer.model", "weights.bin",
      ])
  }
}
