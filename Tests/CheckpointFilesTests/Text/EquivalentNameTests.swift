import OrderedCollections
import Testing

@testable import CheckpointFiles

/// Names in files that Swift's `String` calls equal, and Python and the file system do not.
@Suite struct EquivalentNameTests {
  private let folder: TemporaryFolder
  private let names = ["caf\u{E9}", "cafe\u{301}"]

  init() throws { folder = try TemporaryFolder() }

  private func safetensors(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
    little(header.utf8.count, 8) + Array(header.utf8) + data
  }

  @Test func `equivalent keys of safetensors are two tensors`() throws {
    let entries = names.enumerated().map {
      #""\#($1)":{"dtype":"U8","shape":[1],"data_offsets":[\#($0),\#($0 + 1)]}"#
    }
    let checkpoint = try use(
      safetensors("{\(entries.joined(separator: ","))}", [1, 2]), in: folder)
    #expect(checkpoint.tensors.count == 2)
    #expect(try checkpoint[Key(names[1])]?.bytes() == [2])
  }

  @Test func `equivalent names of metadata are two entries, and are written again`() throws {
    let header = #"{"__metadata__":{"\#(names[0])":"1","\#(names[1])":"2"}}"#
    let checkpoint = try use(safetensors(header), in: folder)
    #expect(checkpoint.metadata[Key(names[0])] == "1")
    #expect(checkpoint.metadata[Key(names[1])] == "2")
    for name in ["a.safetensors", "a.pt"] {
      try checkpoint.write(to: folder.file(name))
      let written = try Checkpoint.open(folder.file(name)).metadata
      #expect(written.count == 2 && written == checkpoint.metadata, "\(name)")
    }
  }

  @Test func `a dtype is not recognised by an equivalent name`() throws {
    // U+212A, the sign of kelvin, is equivalent to K.
    let header = #"{"a":{"dtype":"F8_E5M2\#u{301}","shape":[1],"data_offsets":[0,1]}}"#
    #expect(
      try complaint(about: safetensors(header, [0]), in: folder)?.contains("unknown dtype") == true)
    #expect(DType(named: "F32\u{301}") == nil)
    #expect(DType(torchName: "float32\u{301}") == nil)
  }

  @Test func `equivalent names of records are two records`() throws {
    let records = names.map { ZipBytes.Record(name: "archive/" + $0, bytes: Array($0.utf8)) }
    var zip = ZipBytes(pickle: PickleBytes.file([]))
    zip.records += records
    let file = try InputFile(path: folder.write(zip.bytes))
    let directory = try ZipDirectory(file)
    for record in records {
      let found = try #require(directory[record.name])
      #expect(try directory.bytes(of: found, file) == record.bytes)
    }
  }

  @Test func `equivalent keys of a pickle are two tensors, and equivalent classes two classes`()
    throws
  {
    let storage = PickleBytes.storage("0", count: 2)
    let tensors = names.enumerated().map { index, name in
      (name, PickleBytes.tensor(storage, offset: index, size: [1], strides: [1]))
    }
    let globals = names.map { ($0 + "!", PickleBytes.global("m", $0)) }
    let zip = ZipBytes(
      pickle: PickleBytes.file(tensors + globals), storages: [[UInt8](repeating: 0, count: 8)])
    let checkpoint = try use(zip.bytes, in: folder)
    #expect(checkpoint.tensors.count == 2)
    #expect(checkpoint.foreignGlobals.map { Key($0) } == names.map { Key("m." + $0) })
    let report = try #require(try ScanReport.scan(folder.file("file")).first)
    #expect(report.globals.filter { $0.name.utf8.hasPrefix("m.") }.count == 2)
  }

  @Test func `equivalent storage keys are two storages`() throws {
    let tensors = names.map { name in
      (name, PickleBytes.tensor(PickleBytes.storage(name, count: 1), size: [1], strides: [1]))
    }
    var zip = ZipBytes(pickle: PickleBytes.file(tensors))
    zip.records += names.enumerated().map {
      ZipBytes.Record(name: "archive/data/" + $1, bytes: [UInt8($0), 0, 0, 0])
    }
    let checkpoint = try use(zip.bytes, in: folder)
    for (index, name) in names.enumerated() {
      #expect(try checkpoint[Key(name)]?.bytes() == [UInt8(index), 0, 0, 0])
    }
  }

  @Test func `equivalent members of an index name two tensors and two files`() throws {
    for (index, name) in names.enumerated() {
      try folder.write(
        safetensors(
          #"{"\#(name)":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, [UInt8(index)]),
        name + ".safetensors")
    }
    let map = names.map { #""\#($0)":"\#($0).safetensors""# }.joined(separator: ",")
    let path = try folder.write(
      Array(#"{"weight_map":{\#(map)}}"#.utf8), "model.safetensors.index.json")
    let checkpoint = try Checkpoint.open(path)
    #expect(checkpoint.tensors.count == 2)
    for (index, name) in names.enumerated() {
      #expect(try checkpoint[Key(name)]?.bytes() == [UInt8(index)])
      #expect(checkpoint.shard(of: Key(name))?.utf8.equals(name + ".safetensors") == true)
    }
  }

  @Test(arguments: ["../\u{301}x.safetensors", "/\u{301}x", "a/../\u{327}/b", "..\u{2F}\u{301}"])
  func `a slash with a combining mark is a slash`(_ name: String) throws {
    let path = try folder.write(Array(#"{"weight_map":{"a":"\#(name)"}}"#.utf8), "x.index.json")
    let error = try #require(throws: CheckpointError.self) { try Checkpoint.open(path) }
    #expect(error.reason.contains("not a file below the index"))
    var zip = ZipBytes(pickle: PickleBytes.file([]))
    zip.records.append(ZipBytes.Record(name: name, bytes: []))
    let refusal = try #require(throws: CheckpointError.self) {
      try Checkpoint.open(folder.write(zip.bytes, "a.pt"))
    }
    #expect(refusal.reason.contains("leads out"))
    let report = try #require(try ScanReport.scan(folder.file("a.pt")).first)
    #expect(
      report.findings.contains { $0.severity == .danger && $0.record?.utf8.equals(name) == true })
  }

  /// Before, comparing such texts as `String` took time that grew with the square of their length.
  @Test func `a pickle of combining marks is scanned and listed`() throws {
    let run = String(repeating: "\u{301}\u{327}", count: 10_000)
    let long = run + run
    let pickles: [[UInt8]] = [
      PickleBytes.whole(PickleBytes.call(PickleBytes.global(run, run), [])),
      PickleBytes.whole(
        PickleBytes.call(
          PickleBytes.global("_codecs", "encode"),
          [PickleBytes.string("a"), PickleBytes.string(long)])),
      PickleBytes.whole(
        PickleBytes.call(
          PickleBytes.global("builtins", "getattr"),
          [PickleBytes.global(run, "x"), PickleBytes.string(run)])),
      PickleBytes.whole(
        PickleBytes.tuple([PickleBytes.string(long), PickleBytes.integer(0)]) + [0x51]),
      PickleBytes.file([(run, PickleBytes.integer(1)), (run + "\u{301}", PickleBytes.integer(2))]),
    ]
    for pickle in pickles {
      let path = try folder.write(ZipBytes(pickle: pickle).bytes, "a.pt")
      let report = try #require(try ScanReport.scan(path).first)
      #expect(report.format == "torch-zip")
      _ = try? Checkpoint.open(path).values
    }
  }
}
