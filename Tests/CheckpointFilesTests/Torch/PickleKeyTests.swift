import OrderedCollections
import Testing

@testable import CheckpointFiles

/// Keys of dictionaries that are not text. The right values are those of Python.
@Suite struct PickleKeyTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  typealias P = PickleBytes
  static let elements: [UInt8] = [0, 0, 128, 63, 0, 0, 0, 64]

  /// A tensor of one element: the one at `index`.
  static func tensor(_ index: Int) -> [UInt8] {
    P.tensor(P.storage("0", count: 2), offset: index, size: [1], strides: [1])
  }

  static func dictionary(_ items: [([UInt8], [UInt8])]) -> [UInt8] {
    [0x7D, 0x28] + items.flatMap { $0.0 + $0.1 } + [0x75]
  }

  private func open(_ value: [UInt8]) throws -> Checkpoint {
    try use(ZipBytes(pickle: P.whole(value), storages: [Self.elements]).bytes, in: folder)
  }

  static func bytes(_ raw: [UInt8]) -> [UInt8] { [0x43, UInt8(raw.count)] + raw }
  static func real(_ value: Double) -> [UInt8] {
    [0x47] + little(Int(bitPattern: UInt(value.bitPattern.byteSwapped)), 8)
  }
  static func big(_ digits: [UInt8]) -> [UInt8] { [0x8A, UInt8(digits.count)] + digits }
  static let long = String(repeating: "x", count: 300)

  static let pairs: [(String, [UInt8], [UInt8], [String])] = [
    (
      "bytes", bytes(Array("conv1.weight".utf8)), bytes(Array("conv2.weight".utf8)),
      ["conv1.weight", "conv2.weight"]
    ),
    (
      "bytes that are no text", bytes([0xFF, 1]), bytes([0xFF, 2]),
      [#"b"\xff\x01""#, #"b"\xff\x02""#]
    ),
    ("text and bytes", P.string("a"), bytes([0x61]), ["a", #"b"a""#]),
    ("text and an integer", P.string("1"), [0x4B, 1], ["1", "int(1)"]),
    ("text and None", [0x4E], P.string("None"), ["NoneType(None)", "None"]),
    ("text and a float", real(2.5), P.string("2.5"), ["float(2.5)", "2.5"]),
    ("floats", real(1.5), real(1.5.nextUp), ["1.5", "1.5000000000000002"]),
    ("values that are not numbers", real(.nan), real(.nan), ["nan", "float(nan)"]),
    (
      "long tuples", P.tuple([P.string(long), [0x4B, 1]]), P.tuple([P.string(long), [0x4B, 2]]),
      ["(\"\(long)\", 1)", "(\"\(long)\", 2)"]
    ),
    (
      "many elements", P.integers(Array(0..<20)), P.integers(Array(0..<19) + [7]),
      [
        "(" + (0..<20).map(String.init).joined(separator: ", ") + ")",
        "(" + (0..<19).map(String.init).joined(separator: ", ") + ", 7)",
      ]
    ),
    (
      "nested tuples",
      P.tuple([P.tuple([P.tuple([P.tuple([P.tuple([[0x4B, 1]])])])])]),
      P.tuple([P.tuple([P.tuple([P.tuple([P.tuple([[0x4B, 2]])])])])]),
      ["(((((1)))))", "(((((2)))))"]
    ),
    ("text in tuples", P.tuple([P.string("1")]), P.tuple([[0x4B, 1]]), [#"("1")"#, "(1)"]),
    (
      "large integers", big([1, 0, 0, 0, 0, 0, 0, 0, 0, 1]), big([2, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
      ["4722366482869645213697", "4722366482869645213698"]
    ),
    (
      "Unicode that is equivalent", P.string("\u{E9}"), P.string("e\u{301}"),
      ["\u{E9}", "e\u{301}"]
    ),
    ("tensors", tensor(0), tensor(1), ["<tensor>", "<tensor> #2"]),
    (
      "values of unknown classes", P.call(P.global("colours", "Colour"), [[0x4B, 1]]),
      P.call(P.global("colours", "Colour"), [[0x4B, 1]]),
      ["colours.Colour(1)", "colours.Colour(1) #2"]
    ),
  ]

  @Test(arguments: pairs.indices)
  func `two keys that differ are two tensors`(_ index: Int) throws {
    let (what, first, second, names) = Self.pairs[index]
    let value = Self.dictionary([(first, Self.tensor(0)), (second, Self.tensor(1))])
    let checkpoint = try open(value)
    #expect(checkpoint.keys.map { Key($0.string) } == names.map { Key($0) }, "\(what)")
    #expect(try checkpoint.tensors.values.map { try $0.floats() } == [[1], [2]], "\(what)")
    // What is written has the same keys, whatever the format.
    for name in ["a.pt", "a.safetensors"] {
      try checkpoint.write(to: folder.file(name), options: WriteOptions(ignoresForeign: true))
      let back = try Checkpoint.open(folder.file(name))
      #expect(Set(back.keys) == Set(checkpoint.keys), "\(what)")
      for (key, tensor) in checkpoint.tensors {
        #expect(try back[key]?.floats() == tensor.floats(), "\(what)")
      }
    }
  }

  static let equal: [(String, [UInt8], [UInt8], String)] = [
    ("an integer and True", [0x4B, 1], [0x88], "1"),
    ("True and an integer", [0x88], [0x4B, 1], "True"),
    ("a float and an integer", real(1), [0x4B, 1], "1.0"),
    ("both zeros", real(-0.0), [0x89], "-0.0"),
    (
      "a complex number", P.call(P.global("builtins", "complex"), [real(1), real(0)]), [0x4B, 1],
      "(1.0 + 0.0j)"
    ),
    ("a large float", real(0x1p70), big([0, 0, 0, 0, 0, 0, 0, 0, 0x40]), "1.1805916207174113e+21"),
    ("tuples", P.tuple([[0x88], real(2)]), P.tuple([[0x4B, 1], [0x4B, 2]]), "(True, 2.0)"),
    (
      "a size", P.integers([1, 2]), P.call(P.global("torch", "Size"), [P.integers([1, 2])]),
      "(1, 2)"
    ),
    ("integers with bytes of their sign", big([5, 0, 0]), [0x4B, 5], "5"),
    ("names of a dtype", P.global("torch", "half"), P.global("torch", "float16"), "torch.half"),
  ]

  @Test(arguments: equal.indices)
  func `keys that Python calls equal are one, the first, with the last value`(
    _ index: Int
  ) throws {
    let (what, first, second, name) = Self.equal[index]
    let checkpoint = try open(
      Self.dictionary([(first, Self.tensor(0)), (second, Self.tensor(1))]))
    #expect(checkpoint.keys.map(\.string) == [name], "\(what)")
    #expect(try checkpoint.tensors.values.first?.floats() == [2], "\(what)")
  }

  @Test func `two tensors whose keys are one when they are joined are refused`() throws {
    let value = Self.dictionary([
      (P.string("a.b"), Self.tensor(0)),
      (P.string("a"), Self.dictionary([(P.string("b"), Self.tensor(1))])),
    ])
    let said = try complaint(
      about: ZipBytes(pickle: P.whole(value), storages: [Self.elements]).bytes, in: folder)
    #expect(
      said == "two tensors have the same key once containers are joined by dots (key \"a.b\")")
  }

  @Test func `what Python does not take as a key is refused`() throws {
    for (key, sentence) in [
      ([0x5D], "a list in the keys of a dictionary"),
      (P.tuple([[0x7D]]), "a dict in the keys of a dictionary"),
      (P.call(P.global("builtins", "bytearray"), []), "a bytearray in the keys of a dictionary"),
    ] {
      let said = try complaint(
        about: ZipBytes(
          pickle: P.whole(Self.dictionary([(key, Self.tensor(0))])), storages: [Self.elements]
        ).bytes, in: folder)
      #expect(said?.contains(sentence) == true)
    }
  }

  @Test func `a key that doubles at each step is refused`() throws {
    // ((…(1, 1)…)): 2^60 elements.
    var pickle = P.start + [0x7D, 0x4B, 1]
    for _ in 0..<60 { pickle += [0x32, 0x86] }
    pickle += Self.tensor(0) + [0x73] + P.stop
    let said = try complaint(
      about: ZipBytes(pickle: pickle, storages: [Self.elements]).bytes, in: folder)
    #expect(said?.contains("the pickle copies its values over and over") == true)
  }

  @Test func `a tensor that is only a key, or only an attribute, is listed`() throws {
    let checkpoint = try open(
      Self.dictionary([
        (Self.tensor(0), [0x4B, 1]),
        (
          P.string("d"),
          P.global("collections", "OrderedDict") + [0x29, 0x52]
            + Self.dictionary([(P.string("note"), Self.tensor(1))]) + [0x62]
        ),
      ]))
    #expect(checkpoint.tensors.isEmpty)
    #expect(
      checkpoint.unsupported == [
        .init(key: "d.note", reason: "a tensor that is an attribute of another value"),
        .init(key: "<tensor>", reason: "a tensor that is the key of a dictionary"),
      ])
  }

  @Test func `integers of any size have their digits`() {
    #expect(IntegerText.text(twosComplement: []) == "0")
    #expect(IntegerText.text(twosComplement: [0xFF]) == "-1")
    #expect(IntegerText.text(twosComplement: [0x80]) == "-128")
    #expect(IntegerText.text(twosComplement: [0, 0, 0, 0x80]) == "-2147483648")
    #expect(
      IntegerText.text(twosComplement: [UInt8](repeating: 0, count: 12) + [1])
        == "79228162514264337593543950336")
    #expect(
      IntegerText.text(twosComplement: [UInt8](repeating: 0xFF, count: 300) + [0])
        == "0x" + String(repeating: "f", count: 600))
    #expect(IntegerText.text(whole: 0x1p64) == "18446744073709551616")
    #expect(IntegerText.text(whole: -0x1.8p64) == "-27670116110564327424")
    #expect(IntegerText.text(whole: 0x1p63) == "9223372036854775808")
    #expect(IntegerText.text(whole: 0.5) == nil)
    #expect(IntegerText.text(whole: .infinity) == nil)
  }
}
