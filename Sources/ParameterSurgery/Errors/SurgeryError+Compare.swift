internal import CheckpointFiles
internal import OrderedCollections

/// Sentences about comparisons of checkpoints.
extension SurgeryError {
  static func renameMatchesNothing(_ rename: KeyRewrite, in path: String) -> SurgeryError {
    SurgeryError(
      .matchesNothing, path: path,
      "\(path): the rename \(quoted(rename.description)) matches no key")
  }

  static func prefixMatchesNothing(_ prefix: String, in paths: [String]) -> SurgeryError {
    SurgeryError(
      .matchesNothing, "no key of \(either(paths)) begins with \(quoted(prefix))")
  }

  static func comparedUnderOneName(
    _ a: Key, _ b: Key, as common: Key, in path: String
  ) -> SurgeryError {
    SurgeryError(
      .duplicateKey, path: path, key: b,
      "\(path): \(quoted(a.string)) and \(quoted(b.string)) would both be compared as "
        + quoted(common.string))
  }

  static func comparesRows(of key: Key) -> SurgeryError {
    SurgeryError(
      .unsupported, key: key,
      "whole tensors are compared, not rows of \(quoted(key.string)); omit the brackets")
  }

  /// `a`, `a or b`, `a, b or c`.
  private static func either(_ paths: [String]) -> String {
    guard let last = paths.last, paths.count > 1 else { return paths.first ?? "" }
    return paths.dropLast().joined(separator: ", ") + " or " + last
  }
}
