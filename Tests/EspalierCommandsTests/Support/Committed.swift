import EspalierTestSupport
import Foundation

extension Folder {
  /// Puts a copy of something under `fixtures/` into the folder.
  func copy(_ fixture: String, to name: String) throws {
    try FileManager.default.copyItem(
      at: URL(fileURLWithPath: Fixtures.path(fixture)), to: url.appendingPathComponent(name))
  }
}

extension Tool.Result {
  /// Standard output as one JSON value.
  func json() throws -> Any {
    try JSONSerialization.jsonObject(with: Data(output.utf8), options: [.fragmentsAllowed])
  }

  /// Standard output as one JSON object.
  func object() throws -> [String: Any] { try json() as? [String: Any] ?? [:] }
}
