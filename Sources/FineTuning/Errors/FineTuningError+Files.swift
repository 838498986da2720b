internal import CheckpointFiles
internal import ParameterSurgery

/// What can be wrong with files and with memory, whatever they hold.
extension FineTuningError {
  static func largeFile(_ path: String, limit: Int) -> FineTuningError {
    FineTuningError(
      .file, path: path, "larger than \(grouped(limit)) bytes, which no such file needs")
  }

  /// A temporary file that the system refused.
  ///
  /// - Parameter reason: what the system says.
  static func noRoom(in folder: String, _ reason: String) -> FineTuningError {
    FineTuningError(
      .file, path: folder,
      "no room for what does not stay in memory: \(reason); set TMPDIR to a folder with room")
  }

  static func notFloat32(_ dtype: DType) -> FineTuningError {
    FineTuningError(.malformedModel, "the kernels read F32 tensors, this one is \(dtype)")
  }

  static func otherElementCount(rows: Int, columns: Int) -> FineTuningError {
    FineTuningError(
      .malformedModel, "\(rows) × \(columns) elements do not make the tensor")
  }
}

/// Names for a message: all of a short list, the beginning of a long one.
package func listed(_ names: [String]) -> String {
  let shown = names.prefix(12).map(quoted).joined(separator: ", ")
  return names.count > 12 ? shown + " and \(grouped(names.count - 12)) more" : shown
}
