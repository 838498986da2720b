import CheckpointFiles
import EspalierTestSupport
import Foundation
import OrderedCollections
import Testing

@Suite struct `A folder for results` {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private struct Refusal: Error {}

  private func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: folder.file(name))
  }

  @Test(arguments: ["a", "a/b/c", "a/b/c/", "a//b"])
  func `is made with the missing ones above it`(_ name: String) throws {
    #expect(FolderCreation.ground(of: folder.file(name)) == folder.file("").trimmedSlash)
    try FolderCreation(path: folder.file(name)).removingIfEmpty {
      #expect(WholeFile.isFolder(folder.file(name)))
    }
    #expect(WholeFile.isFolder(folder.file(name)))
    #expect(FolderCreation.ground(of: folder.file(name)) == folder.file(name))
  }

  @Test func `goes again when nothing was put there`() throws {
    #expect(throws: Refusal.self) {
      try FolderCreation(path: folder.file("a/b/c")).removingIfEmpty { throw Refusal() }
    }
    #expect(!exists("a"))
  }

  @Test func `stays with what was put there, and where it stood before`() throws {
    #expect(throws: Refusal.self) {
      try FolderCreation(path: folder.file("a/b/c")).removingIfEmpty {
        try WholeFile.write([1], to: folder.file("a/b/kept"))
        throw Refusal()
      }
    }
    #expect(exists("a/b/kept"))
    #expect(!exists("a/b/c"))
    try FileManager.default.createDirectory(
      atPath: folder.file("old"), withIntermediateDirectories: false)
    #expect(throws: Refusal.self) {
      try FolderCreation(path: folder.file("old/new")).removingIfEmpty { throw Refusal() }
    }
    #expect(exists("old"))
    #expect(!exists("old/new"))
  }

  @Test func `is not made in a file, and leaves nothing`() throws {
    try WholeFile.write([1], to: folder.file("file"))
    for name in ["file", "file/", "file/a/b"] {
      #expect(throws: CheckpointError.self) { try FolderCreation(path: folder.file(name)) }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("")) == ["file"])
  }

  @Test func `is not made for a file`() throws {
    let path = folder.file("missing/a.safetensors")
    var checkpoint = Checkpoint()
    checkpoint.tensors["a"] = Tensor([1], shape: [1])
    let sentence = "\(path): the folder \"\(folder.file("missing"))\" does not exist"
    let written = #expect(throws: CheckpointError.self) { try checkpoint.write(to: path) }
    #expect(written?.description == sentence)
    let checked = #expect(throws: CheckpointError.self) { try checkpoint.checkWriting(to: path) }
    #expect(checked?.description == sentence)
    #expect(!exists("missing"))
  }
}

extension String {
  fileprivate var trimmedSlash: String { hasSuffix("/") ? String(dropLast()) : self }
}
