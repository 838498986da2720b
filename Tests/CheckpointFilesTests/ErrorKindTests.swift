import OrderedCollections
import Testing

@testable import CheckpointFiles

/// What a program that switches on kinds sees, for each kind.
@Suite struct ErrorKindTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func error(_ body: () throws -> Void) throws -> CheckpointError {
    try #require(throws: CheckpointError.self) { try body() }
  }

  private func opening(_ bytes: [UInt8], _ name: String = "file") throws -> CheckpointError {
    let path = try folder.write(bytes, name)
    return try error { try use(try Checkpoint.open(path)) }
  }

  private func safetensors(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
    little(header.utf8.count, 8) + Array(header.utf8) + data
  }

  private var tensor: Tensor {
    get throws { try #require(Tensor([1, 2], shape: [2])) }
  }

  @Test func `a file that does not exist is not found`() throws {
    let missing = try error { _ = try Checkpoint.open(folder.file("none.safetensors")) }
    #expect(missing.kind == .notFound && missing.path == folder.file("none.safetensors"))
    let below = try error { _ = try Checkpoint.open(folder.write([0], "a") + "/b") }
    #expect(below.kind == .notFound)
    let empty = try error { _ = try Checkpoint.open(TemporaryFolder().path) }
    #expect(empty.kind == .notFound)
    let cache = try error { _ = try HuggingFaceCache.snapshot(of: "no-such/model@v1") }
    #expect(cache.kind == .notFound)
    #expect(cache.advice == .download(model: "no-such/model", revision: "v1"))
  }

  @Test func `a shard that does not exist is a missing part, and no model to download`() throws {
    let index = Array(#"{"weight_map":{"a":"some/model-name"}}"#.utf8)
    let error = try opening(index, "model.safetensors.index.json")
    #expect(error.kind == .missingPart)
    #expect(error.advice == nil)
    #expect(error.path.utf8.hasSuffix("/some/model-name"))
    #expect((error.underlying as? CheckpointError)?.kind == .notFound)
  }

  @Test func `what is neither format is unknown`() throws {
    for start in [
      "GGUF....", "<html>", "hello, world", "version https://git-lfs.github.com/spec/v1",
    ] {
      #expect(try opening(Array(start.utf8)).kind == .unknownFormat, "\(start)")
    }
    #expect(try opening(Array("{}".utf8)).kind == .unknownFormat)
    #expect(try opening(ZipBytes([.init(name: "a", bytes: [])]).bytes).kind == .unknownFormat)
  }

  @Test func `what breaks its format is malformed, with its place`() throws {
    let header = #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#
    let error = try opening(safetensors(header, [0, 0, 0, 0]))
    #expect(error.kind == .malformed && error.key == "w")
    let pickle = try opening(ZipBytes(pickle: [0x80, 2, 0x52, 0x2E]).bytes)
    #expect(pickle.kind == .malformed)
    #expect(pickle.record == "archive/data.pkl" && pickle.offset == 2)
  }

  @Test func `a wrong checksum is a mismatch`() throws {
    let storage = PickleBytes.storage("0", count: 1)
    var zip = ZipBytes(
      pickle: PickleBytes.file([("w", PickleBytes.tensor(storage, size: [1], strides: [1]))]),
      storages: [[1, 2, 3, 4]])
    zip.records[1].crc = 1
    zip.records[1].localCRC = 1
    let error = try opening(zip.bytes)
    #expect(error.kind == .checksumMismatch && error.record == "archive/data/0")
  }

  @Test func `an unused part of a format is unsupported`() throws {
    var zip = ZipBytes(pickle: PickleBytes.file([]))
    zip.records[0].method = 12
    #expect(try opening(zip.bytes).kind == .unsupported)
    var checkpoint = Checkpoint()
    checkpoint.tensors["a"] = Tensor(dtype: .complex32, shape: [1], bytes: [0, 0, 0, 0])
    let written = try error { try checkpoint.write(to: folder.file("a.safetensors")) }
    #expect(written.kind == .unsupported && written.key == "a")
  }

  @Test func `values of unknown classes are foreign code, which can be left out`() throws {
    let pickle = PickleBytes.file([
      ("a", PickleBytes.call(PickleBytes.global("os", "system"), [PickleBytes.string("x")]))
    ])
    let path = try folder.write(ZipBytes(pickle: pickle).bytes)
    let error = try error { try Checkpoint.open(path).write(to: folder.file("b.pt")) }
    #expect(error.kind == .foreignCode && error.advice == .leaveOutForeign && error.key == "a")
    #expect(!error.description.contains("--"), "a library knows no options")
  }

  @Test func `what is too large is refused before memory is taken`() throws {
    #expect(try opening(little(100_000_001, 8) + Array("{}".utf8)).kind == .tooLarge)
    let dimensions = Array(repeating: "1", count: 65).joined(separator: ",")
    let header = #"{"w":{"dtype":"U8","shape":[\#(dimensions)],"data_offsets":[0,1]}}"#
    let error = try opening(safetensors(header, [0]))
    #expect(error.kind == .tooLarge && error.key == "w")
  }

  @Test func `a name that leads out of the folder is refused`() throws {
    let index = Array(#"{"weight_map":{"a":"../a.safetensors"}}"#.utf8)
    #expect(try opening(index).kind == .outsideFolder)
    var zip = ZipBytes(pickle: PickleBytes.file([]))
    zip.records.append(.init(name: "archive/../x", bytes: []))
    #expect(try opening(zip.bytes).kind == .outsideFolder)
  }

  @Test func `a locked folder is in use`() throws {
    let lock = try FolderLock(path: folder.path)
    let error = try error { _ = try FolderLock(path: folder.path) }
    #expect(error.kind == .inUse)
    withExtendedLifetime(lock) {}
  }

  @Test func `an input is not replaced unless that is asked for`() throws {
    let path = folder.file("a.safetensors")
    try Checkpoint(tensors: ["w": try tensor]).write(to: path)
    let read = try Checkpoint.open(path)
    let error = try error { try read.write(to: path) }
    #expect(error.kind == .wouldReplace && error.advice == .replaceInput)
    let plain = try self.error { try WholeFile.checkWriting(to: path, reading: [path]) }
    #expect(plain.kind == .wouldReplace && plain.advice == nil)
  }

  @Test func `a file that was replaced since it was read has changed`() throws {
    let path = folder.file("a.safetensors")
    try Checkpoint(tensors: ["w": try tensor]).write(to: path)
    let read = try Checkpoint.open(path)
    try Checkpoint(tensors: ["v": try tensor]).write(to: path)
    #expect(try error { try read.replace(path) }.kind == .changed)
  }

  @Test func `an interrupted change names the folder that must be finished`() throws {
    try folder.write([], FolderChange.journalName)
    let error = try error { _ = try Checkpoint.open(folder.path) }
    #expect(error.kind == .unfinishedChange)
    #expect(error.advice == .finishChange(folder: folder.path))
  }

  @Test func `a folder with only a delta needs its base`() throws {
    try folder.write([], "model.delta.safetensors")
    let error = try error { _ = try Checkpoint.open(folder.path) }
    #expect(error.kind == .unsupported && error.advice == .nameBase)
  }

  @Test func `a conversion that does not exist is a mismatch`() throws {
    let tensor = try #require(
      Tensor(dtype: .complex64, shape: [1], bytes: [UInt8](repeating: 0, count: 8)))
    #expect(try error { _ = try tensor.converted(to: .float32) }.kind == .tensorMismatch)
  }

  @Test func `a folder in the place of a file is an invalid argument`() throws {
    let error = try error { try Checkpoint(tensors: ["w": try tensor]).write(to: folder.path) }
    #expect(error.kind == .invalidArgument)
  }

  @Test func `a folder that is missing or cannot be written is told apart`() throws {
    let checkpoint = Checkpoint(tensors: ["w": try tensor])
    let missing = try error { try checkpoint.write(to: folder.file("none/a.safetensors")) }
    #expect(missing.kind == .notFound)
    let unwritable = try error { try checkpoint.write(to: "/proc/self/a.safetensors") }
    #expect(unwritable.kind == .cannotWrite || unwritable.kind == .notFound)
    #expect(CheckpointError.system(.write, "No space left", isMissing: false).kind == .cannotWrite)
    #expect(
      CheckpointError.system(.read, "Input/output error", isMissing: false).kind == .cannotRead)
  }

  private struct Refusal: Error {}

  @Test func `an error of the code that computes elements is the cause of one`() throws {
    let computed = try Tensor.computed(dtype: .float32, shape: [1]) { _ in throw Refusal() }
    let error = try error { _ = try computed.floats() }
    #expect(error.kind == .notComputed && error.underlying is Refusal)
    let written = try self.error {
      try Checkpoint(tensors: ["w": computed]).write(to: folder.file("a.safetensors"))
    }
    #expect(written.kind == .notComputed && written.key == "w" && written.underlying is Refusal)
    #expect(try folder.names == [], "nothing is left")
  }

  @Test func `places are added where there are none, and nearer ones stay`() throws {
    let inner = CheckpointError.duplicateKey.located(key: "inner", offset: 3)
    let outer = inner.located(path: "file", key: "outer", record: "r", offset: 9)
    #expect(outer.key == "inner" && outer.offset == 3 && outer.record == "r")
    #expect(
      outer.description
        == #"file: the key is duplicated in the header (key "inner", record "r", byte 3)"#)
    #expect(outer == inner.located(path: "file", record: "r"))
    #expect(outer != inner)
  }
}
