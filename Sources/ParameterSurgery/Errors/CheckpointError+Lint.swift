internal import CheckpointFiles

extension CheckpointError {
  /// There is no file or folder to check.
  static func notFound(_ path: String) -> CheckpointError {
    CheckpointError(.notFound, path: path, "cannot open: No such file or directory")
  }
}
