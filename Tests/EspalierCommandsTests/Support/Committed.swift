import EspalierTestSupport
import Foundation

extension Folder {
  /// A folder with the model `tiny` and the data `train.tsv` and `dev.tsv`.
  static func ofSmallRun() throws -> Folder {
    let folder = try Folder()
    try folder.copy("bert-tiny", to: "tiny")
    try folder.copy("sentiment/train.tsv", to: "train.tsv")
    try folder.copy("sentiment/dev.tsv", to: "dev.tsv")
    return folder
  }

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
