import CheckpointFiles
import OrderedCollections
import Testing

/// Pickles that no honest program wrote.
@Suite struct PickleTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  typealias P = PickleBytes

  private func complaint(_ pickle: [UInt8], storages: [[UInt8]] = []) throws -> String? {
    try CheckpointFilesTests.complaint(
      about: ZipBytes(pickle: pickle, storages: storages).bytes, in: folder)
  }

  static let broken: [(String, [UInt8])] = [
    ("1 bytes are needed here, 0 are left", []),
    ("unknown pickle opcode 0xff", P.start + [0xFF]),
    ("pickle protocol 9 is not known", [0x80, 9]),
    ("the stack of the pickle is empty", P.whole([])),
    ("the stack of the pickle is empty", P.whole([0x30])),
    ("the stack of the pickle is empty", P.whole([0x85])),
    ("the stack of the pickle is empty", P.whole([0x4E, 0x52])),
    ("no mark on the stack of the pickle", P.whole([0x4E, 0x74])),
    ("no mark on the stack of the pickle", P.whole([0x7D, 0x75])),
    ("memo entry 3 does not exist", P.whole([0x68, 3])),
    ("memo entry 4294967295 is out of range", P.whole([0x4E, 0x72, 255, 255, 255, 255])),
    ("4294967295 bytes are needed here", P.start + [0x58, 255, 255, 255, 255]),
    ("is too large for a length or offset", P.start + [0x8D] + [UInt8](repeating: 255, count: 8)),
    ("a negative length in the pickle", P.start + [0x8B, 255, 255, 255, 255]),
    ("a line has no end", P.start + Array("cos".utf8)),
    ("a string that is not UTF-8", P.whole([0x58, 1, 0, 0, 0, 0xC0])),
    ("something is appended to a value that is not a list", P.whole([0x4E, 0x4E, 0x61])),
    ("an item is set in a value that is not a dictionary", P.whole([0x4E, 0x4E, 0x4E, 0x73])),
    ("a dictionary's key without a value", P.whole([0x7D, 0x28, 0x4E, 0x75])),
    ("attributes for a NoneType, which has none", P.whole([0x4E, 0x4E, 0x62])),
    ("a persistent id that is not PyTorch's", P.whole([0x4E, 0x51])),
    ("a persistent id as text", P.whole(Array("P0\n".utf8))),
    ("a buffer outside of the pickle", P.whole([0x97])),
    ("a class name that is not a string", P.whole([0x4E, 0x4E, 0x93])),
    ("not a number", P.whole(Array("Fx\n".utf8))),
    ("an integer that is not a number", P.whole(Array("I9x\n".utf8))),
    (
      "an integer of too many digits",
      P.whole(Array("I\(String(repeating: "9", count: 5000))\n".utf8))
    ),
    ("a string with half of a surrogate pair", P.whole(Array("V\\ud800\n".utf8))),
    ("a string without quotes", P.whole(Array("Sx\n".utf8))),
    ("a string with a broken escape", P.whole(Array("S'\\x9'\n".utf8))),
  ]

  @Test(arguments: broken.indices)
  func `a broken pickle is refused with one sentence`(_ index: Int) throws {
    let (sentence, pickle) = Self.broken[index]
    let said = try #require(try complaint(pickle), "nothing was said")
    #expect(said.contains(sentence))
    #expect(said.contains("record \"archive/data.pkl\""))
    #expect(!said.contains("\n"))
  }

  static let impossible: [(String, [UInt8])] = [
    ("reaches to element 2 of its storage, which has 2", tensor(offset: 1, [2], [1])),
    ("reaches to element 3 of its storage, which has 2", tensor([2], [3])),
    ("with arguments that do not describe a tensor", tensor([2], [-1])),
    ("with arguments that do not describe a tensor", tensor([-2], [1])),
    ("with arguments that do not describe a tensor", tensor(offset: -1, [2], [1])),
    ("with arguments that do not describe a tensor", tensor([2, 1], [1])),
    ("the shape has more elements than can be counted", tensor([1 << 32, 1 << 32], [0, 0])),
    ("the tensor has more bytes than can be counted", tensor([1 << 62], [0])),
    ("the strides reach further than can be counted", tensor([1 << 40], [1 << 40])),
    ("the strides reach further than can be counted", tensor([2, 2], [Int.max, Int.max])),
    ("reaches to element \(Int.max) of its storage", tensor([2], [Int.max])),
  ]

  private static func tensor(
    offset: Int = 0, _ size: [Int], _ strides: [Int]
  ) -> [UInt8] {
    P.file([
      ("w", P.tensor(P.storage("0", count: 2), offset: offset, size: size, strides: strides))
    ])
  }

  @Test(arguments: impossible.indices)
  func `a tensor outside of its storage is refused`(_ index: Int) throws {
    let (sentence, pickle) = Self.impossible[index]
    let said = try #require(
      try complaint(pickle, storages: [[UInt8](repeating: 0, count: 8)]), "nothing was said")
    #expect(said.contains(sentence))
  }

  @Test func `a view that repeats a few bytes to terabytes is listed and not read`() throws {
    let checkpoint = try use(
      ZipBytes(pickle: Self.tensor([1 << 40], [0]), storages: [[0, 0, 0, 0, 0, 0, 0, 0]]).bytes,
      in: folder)
    #expect(checkpoint.tensors.isEmpty)
    #expect(
      checkpoint.unsupported.map(\.reason) == ["a view that repeats 8 bytes to 4398046511104"])
  }

  @Test func `one storage under two types is refused`() throws {
    let pickle = P.file([
      ("a", P.tensor(P.storage("0", count: 2), size: [2], strides: [1])),
      (
        "b",
        P.tensor(
          P.storage("0", count: 2, type: ("torch", "DoubleStorage")), size: [2], strides: [1])
      ),
    ])
    let said = try complaint(pickle, storages: [[UInt8](repeating: 0, count: 8)])
    #expect(said?.contains("is FloatStorage of 2 elements in one place and DoubleStorage") == true)
  }

  @Test func `containers deeper than any stack are refused or passed over`() throws {
    let depth = 500_000
    let lists = P.whole(
      [UInt8](repeating: 0x5D, count: depth) + [UInt8](repeating: 0x61, count: depth - 1))
    _ = try complaint(lists)
    let tuples = P.whole([0x4E] + [UInt8](repeating: 0x85, count: depth))
    _ = try complaint(tuples)
    let tensor = P.tensor(P.storage("0", count: 2), size: [2], strides: [1])
    let around = P.whole(tensor + [UInt8](repeating: 0x85, count: depth))
    let said = try complaint(around, storages: [[UInt8](repeating: 0, count: 8)])
    #expect(said?.contains("containers are nested more than 200 deep") == true)
  }

  @Test func `a memo that doubles at each step does not double the work`() throws {
    // l = [tensor]; then l = [l, l] forty times: 2^40 paths.
    var pickle = P.start + P.tensor(P.storage("0", count: 2), size: [2], strides: [1])
    pickle += [0x85, 0x71, 0]
    for step in 0..<40 {
      pickle += [0x68, UInt8(step), 0x86, 0x71, UInt8(step + 1)]
    }
    pickle += P.stop
    let said = try complaint(pickle, storages: [[UInt8](repeating: 0, count: 8)])
    #expect(said?.contains("refers to the same values over and over") == true)
  }

  @Test func `a dictionary inside itself opens`() throws {
    let tensor = P.tensor(P.storage("0", count: 2), size: [2], strides: [1])
    let pickle =
      P.start + [0x7D, 0x71, 0] + P.string("w") + tensor + [0x73] + P.string("self")
      + [0x68, 0, 0x73] + P.stop
    let zip = ZipBytes(pickle: pickle, storages: [[0, 0, 128, 63, 0, 0, 0, 64]])
    let checkpoint = try use(zip.bytes, in: folder)
    #expect(checkpoint.keys.map(\.string) == ["w"])
    // And is written as what it is.
    try checkpoint.write(to: folder.file("again.pt"))
    let back = try Checkpoint.open(folder.file("again.pt"))
    #expect(try back["w"]?.floats() == [1, 2])
  }

  @Test func `nothing that a pickle names is called`() throws {
    for call in [
      P.call(P.global("os", "system"), [P.string("touch espalier-was-here")]),
      // INST
      [0x28] + P.string("true") + Array("ios\nsystem\n".utf8),
      // OBJ
      [0x28] + P.global("os", "system") + P.string("true") + [0x6F],
      // STACK_GLOBAL with names from the stack
      P.string("posix") + P.string("system") + [0x93] + P.tuple([P.string("true")]) + [0x52],
      // EXT1
      [0x82, 1] + P.tuple([]) + [0x52],
      P.call(P.global("builtins", "exec"), [P.string("1")]),
      P.call(P.global("torch", "load"), [P.string("1")]),
      P.call(P.global("builtins", "getattr"), [P.string("1")]),
    ] {
      let pickle = P.file([
        ("x", call), ("w", P.tensor(P.storage("0", count: 2), size: [2], strides: [1])),
      ])
      let checkpoint = try use(
        ZipBytes(pickle: pickle, storages: [[0, 0, 128, 63, 0, 0, 0, 64]]).bytes, in: folder)
      #expect(checkpoint.foreignGlobals.count == 1)
      #expect(try checkpoint["w"]?.floats() == [1, 2])
      #expect(throws: CheckpointError.self) { try checkpoint.write(to: folder.file("x.pt")) }
    }
  }

  @Test func `a byte of a pickle does not become a hundred of memory`() throws {
    let pickle = P.whole([0x4E] + [UInt8](repeating: 0x85, count: 3_000_000))
    #expect(
      try complaint(pickle)?.contains("makes more values than a file of its size holds") == true)
  }

  @Test func `a number does not become memory`() throws {
    let pickle = P.file([("x", P.call(P.global("builtins", "bytearray"), [P.integer(1 << 40)]))])
    let checkpoint = try use(ZipBytes(pickle: pickle).bytes, in: folder)
    #expect(try checkpoint.values.first?.text == "builtins.bytearray(1099511627776)")
  }

  @Test func `text opcodes of protocol 0 are understood`() throws {
    let pickle = Array("(dp0\nS'a'\nI01\nsVb\\u00e9\nL5L\nsS'f'\nF1.5\nsS'n'\nNs.".utf8)
    let checkpoint = try use(ZipBytes(pickle: pickle).bytes, in: folder)
    #expect(
      try checkpoint.values.map { "\($0.key) \($0.text)" } == [
        "a True", "b\u{E9} 5", "f 1.5", "n None",
      ])
  }

  @Test func `of two entries with one key the last counts, in the place of the first`() throws {
    let pickle = P.file([("a", [0x4B, 1]), ("b", [0x4B, 2]), ("a", [0x4B, 3])])
    let checkpoint = try use(ZipBytes(pickle: pickle).bytes, in: folder)
    #expect(try checkpoint.values.map { "\($0.key) \($0.text)" } == ["a 3", "b 2"])
  }

  @Test func `MEMOIZE writes to the entry of the number of entries, as in Python`() throws {
    // PUT 1 and MEMOIZE: one entry is there, so the second value takes the place of the first.
    let twice: [UInt8] = P.string("first") + [0x71, 1, 0x30] + P.string("second") + [0x94, 0x30]
    let pickle: [UInt8] = [0x80, 4] + twice + [0x7D] + P.string("a") + [0x68, 1, 0x73] + P.stop
    let checkpoint = try use(ZipBytes(pickle: pickle).bytes, in: folder)
    #expect(try checkpoint.values.map(\.text) == ["\"second\""])
  }
}
