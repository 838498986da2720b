import CheckpointFiles
import EspalierTestSupport
import Foundation
import OrderedCollections
import Testing

@Suite struct FileTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func checkpoint(_ count: Int = 4) -> Checkpoint {
    var checkpoint = Checkpoint()
    checkpoint.tensors["a"] = Tensor([Float](repeating: 1, count: count), shape: [count])
    return checkpoint
  }

  private func reason(_ path: String) throws -> String {
    try #require(#expect(throws: CheckpointError.self) { try Checkpoint.open(path) }).description
  }

  private func shorten(_ path: String, to count: Int) throws {
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.truncate(atOffset: UInt64(count))
    try handle.close()
  }

  @Test func `a missing file names its path`() throws {
    let path = folder.file("no such file")
    #expect(try reason(path) == "\(path): cannot open: No such file or directory")
  }

  static let others: [(String, [UInt8])] = [
    ("is a Git LFS pointer", Array("version https://git-lfs.github.com/spec/v1\noid".utf8)),
    (
      "begins with \"root:x:0:0:root:\": neither a safetensors nor a PyTorch file",
      Array("root:x:0:0:root:/root:".utf8)
    ),
    ("is a GGUF file", Array("GGUF....................".utf8)),
    ("is an HDF5 file", [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0]),
    ("is compressed by gzip", [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0]),
    ("is a web page", Array("<!DOCTYPE html><html>".utf8)),
    ("is JSON without weight_map", Array("{\"hidden_size\": 768}".utf8)),
    (
      "is a tar archive",
      [UInt8](repeating: 65, count: 257) + Array("ustar".utf8) + [UInt8](repeating: 0, count: 250)
    ),
  ]

  @Test(arguments: others.indices)
  func `a file of another kind is called by its name`(_ index: Int) throws {
    let (sentence, bytes) = Self.others[index]
    #expect(try reason(try folder.write(bytes)).contains(sentence))
  }

  @Test func `the name of a file has no say in its format`() throws {
    try checkpoint().write(to: folder.file("a.pt"), options: WriteOptions(format: .safetensors))
    #expect(try Checkpoint.open(folder.file("a.pt")).format == .safetensors)
    try checkpoint().write(
      to: folder.file("a.safetensors"), options: WriteOptions(format: .torchZip))
    #expect(try Checkpoint.open(folder.file("a.safetensors")).format == .torchZip)
  }

  @Test(arguments: ["a.safetensors", "a.pt"])
  func `a file that is being read is replaced only when asked`(_ name: String) throws {
    let path = folder.file(name)
    try checkpoint().write(to: path)
    let before = try Fixtures.bytes(path)
    let opened = try Checkpoint.open(path)
    #expect(throws: CheckpointError.self) { try opened.write(to: path) }
    // Also under another name, and with elements that are computed.
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link"), withDestinationPath: path)
    #expect(throws: CheckpointError.self) {
      try opened.converted(to: .float16).write(to: folder.file("link"))
    }
    #expect(try Fixtures.bytes(path) == before)
    try opened.converted(to: .float16).write(
      to: path, options: WriteOptions(inPlace: true))
    #expect(try Checkpoint.open(path)["a"]?.floats() == [1, 1, 1, 1])
    // What was opened before still has its bytes.
    #expect(try opened["a"]?.floats() == [1, 1, 1, 1])
    #expect(try folder.names == [name, "link"].sorted())
  }

  @Test(arguments: ["a.safetensors", "a.pt"])
  func `a write that fails leaves the old file and nothing else`(_ name: String) throws {
    let path = folder.file(name)
    try checkpoint().write(to: path)
    let before = try Fixtures.bytes(path)
    // The source is truncated behind the writer's back.
    try checkpoint(1000).write(to: folder.file("source.safetensors"))
    let source = try Checkpoint.open(folder.file("source.safetensors"))
    try shorten(folder.file("source.safetensors"), to: 100)
    #expect(throws: CheckpointError.self) { try source.write(to: path) }
    #expect(try Fixtures.bytes(path) == before)
    #expect(try folder.names == [name, "source.safetensors"].sorted())
  }

  @Test(arguments: ["a.safetensors", "a.pt"])
  func `a file that shrinks is an error to stream and to map, and never a crash`(
    _ name: String
  ) throws {
    try checkpoint(100_000).write(to: folder.file(name))
    let opened = try Checkpoint.open(folder.file(name))
    try shorten(folder.file(name), to: 5000)
    let tensor = try #require(opened["a"])
    #expect(throws: CheckpointError.self) { try tensor.bytes() }
    #expect(throws: CheckpointError.self) { try tensor.forEachChunk { _ in } }
    #expect(throws: CheckpointError.self) { try tensor.withBytes { _ in } }
  }

  @Test func `progress ends at the total`() throws {
    final class Seen: @unchecked Sendable { var last = (0, 0) }
    let seen = Seen()
    var tied = checkpoint()
    tied.tensors["b"] = tied["a"]
    try tied.write(
      to: folder.file("a.pt"), options: WriteOptions(progress: { seen.last = ($0, $1) }))
    #expect(seen.last == (32, 32))
  }
}
