import CheckpointFiles
import EspalierTestSupport
import Testing

@Suite struct ScanReportTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  typealias P = PickleBytes

  private func scan(_ bytes: [UInt8]) throws -> ScanReport {
    try #require(try ScanReport.scan(try folder.write(bytes)).first)
  }

  @Test(arguments: ["dtypes.pt", "training.pt", "views-legacy.pt", "protocol-4.pt", "deflated.pt"])
  func `what PyTorch writes of data is no danger`(_ name: String) throws {
    let report = try #require(try ScanReport.scan(Fixtures.path("torch/" + name)).first)
    #expect(report.severity == .note, "\(report.findings)")
    #expect(report.globals.contains { $0.name.hasPrefix("torch._utils._rebuild_tensor") })
  }

  @Test func `safetensors is safe by construction`() throws {
    let report = try #require(
      try ScanReport.scan(Fixtures.path("torch/dtypes.safetensors")).first)
    #expect(report.severity == .note)
    #expect(report.findings.first?.text.contains("safe by construction") == true)
  }

  @Test func `a safetensors file that hides something is dangerous`() throws {
    let sound = try Fixtures.bytes(Fixtures.path("torch/dtypes.safetensors"))
    let twice = Array(
      (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"#
        + #""a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#).utf8)
    let length = [UInt8(twice.count), 0, 0, 0, 0, 0, 0, 0]
    for (bytes, sentence) in [
      (length + twice + [1, 2], "the key is duplicated in the header"),
      (sound + Self.payloads[0].1, "bytes after the last tensor"),
      (sound.dropLast(3), "the file is truncated"),
    ] {
      let report = try scan(Array(bytes))
      #expect(report.format == "safetensors")
      #expect(report.severity == .danger)
      #expect(report.findings.contains { $0.text.contains(sentence) }, "\(report.findings)")
    }
  }

  @Test func `data and modules of Python are odd`() throws {
    for (name, global) in [
      ("foreign.pt", "argparse.Namespace"), ("module.pt", "torch.nn.modules.linear.Linear"),
    ] {
      let report = try #require(try ScanReport.scan(Fixtures.path("torch/" + name)).first)
      #expect(report.severity == .warning)
      #expect(report.globals.contains { $0.name == global && $0.severity == .warning })
    }
  }

  /// The ways in which scanners were evaded, each of which loads in Python.
  static let payloads: [(String, [UInt8])] = [
    ("os.system", P.call(P.global("os", "system"), [P.string("true")])),
    ("os.system", [0x28] + P.string("true") + Array("ios\nsystem\n".utf8)),
    ("os.system", [0x28] + P.global("os", "system") + P.string("true") + [0x6F]),
    ("posix.system", P.string("posix") + P.string("system") + [0x93, 0x29, 0x52]),
    // Names through the memo, as words of a list that is thrown away.
    (
      "nt.system",
      [0x5D] + P.string("nt") + [0x71, 1, 0x61, 0x30] + [0x68, 1] + P.string("system")
        + [0x93, 0x29, 0x52]
    ),
    ("torch.load.__globals__", P.string("torch") + P.string("load.__globals__") + [0x93]),
    ("copyreg.extension 7", [0x82, 7, 0x29, 0x52]),
    ("unheard.of", P.call(P.global("unheard", "of"), [])),
    ("builtins.getattr", P.call(P.global("builtins", "getattr"), [P.string("x")])),
    ("builtins.eval", P.string("builtins") + P.string("eval") + [0x93]),
    ("runpy._run_code", P.global("runpy", "_run_code")),
    ("torch.storage._load_from_bytes", P.global("torch.storage", "_load_from_bytes")),
  ]

  @Test(arguments: payloads.indices)
  func `code is dangerous, however it is named`(_ index: Int) throws {
    let (name, value) = Self.payloads[index]
    let files = [
      ZipBytes(pickle: P.whole(value)).bytes, P.whole(value),
      TorchLegacyTests.file(P.dictionary([("x", value)]), keys: [], count: 0, elements: []),
    ]
    for file in files {
      let report = try scan(file)
      #expect(report.severity == .danger)
      #expect(
        report.globals.contains { $0.name == name && $0.severity == .danger },
        "\(report.globals)")
    }
  }

  @Test func `a payload before a broken place is named`() throws {
    let report = try scan(
      ZipBytes(pickle: P.start + Self.payloads[0].1 + [0xFF, 0xFF]).bytes)
    #expect(report.globals.map(\.name) == ["os.system"])
    #expect(report.findings.contains { $0.text.contains("unknown pickle opcode") })
  }

  static let hidden: [(String, @Sendable (inout ZipBytes) -> Void)] = [
    ("4 bytes after the end of the pickle", { $0.records[0].bytes += [1, 2, 3, 4] }),
    ("outside of the archive's folder", { $0.records.append(.init(name: "x", bytes: [1])) }),
    (
      "a name that leads out of a folder",
      { $0.records.append(.init(name: "archive/../x", bytes: [1])) }
    ),
    (
      "a pickle under another name",
      { $0.records.append(.init(name: "archive/readme", bytes: P.whole([0x5D, 0x5D, 0x61]))) }
    ),
    (
      "an archive inside of the archive",
      { $0.records.append(.init(name: "archive/x.zip", bytes: [0x50, 0x4B, 3, 4, 0, 0])) }
    ),
    ("the record is encrypted", { $0.records[1].flags = 1 }),
    ("the record has another name in its own header", { $0.records[1].centralName = "archive/x" }),
    ("CRC-32", { $0.records[1].crc = 7 }),
    ("the archive has two records of this name", { $0.records.append($0.records[0]) }),
    (
      "PyTorch does not tell this name",
      { $0.records.append(.init(name: "archive/DATA.pkl", bytes: P.whole([0x4E]))) }
    ),
    (
      "bytes between the archive's directory and its end",
      { $0.betweenDirectoryAndEnd = [1, 2, 3] }
    ),
  ]

  @Test(arguments: hidden.indices)
  func `what is hidden in an archive is dangerous`(_ index: Int) throws {
    let (sentence, change) = Self.hidden[index]
    var zip = ZipBytes(pickle: TorchZipTests.pickle, storages: [TorchZipTests.elements])
    #expect(try scan(zip.bytes).severity == .note)
    change(&zip)
    let report = try scan(zip.bytes)
    #expect(report.severity == .danger)
    #expect(report.findings.contains { $0.text.contains(sentence) }, "\(report.findings)")
  }

  @Test func `odd and harmless things are warnings`() throws {
    let pickle = P.whole(
      P.dictionary([
        (
          "x",
          P.call(
            P.global("_codecs", "encode"),
            [
              P.string("\u{80}\u{4}abc."), P.string("latin1"),
            ])
        )
      ]))
    var zip = ZipBytes(pickle: pickle, storages: [[1, 2, 3, 4]])
    let report = try scan(zip.bytes + [0, 0])
    #expect(report.severity == .warning)
    let texts = report.findings.map(\.text)
    #expect(texts.contains("a pickle inside of a string of 6 bytes"))
    #expect(texts.contains("4 bytes that no tensor uses"))
    #expect(texts.contains("2 bytes after the end of the archive"))
    zip.records.append(.init(name: "archive/constants.pkl", bytes: P.whole([0x29])))
    #expect(try scan(zip.bytes).format == "torchscript")
  }

  @Test func `bytes after a pickle or after the last storage are dangerous`() throws {
    #expect(try scan(P.whole([0x4E]) + Self.payloads[0].1).severity == .danger)
    #expect(try scan(TorchLegacyTests.file(TorchLegacyTests.value)).severity == .note)
    #expect(try scan(TorchLegacyTests.file(TorchLegacyTests.value) + [1]).severity == .danger)
  }

  @Test func `a folder's files are all looked at, whatever they are called`() throws {
    try folder.write(P.whole(Self.payloads[0].1), "README.md")
    try folder.write(Array("text".utf8), "notes.txt")
    try folder.write(Fixtures.bytes(Fixtures.path("torch/dtypes.safetensors")), "a.safetensors")
    let reports = try ScanReport.scan(folder.path)
    #expect(reports.map(\.severity) == [.danger, .note])
  }

  @Test func `a file that cannot be read does not hide the others`() throws {
    try folder.write(Array("text".utf8), "a.bin")
    try folder.write(P.whole(Self.payloads[0].1), "b.bin")
    #expect(throws: CheckpointError.self) { try ScanReport.scan(folder.path) }
    var failures: [CheckpointError] = []
    let reports = try ScanReport.scan(folder.path, unreadable: { failures.append($0) })
    #expect(reports.map(\.severity) == [.danger])
    #expect(failures.map(\.path) == [folder.file("a.bin")])
  }
}
