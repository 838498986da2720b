/// Where the documentation is for a user who has only the program.
enum Documentation {
  /// The page of the repository, as README.md names it.
  static let repository = "https://github.com/OWNER/espalier"
  /// The folder of the documents.
  static let folder = "\(repository)/tree/main/docs"

  /// The page of a document, such as `check.md`.
  static func page(_ document: String) -> String { "\(repository)/blob/main/docs/\(document)" }
}
