import CheckpointFiles
import EspalierTestSupport
import Foundation
import OrderedCollections

/// A folder that is removed with the object.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "espalier-files-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  @discardableResult
  func write(_ bytes: [UInt8], _ name: String = "file") throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }

  /// The names in the folder.
  var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }
}

/// Opens a checkpoint of the given bytes, and uses all of it.
@discardableResult
func use(_ bytes: [UInt8], in folder: TemporaryFolder) throws -> Checkpoint {
  let checkpoint = try Checkpoint.open(try folder.write(bytes))
  try use(checkpoint)
  return checkpoint
}

/// Reads everything that a checkpoint says of itself.
func use(_ checkpoint: Checkpoint) throws {
  _ = try checkpoint.values
  _ = checkpoint.foreignGlobals
  for tensor in checkpoint.tensors.values {
    _ = try tensor.bytes()
    var count = 0
    try tensor.forEachChunk(ofBytes: 64) { count += $0.byteCount }
    if count != tensor.byteCount { throw CheckpointErrorStandIn() }
  }
}

/// A tensor gave fewer or more bytes than it has.
struct CheckpointErrorStandIn: Error {}

/// The sentence of the error that `bytes` give, without the path; `nil` when there is none.
func complaint(about bytes: [UInt8], in folder: TemporaryFolder) throws -> String? {
  let path = try folder.write(bytes)
  do {
    try use(try Checkpoint.open(path))
    return nil
  } catch let error as CheckpointError {
    let text = error.description
    return text.hasPrefix(path + ": ") ? String(text.dropFirst(path.count + 2)) : text
  }
}
