import ParameterSurgery

/// Why a command could not use its input, when no library has an error for it.
struct InputError: Error, CustomStringConvertible {
  /// The sentence, beginning with the file if there is one.
  let description: String
  /// The error of a library that it is about; it has the advice.
  let underlying: (any Error)?
  /// The file, where the error of the library names none.
  let path: String?

  init(_ description: String, path: String? = nil, underlying: (any Error)? = nil) {
    self.description = description
    self.path = path
    self.underlying = underlying
  }

  /// Runs `body` and puts `path` before the sentence of an error that names no file.
  static func naming<R>(_ path: String, _ body: () throws -> R) throws -> R {
    do { return try body() } catch let error as SurgeryError {
      throw error.path == nil
        ? InputError("\(path): \(error.description)", path: path, underlying: error) : error
    }
  }
}
