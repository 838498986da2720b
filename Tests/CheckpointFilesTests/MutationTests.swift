import CheckpointFiles
import EspalierTestSupport
import Testing

/// Sound files with a few bytes changed: they open or give one sentence, whatever was changed.
@Suite struct MutationTests {
  static let seeds = [
    "views.pt", "training.pt", "protocol-4.pt", "deflated.pt", "big-endian.pt",
    "views-legacy.pt", "training-legacy.pt", "protocol-5.pt", "dtypes.safetensors", "sparse.pt",
  ]

  @Test(arguments: seeds)
  func `a thousand mutations of a file are read or refused`(_ name: String) throws {
    let folder = try TemporaryFolder()
    var original = try Fixtures.bytes(Fixtures.path("torch/" + name))
    // A checksum would stop nearly every change; 0 means that none was computed.
    original.clearChecksums()
    var generator = SeededGenerator(seed: 20_240_229)
    for round in 0..<1000 {
      let bytes = original.mutated(by: &generator)
      do {
        let said = try complaint(about: bytes, in: folder)
        #expect(said?.contains("\n") != true, "\(name), round \(round): \(said ?? "")")
      } catch {
        Issue.record("\(name), round \(round): \(error)")
      }
    }
  }
}

extension [UInt8] {
  /// Sets the checksums of a zip archive to 0: at 14 in local headers, at 16 in the directory.
  mutating func clearChecksums() {
    for place in 0..<Swift.max(0, count - 20)
    where self[place] == 0x50 && self[place + 1] == 0x4B
      && (self[place + 2] == 1 && self[place + 3] == 2
        || self[place + 2] == 3 && self[place + 3] == 4)
    {
      let field = place + (self[place + 2] == 3 ? 14 : 16)
      replaceSubrange(field..<field + 4, with: [0, 0, 0, 0])
    }
  }

  /// The bytes with one to four changes: bits flipped, bytes set to odd values, ranges copied, cut out
  /// or doubled.
  func mutated(by generator: inout SeededGenerator) -> [UInt8] {
    var bytes = self
    for _ in 0..<Int.random(in: 1...4, using: &generator) where bytes.count > 8 {
      let place = Int.random(in: bytes.indices, using: &generator)
      let length = Swift.min(bytes.count - place, Int.random(in: 1...16, using: &generator))
      switch Int.random(in: 0..<8, using: &generator) {
      case 0, 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 2: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0
      case 3:
        for index in place..<place + length { bytes[index] = 0xFF }
      case 4:
        let source = Int.random(in: 0...bytes.count - length, using: &generator)
        bytes.replaceSubrange(place..<place + length, with: bytes[source..<source + length])
      case 5: bytes.removeSubrange(place..<place + length)
      case 6: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
      default: bytes[place] = UInt8.random(in: 0...255, using: &generator)
      }
    }
    return bytes
  }
}
