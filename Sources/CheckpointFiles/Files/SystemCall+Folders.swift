#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

// Folders and the names in them.
extension SystemCall {
  /// A descriptor of the folder at `path`, or `nil`.
  static func openFolder(_ path: String) -> Int32? {
    retrying({ unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
  }

  /// Makes renames in `folder` durable. Some file systems cannot flush a folder; that is not an error.
  static func synchronizeFolder(_ folder: String) {
    guard let descriptor = retrying({ unsafe open(folder, O_RDONLY | O_CLOEXEC) }) else { return }
    _ = fsync(descriptor)
    close(descriptor)
  }

  /// The names in the folder at `path`, in no order.
  static func entries(ofFolder path: String) throws(CheckpointError) -> [String] {
    guard let folder = unsafe opendir(path) else { throw failure(path, .list) }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.utf8.equals("."), !name.utf8.equals("..") { names.append(name) }
    }
    return names
  }

  /// Makes a folder, and returns whether it is new.
  static func createFolder(_ path: String) throws(CheckpointError) -> Bool {
    if unsafe mkdir(path, 0o777) == 0 { return true }
    guard errno == EEXIST else { throw failure(path, .createFolder) }
    return false
  }

  /// Removes a folder that is empty; any other stays.
  static func removeFolder(_ path: String) { _ = unsafe rmdir(path) }

  /// The same without a `String`, for signal handlers.
  @unsafe static func removeFolder(_ path: UnsafePointer<CChar>) { _ = unsafe rmdir(path) }
}
