internal import CheckpointFiles

/// Runs `body`, and adds a place to its errors.
///
/// Errors of files are wrapped: ``SurgeryError/underlying`` has them. They name their file themselves.
///
/// - Parameters:
///   - path: the file that the errors are about; it is put before the sentence.
///   - key: the tensor that the errors are about, when they name none.
/// - Throws: the error of `body` with the place.
func locating<R>(
  path: String? = nil, key: Key? = nil, _ body: () throws -> R
) throws(SurgeryError) -> R {
  do {
    return try body()
  } catch let error as SurgeryError {
    throw error.located(path: path, key: key)
  } catch let error as CheckpointError {
    throw SurgeryError.file(error)
  } catch {
    throw SurgeryError(.file, path: path, key: key, "\(error)")
  }
}

extension SurgeryError {
  fileprivate func located(path: String?, key: Key?) -> SurgeryError {
    // A sentence that begins with its file does not need the file again.
    let prefix = underlying == nil ? path.map { "\($0): " } ?? "" : ""
    let isNamed = description.utf8.starts(with: prefix.utf8)
    return SurgeryError(
      kind, path: self.path ?? path, key: self.key ?? key, selector: selector, offset: offset,
      advice: advice, underlying: underlying, isNamed ? description : prefix + description)
  }
}
