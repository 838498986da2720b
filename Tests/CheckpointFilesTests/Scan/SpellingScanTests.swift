import CheckpointFiles
import EspalierTestSupport
import Testing

/// Pickles in spellings that Python reads and no pickler writes, before a payload.
@Suite struct SpellingScanTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  typealias P = PickleBytes

  private func scan(_ bytes: [UInt8]) throws -> ScanReport {
    try #require(try ScanReport.scan(try folder.write(bytes, "file")).first)
  }

  /// Instructions that the unpickler of Python 3.11 was seen to accept.
  static let prefixes: [(String, [UInt8])] = [
    ("hexadecimal", Array("I0x10\n0".utf8)), ("binary", Array("I0b11\n0".utf8)),
    ("octal", Array("I0o17\n0I017\n0".utf8)), ("underscores", Array("I1_000\n0".utf8)),
    ("blanks", Array("I 12 \n0".utf8)), ("large", Array("I99999999999999999999999\n0".utf8)),
    ("a long of digits", Array("L\(String(repeating: "9", count: 400))L\n0".utf8)),
    ("a long of too many digits", Array("L0x\(String(repeating: "f", count: 9000))L\n0".utf8)),
    ("a long in hexadecimal", Array("L0x1_0L\n0".utf8)),
    ("memo with underscores", Array("Np1_0\n0g10\n0".utf8)),
    ("memo with blanks", Array("Np 5\n0g5 \n0".utf8)),
    ("memo far away", Array("Np99999\n0g99999\n0".utf8)),
    ("octal escape", Array(#"S'\101\a\b\f\v'"#.utf8) + Array("\n0".utf8)),
    ("unknown escape", Array(#"S'\q\N{DASH}'"#.utf8) + Array("\n0".utf8)),
    ("surrogate", Array("V\\ud800\n0".utf8)),
    ("surrogate in UTF-8", [0x58, 3, 0, 0, 0, 0xED, 0xA0, 0x80, 0x30]),
    ("nothing added to a tuple", [0x8F, 0x28, 0x29, 0x28, 0x90, 0x31]),
    ("nothing appended to None", [0x4E, 0x28, 0x65, 0x30]),
    ("a call that is refused here", Array("ccollections\nCounter\n(I5\nI6\ntR0".utf8)),
    ("a state that is refused here", Array("ccollections\nOrderedDict\n)R(I1\nI2\ntb0".utf8)),
  ]

  @Test(arguments: prefixes.indices)
  func `a payload after an odd spelling is found in any record`(_ index: Int) throws {
    let (name, prefix) = Self.prefixes[index]
    let payload = prefix + PlaceScanTests.text
    for bytes in [
      payload, PlaceScanTests.sound([.init(name: "archive/notes.txt", bytes: payload)]).bytes,
    ] {
      let report = try scan(bytes)
      #expect(report.severity == .danger, "\(name)")
      #expect(report.globals.contains { $0.name == "os.system" }, "\(name): \(report.findings)")
    }
  }

  /// `MEMOIZE` takes the number of entries, not the index after the highest.
  @Test func `the entry of MEMOIZE is the one that Python gives`() throws {
    func put(_ text: String, _ index: UInt8?) -> [UInt8] {
      P.string(text) + (index.map { [0x71, $0] } ?? [0x94]) + [0x30]
    }
    var pickle = put("collections", 1) + put("os", nil)
    pickle += put("OrderedDict", 2) + put("system", 3) + put("OrderedDict", 5) + put("system", nil)
    pickle += put("OrderedDict", 7) + put("OrderedDict", 8) + put("system", nil)
    pickle += P.call([0x68, 1, 0x68, 7, 0x93], [P.string("true")])
    let report = try scan(ZipBytes(pickle: P.whole(pickle)).bytes)
    #expect(report.globals.map(\.name) == ["os.system"])
  }

  @Test func `a pickle that takes too much to be followed is dangerous in any record`() throws {
    // A list is copied over and over, which Python does, too.
    var pickle: [UInt8] = [0x28] + [UInt8](repeating: 0x4E, count: 5000) + Array("lp0\n0".utf8)
    for _ in 0..<4000 { pickle += Array("ccollections\nOrderedDict\n(g0\ntR0".utf8) }
    let report = try scan(
      PlaceScanTests.sound([
        .init(name: "archive/notes.txt", bytes: pickle + PlaceScanTests.text)
      ]).bytes)
    #expect(report.severity == .danger)
  }

  @Test func `integers as text have the value that Python gives`() throws {
    for (text, value) in [
      ("I0x10\n", "16"), ("I017\n", "15"), ("I-1_000\n", "-1000"), ("L0b11L\n", "3"),
      ("I-9223372036854775808\n", "-9223372036854775808"),
      ("L9223372036854775808L\n", "9223372036854775808"),
      ("L-170141183460469231731687303715884105729L\n", "-170141183460469231731687303715884105729"),
      ("I000\n", "0"), ("I +5 \n", "5"),
    ] {
      let path = try folder.write(
        ZipBytes(pickle: P.file([("n", Array(text.utf8))])).bytes, "file")
      let values = try Checkpoint.open(path).values.map(\.text)
      #expect(values.contains(value), "\(text) \(values)")
    }
    for text in ["I1__0\n", "I_1\n", "I0x\n", "I1x\n", "L017L\n", "I\n", "I- 1\n"] {
      let path = try folder.write(
        ZipBytes(pickle: P.file([("n", Array(text.utf8))])).bytes, "file")
      #expect(throws: CheckpointError.self, "\(text)") { try Checkpoint.open(path) }
    }
  }
}
