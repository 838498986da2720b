import Foundation
import OrderedCollections
import Testing

@testable import CheckpointFiles

@Suite struct `A checkpoint that is replaced` {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func checkpoint(_ value: UInt8, count: Int = 3) -> Checkpoint {
    var tensors: OrderedDictionary<Key, Tensor> = [:]
    for number in 0..<count {
      tensors[Key("t\(number)")] = Tensor(
        dtype: .uint8, shape: [64], storage: TensorStorage([UInt8](repeating: value, count: 64)))
    }
    return Checkpoint(format: .safetensors, tensors: tensors, metadata: [:])
  }

  private func values(_ name: String) throws -> [UInt8] {
    let checkpoint = try Checkpoint.open(folder.file(name))
    return try checkpoint.tensors.values.map { try $0.converted(to: .uint8).bytes()[0] }
  }

  private func writeShards(_ value: UInt8) throws {
    try checkpoint(value).write(
      to: folder.file("model.safetensors"), options: WriteOptions(shardByteCount: 64))
  }

  @Test func `keeps its old shards until the index names the new ones`() throws {
    try writeShards(1)
    let old = try folder.names
    // What opened the old one reads it to its end.
    let open = try Checkpoint.open(folder.file(""))
    try checkpoint(2).replace(folder.file("model.safetensors.index.json"))
    #expect(try folder.names.filter { $0.contains("-v2-") }.count == 3)
    #expect(try folder.names.count == old.count)
    #expect(try values("") == [2, 2, 2])
    #expect(try open.tensors.values.map { try $0.bytes()[0] } == [1, 1, 1])
    // The first names are free again.
    try checkpoint(3).replace(folder.file("model.safetensors.index.json"))
    #expect(try folder.names == old)
    #expect(try values("") == [3, 3, 3])
  }

  @Test func `is written over other shards without touching them before the index`() throws {
    try writeShards(1)
    try writeShards(2)
    #expect(try values("") == [2, 2, 2])
    #expect(try folder.names.count == 4)
  }

  @Test func `becomes one file of shards, and shards of one file`() throws {
    try writeShards(1)
    try checkpoint(2).replace(folder.file(""), options: WriteOptions(shardByteCount: 1 << 20))
    #expect(try folder.names == ["model.safetensors"])
    #expect(try values("") == [2, 2, 2])
    try checkpoint(3).replace(folder.file(""), options: WriteOptions(shardByteCount: 64))
    #expect(try folder.names.count == 4)
    #expect(try values("") == [3, 3, 3])
  }

  @Test func `is refused when another program has replaced it since it was read`() throws {
    let path = folder.file("model.safetensors")
    try checkpoint(1).write(to: path)
    let read = try Checkpoint.open(path)
    try checkpoint(2).write(to: path)
    let error = #expect(throws: CheckpointError.self) { try read.replace(path) }
    #expect(
      error?.description
        == "\(path): another program replaced this file after it was read; nothing was written, so run the "
        + "command again")
    #expect(try values("model.safetensors") == [2, 2, 2])
  }

  @Test func `is refused while another process replaces it`() throws {
    let path = folder.file("model.safetensors")
    try checkpoint(1).write(to: path)
    let other = try InputFile(path: path)
    #expect(other.tryLock())
    let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(path).replace(path) }
    #expect(error?.reason.hasPrefix("another process of espalier is replacing this file") == true)
    #expect(try folder.names == ["model.safetensors"])
  }

  // MARK: With its configuration

  @Test func `takes its configuration along`() throws {
    try checkpoint(1).write(to: folder.file("model.safetensors"))
    try folder.write(Array("{\"layers\": 1}".utf8), "config.json")
    try checkpoint(2).replace(
      folder.file(""), options: WriteOptions(),
      beside: [("config.json", Array("{\"layers\": 2}".utf8))])
    #expect(try WholeFile.read(folder.file("config.json")) == Array("{\"layers\": 2}".utf8))
    #expect(try values("") == [2, 2, 2])
    #expect(try folder.names == ["config.json", "model.safetensors"])
  }

  /// A folder as a process that was killed between two renames leaves it.
  private func interrupt(journal: String) throws {
    try checkpoint(1).write(to: folder.file("model.safetensors"))
    try checkpoint(2).write(to: folder.file(".model.safetensors.espalier-new"))
    try folder.write(Array("{}".utf8), ".config.json.espalier-new")
    try folder.write(Array("x".utf8), "old-shard.safetensors")
    try folder.write(Array(journal.utf8), "unfinished-change.espalier")
  }

  private static let journal = """
    {"format": "espalier-unfinished-change", "version": 1,
     "replaced": ["model.safetensors", "config.json"], "removed": ["old-shard.safetensors"]}
    """

  @Test func `is not opened while its change is interrupted, and is whole when it is finished`()
    throws
  {
    try interrupt(journal: Self.journal)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(folder.file("")) }
    #expect(
      error?.reason
        == "a change of this model was interrupted before all of its files were in place")
    #expect(error?.advice == .finishChange(folder: folder.file("")))
    #expect(try Checkpoint.finishReplacing(folder.file("")))
    #expect(try folder.names == ["config.json", "model.safetensors"])
    #expect(try values("") == [2, 2, 2])
    #expect(try !Checkpoint.finishReplacing(folder.file("")))
  }

  @Test(arguments: [
    "", "{", "[]", "{}",
    "{\"format\": \"espalier-unfinished-change\", \"version\": 2, \"replaced\": [], \"removed\": []}",
    "{\"format\": \"espalier-unfinished-change\", \"version\": 1, \"replaced\": [\"../a\"], \"removed\": []}",
    "{\"format\": \"espalier-unfinished-change\", \"version\": 1, \"replaced\": [], \"removed\": [\"/a\"]}",
    "{\"format\": \"espalier-unfinished-change\", \"version\": 1, \"replaced\": [], \"removed\": [\"..\"]}",
    "{\"format\": \"espalier-unfinished-change\", \"version\": 1, \"replaced\": [], \"removed\": [7]}",
  ])
  func `refuses a journal that is broken or leads out of the folder`(journal: String) throws {
    try interrupt(journal: journal)
    let names = try folder.names
    let error = #expect(throws: CheckpointError.self) {
      try Checkpoint.finishReplacing(folder.file(""))
    }
    #expect(error?.path == folder.file("unfinished-change.espalier"))
    #expect(try folder.names == names)
  }

  // MARK: Links and leftovers

  @Test func `in a folder replaces a link and leaves alone what it leads to`() throws {
    try checkpoint(1).write(to: folder.file("victim"))
    let model = try TemporaryFolder()
    let files = FileManager.default
    try files.createSymbolicLink(
      atPath: model.file("model.safetensors"), withDestinationPath: folder.file("victim"))
    try checkpoint(2).replace(model.path)
    #expect(try values("victim") == [1, 1, 1])
    // Where the user names the link itself, its target is meant.
    try files.createSymbolicLink(
      atPath: model.file("typed.safetensors"), withDestinationPath: folder.file("victim"))
    try checkpoint(4).write(to: model.file("typed.safetensors"))
    #expect(try values("victim") == [4, 4, 4])
  }

  @Test func `removes what a killed process left, and nothing of a living one`() throws {
    let dead = ".x.espalier-2147483646-abc.tmp"
    let alive = ".x.espalier-\(SystemCall.processIdentifier)-abc.tmp"
    try folder.write(Array("x".utf8), dead)
    try folder.write(Array("x".utf8), alive)
    try checkpoint(1).write(to: folder.file("a.safetensors"))
    #expect(try folder.names == [alive, "a.safetensors"])
  }

  @Test func `fills a folder that one process at a time may fill`() throws {
    let first = try FolderLock(path: folder.path)
    let error = #expect(throws: CheckpointError.self) { try FolderLock(path: folder.path) }
    #expect(error?.reason.hasPrefix("another process of espalier is writing") == true)
    withExtendedLifetime(first) {}
  }
}
