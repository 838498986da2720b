import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

/// What a pickle does to a value after it was made. The right values are those of
/// `torch.load(weights_only=True)`, and of the full loader where that one refuses.
@Suite struct PickleStateTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  typealias P = PickleBytes

  /// Storage 0 has 0 … 3, storage 1 has 10 … 13.
  static let storages: [[UInt8]] = [0, 10].map { start in
    (0..<4).flatMap { little(Int(Float(start + $0).bitPattern), 4) }
  }
  static let tensor = P.tensor(P.storage("0", count: 4), size: [2, 2], strides: [2, 1])
  static let other = P.storage("1", count: 4)
  static let hooks = P.global("collections", "OrderedDict") + [0x29, 0x52]
  static let build: [UInt8] = [0x62]
  static let view = P.tuple([other, P.integer(1), P.integers([2]), P.integers([2])])

  static func parameter(_ data: [UInt8], _ requiresGrad: UInt8 = 0x88) -> [UInt8] {
    P.call(P.global("torch._utils", "_rebuild_parameter"), [data, [requiresGrad], hooks])
  }

  private func open(_ value: [UInt8]) throws -> Checkpoint {
    try use(ZipBytes(pickle: P.file([("w", value)]), storages: Self.storages).bytes, in: folder)
  }

  static let sound: [(String, [UInt8], [Int], [Float])] = [
    ("set_ with a storage, offset, size and strides", tensor + view + build, [2], [11, 13]),
    (
      "set_ with a storage, offset and size",
      tensor + P.tuple([other, P.integer(1), P.integers([3])]) + build, [3], [11, 12, 13]
    ),
    ("set_ with a storage", tensor + P.tuple([other]) + build, [4], [10, 11, 12, 13]),
    (
      "set_ with a tensor",
      tensor + P.tuple([P.tensor(other, size: [2], strides: [1])]) + build, [2], [10, 11]
    ),
    ("set_ with nothing", tensor + [0x29] + build, [0], []),
    ("set_ of a frozen parameter", parameter(tensor, 0x89) + view + build, [2], [11, 13]),
    (
      "the state of a parameter of PyTorch 0.3",
      P.call(P.global("torch.nn.parameter", "Parameter"), [tensor])
        + P.tuple([[0x89], [0x89], hooks]) + build, [2, 2], [0, 1, 2, 3]
    ),
    (
      "the state of a parameter of PyTorch 0.1",
      P.call(P.global("torch.nn.parameter", "Parameter"), [tensor])
        + P.tuple([P.tensor(other, size: [1], strides: [1]), [0x4E], hooks, [0x88], [0x89]])
        + build, [1], [10]
    ),
    ("a parameter of nothing", P.call(P.global("torch.nn.parameter", "Parameter"), []), [0], []),
    ("FloatTensor()", P.call(P.global("torch", "FloatTensor"), []), [0], []),
    (
      "FloatTensor() and set_", P.call(P.global("torch", "FloatTensor"), []) + view + build, [2],
      [11, 13]
    ),
    (
      "FloatTensor of a storage", P.call(P.global("torch", "FloatTensor"), [other]), [4],
      [10, 11, 12, 13]
    ),
  ]

  @Test(arguments: sound.indices)
  func `the state of a tensor is its elements, as in PyTorch`(_ index: Int) throws {
    let (what, value, shape, elements) = Self.sound[index]
    let checkpoint = try open(value)
    let tensor = try #require(checkpoint["w"], "\(what)")
    #expect(tensor.shape.dimensions == shape, "\(what)")
    #expect(try tensor.floats() == elements, "\(what)")
    try checkpoint.write(to: folder.file("a.pt"))
    let back = try #require(Checkpoint.open(folder.file("a.pt"))["w"], "\(what)")
    #expect(back.shape.dimensions == shape, "\(what)")
    #expect(try back.floats() == elements, "\(what)")
  }

  @Test func `set_ changes a tensor wherever it is, and not the parameter made of it`() throws {
    let value = P.tuple([
      Self.tensor + [0x71, 1], Self.parameter([0x68, 1]), [0x68, 1] + Self.view + Self.build,
    ])
    let checkpoint = try open(value)
    #expect(try checkpoint["w.0"]?.floats() == [11, 13])
    #expect(try checkpoint["w.1"]?.floats() == [0, 1, 2, 3])
    #expect(try checkpoint["w.2"]?.floats() == [11, 13])
  }

  static let refused: [(String, [UInt8])] = [
    (
      "a tensor of F32 is placed in a LongStorage",
      tensor
        + P.tuple([
          P.storage("1", count: 2, type: ("torch", "LongStorage")), P.integer(0), P.integers([1]),
          P.integers([1]),
        ]) + build
    ),
    ("the storage of a tensor that requires a gradient", parameter(tensor) + view + build),
    ("the state of a tensor is a dict, not a tuple", tensor + P.dictionary([]) + build),
    ("a state that a tensor cannot have", tensor + P.tuple([[0x4E], [0x4E]]) + build),
    (
      "a state that a tensor cannot have",
      tensor + P.tuple([other, P.integer(-1), P.integers([1]), P.integers([1])]) + build
    ),
    ("attributes for a storage, which has none", other + P.dictionary([]) + build),
    ("attributes for a dict, which has none", [0x7D] + P.dictionary([]) + build),
    (
      "attributes for a set, which has none",
      P.call(P.global("builtins", "set"), [[0x5D]]) + P.dictionary([]) + build
    ),
    (
      "attributes for a torch.device, which has none",
      P.call(P.global("torch", "device"), [P.string("cpu")]) + P.dictionary([]) + build
    ),
    (
      "attributes for a type, which has none",
      P.global("torch.nn.parameter", "Parameter") + P.dictionary([]) + build
    ),
    ("an item is set in a value that is not a dictionary", tensor + [0x4B, 0, 0x4B, 1, 0x73]),
    ("an item is set in a value that is not a dictionary", other + [0x4B, 0, 0x4B, 1, 0x73]),
    (
      "an item is set in a value that is not a dictionary",
      P.call(P.global("torch", "device"), [P.string("cpu")]) + [0x4B, 0, 0x4B, 1, 0x73]
    ),
    ("something is appended to a value that is not a list", tensor + [0x4B, 0, 0x61]),
    ("something is appended to a value that is not a list", tensor + [0x28, 0x4B, 0, 0x90]),
    (
      "something is appended to a value that is not a list",
      P.call(P.global("builtins", "set"), [[0x5D]]) + [0x4B, 0, 0x61]
    ),
    (
      "NEWOBJ of builtins.set with arguments",
      P.global("builtins", "set") + P.tuple([[0x5D]]) + [0x81]
    ),
    (
      "NEWOBJ of _codecs.encode, which is a function",
      P.global("_codecs", "encode") + P.tuple([P.string("a")]) + [0x81]
    ),
    (
      "a Counter of the elements of a list",
      P.call(P.global("collections", "Counter"), [[0x5D]])
    ),
    ("a set of the elements of a dict", P.call(P.global("builtins", "set"), [[0x7D]])),
    ("a list in a set", [0x8F, 0x28, 0x5D, 0x90]),
    (
      "bytes that are spelled with a character that \"ascii\" does not have",
      P.call(P.global("_codecs", "encode"), [P.string("é"), P.string("ascii")])
    ),
  ]

  @Test(arguments: refused.indices)
  func `what PyTorch does not do to a value is refused`(_ index: Int) throws {
    let (sentence, value) = Self.refused[index]
    let said = try complaint(
      about: ZipBytes(pickle: P.file([("w", value)]), storages: Self.storages).bytes, in: folder)
    #expect(said?.contains(sentence) == true, "\(said ?? "nothing was said")")
  }

  static let encodings: [(String, [UInt8])] = [
    ("latin1", [0x68, 0xE9]), ("ISO-8859-1", [0x68, 0xE9]), ("utf-8", [0x68, 0xC3, 0xA9]),
    ("UTF8", [0x68, 0xC3, 0xA9]), ("utf_16", [0xFF, 0xFE, 0x68, 0, 0xE9, 0]),
    ("utf-16-be", [0, 0x68, 0, 0xE9]), ("utf-32-le", [0x68, 0, 0, 0, 0xE9, 0, 0, 0]),
  ]

  @Test(arguments: encodings.indices)
  func `bytes are those of the encoding that is named`(_ index: Int) throws {
    let (encoding, bytes) = Self.encodings[index]
    let call = P.call(P.global("_codecs", "encode"), [P.string("hé"), P.string(encoding)])
    // As a key, the bytes can be compared.
    let checkpoint = try open(
      [0x7D] + call + [0x4B, 1, 0x73] + [0x43, UInt8(bytes.count)] + bytes + [0x4B, 2, 0x73])
    #expect(try checkpoint.values.map(\.text) == ["2"])
  }

  @Test func `the scan points out elements that are replaced`() throws {
    let path = try folder.write(
      ZipBytes(
        pickle: P.file([("w", Self.tensor + Self.view + Self.build)]), storages: Self.storages
      ).bytes)
    let report = try #require(try ScanReport.scan(path).first)
    #expect(report.severity == .warning)
    #expect(
      report.findings.contains {
        $0.text == "the elements of a tensor are replaced after it was made"
      })
  }

  @Test func `attributes in two parts are kept both`() throws {
    let value =
      Self.hooks + P.dictionary([("a", [0x4B, 1])]) + Self.build
      + P.dictionary([("b", [0x4B, 2])]) + Self.build
    let checkpoint = try open(
      P.dictionary([("d", value), ("t", Self.tensor)]))
    try checkpoint.write(to: folder.file("a.pt"))
    let bytes = try Fixtures.bytes(folder.file("a.pt"))
    #expect(bytes.firstRange(of: P.string("a")) != nil)
    #expect(bytes.firstRange(of: P.string("b")) != nil)
  }
}
