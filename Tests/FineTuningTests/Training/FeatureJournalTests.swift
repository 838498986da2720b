import CheckpointFiles
import EspalierTestSupport
import FineTuning
import Testing

/// What an interrupted computation of the frozen prefix leaves, and what the next run makes of it.
@Suite("An interrupted cache")
struct FeatureJournalTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private var cache: String { folder.path("cache") }

  /// The first and the last number of tokens that a run reported for its training data, and the model that it wrote.
  private func run(stoppingAt group: Int? = nil) throws -> (first: Int, model: [UInt8]) {
    let run = try TinyRun.make(limit: nil) {
      $0.cacheFolder = cache
      $0.options.epochs = 1
    }
    var reports: [Int] = []
    let name = "run-\(folder.names().count)"
    _ = try run.train(into: folder.path(name)) {
      guard case .caching(let done, _) = $0 else { return }
      reports.append(done)
      if reports.count == group { throw Interruption() }
    }
    return (
      reports.first ?? 0, try Fixtures.bytes(folder.path("\(name)/model.safetensors"))
    )
  }

  /// The journal in the folder of the cache.
  private var journal: String? { folder.names("cache").first { $0.hasSuffix(".partial") } }

  /// The tokens of the first group, and the model of a run that nothing interrupts.
  private func undisturbed() throws -> (first: Int, model: [UInt8]) {
    let result = try run()
    for name in folder.names("cache") { remove("cache/\(name)") }
    return result
  }

  private func remove(_ name: String) { WholeFile.remove(folder.path(name)) }

  @Test func `is kept, and the next run computes what is missing, to the same bytes`() throws {
    let whole = try undisturbed()
    #expect(throws: Interruption.self) { try run(stoppingAt: 2) }
    #expect(folder.names("cache").count == 1)
    #expect(journal != nil)
    let next = try run()
    // It begins with the two groups that are there.
    #expect(next.first > whole.first)
    #expect(next.model == whole.model)
    #expect(journal == nil, "\(folder.names("cache"))")
    #expect(folder.names("cache").count == 2)
  }

  private static let damages:
    [(name: String, groups: Int, change: @Sendable ([UInt8]) -> [UInt8])] = [
      ("the last byte is missing", 1, { Array($0.dropLast()) }),
      (
        "only the digest of the last block is there", 1,
        { bytes in
          Array(bytes.prefix(bytes.count - (bytes.count - 27) / 2 + 64))
        }
      ),
      ("a bit of the last block is another", 1, { flipping($0, at: $0.count - 1) }),
      ("a bit of the first digest is another", 0, { flipping($0, at: 30) }),
      ("a bit of the first block is another", 0, { flipping($0, at: 200) }),
      ("the marker is another", 0, { flipping($0, at: 3) }),
      (
        "the blocks are zero", 0,
        { Array($0.prefix(27)) + [UInt8](repeating: 0, count: $0.count - 27) }
      ),
      ("the file is empty", 0, { _ in [] }),
      ("the file is a text", 0, { _ in Array("espalier\n".utf8) }),
      ("more follows the last block", 2, { $0 + [1, 2, 3] }),
    ]

  private static func flipping(_ bytes: [UInt8], at index: Int) -> [UInt8] {
    var bytes = bytes
    bytes[index] ^= 1
    return bytes
  }

  @Test(arguments: damages.indices)
  func `has no block that is trusted in part`(_ index: Int) throws {
    let damage = Self.damages[index]
    let whole = try undisturbed()
    #expect(throws: Interruption.self) { try run(stoppingAt: 2) }
    let name = try #require(journal)
    let bytes = try Fixtures.bytes(folder.path("cache/\(name)"))
    try folder.write("cache/\(name)", bytes: damage.change(bytes))
    let next = try run()
    #expect(next.model == whole.model, "\(damage.name)")
    switch damage.groups {
    case 0: #expect(next.first == whole.first, "\(damage.name)")
    default: #expect(next.first >= whole.first, "\(damage.name)")
    }
    if damage.groups == 2 { #expect(next.first > whole.first, "\(damage.name)") }
  }

  @Test func `has no block in the place of another`() throws {
    let whole = try undisturbed()
    #expect(throws: Interruption.self) { try run(stoppingAt: 1) }
    let name = try #require(journal)
    let one = try Fixtures.bytes(folder.path("cache/\(name)"))
    try folder.write("cache/\(name)", bytes: one + one.dropFirst(27))
    #expect(try run().model == whole.model)
  }

  @Test func `of other texts is not used`() throws {
    #expect(throws: Interruption.self) { try run(stoppingAt: 2) }
    let before = try #require(journal)
    let other = try TinyRun.make(limit: 200) {
      $0.cacheFolder = cache
      $0.options.epochs = 1
    }
    _ = try other.train(into: folder.path("other"))
    #expect(folder.names("cache").contains(before))
  }

  @Test func `that cannot be written is a note, and the run goes on`() throws {
    let whole = try undisturbed()
    #expect(throws: Interruption.self) { try run(stoppingAt: 2) }
    let name = try #require(journal)
    remove("cache/\(name)")
    // A folder in its place.
    _ = try FolderCreation(path: folder.path("cache/\(name)"))
    let blocked = try TinyRun.make(limit: nil) {
      $0.cacheFolder = cache
      $0.options.epochs = 1
    }
    var notes: [String] = []
    _ = try blocked.train(into: folder.path("blocked")) {
      if case .note(let text) = $0 { notes.append(text) }
    }
    #expect(notes.count == 1)
    #expect(notes.first?.hasPrefix("the cache is not kept: ") == true)
    #expect(try Fixtures.bytes(folder.path("blocked/model.safetensors")) == whole.model)
  }

  @Test func `of a run without a folder for caches goes with the run`() throws {
    let run = try TinyRun.make(limit: nil) { $0.options.epochs = 1 }
    var during: Set<String> = []
    _ = try run.train(into: folder.path("plain")) {
      if case .step = $0 { during.formUnion(folder.names("plain")) }
    }
    #expect(during.contains { $0.hasPrefix("frozen-trunk-") })
    #expect(!folder.names("plain").contains { $0.hasPrefix("frozen-trunk-") })
  }

  @Test func `of a run that fails in its first epoch leaves no folder`() throws {
    let run = try TinyRun.make(limit: nil)
    #expect(throws: Interruption.self) {
      try run.train(into: folder.path("failed")) { if case .step = $0 { throw Interruption() } }
    }
    #expect(folder.names() == [])
  }
}
