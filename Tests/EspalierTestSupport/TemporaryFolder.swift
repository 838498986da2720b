#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A folder for one test, removed with everything in it when the object goes.
public final class TemporaryFolder {
  /// Where it is.
  public let path: String

  /// The folder could not be made.
  public struct Failure: Error {}

  /// Makes the folder.
  public init() throws {
    var template = Array("/tmp/espalier-test-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else { throw Failure() }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The path of something in it.
  public func path(_ name: String) -> String { "\(path)/\(name)" }

  /// The names in a folder below it, sorted.
  public func names(_ folder: String = ".") -> [String] {
    TemporaryFolder.names(in: path(folder))
  }

  /// The names in a folder, sorted.
  public static func names(in folder: String) -> [String] {
    guard let directory = unsafe opendir(folder) else { return [] }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Writes a file in it and returns the file's path.
  @discardableResult
  public func write(_ name: String, _ text: String) throws -> String {
    try write(name, bytes: Array(text.utf8))
  }

  /// Writes a file in it and returns the file's path.
  @discardableResult
  public func write(_ name: String, bytes: [UInt8]) throws -> String {
    let file = path(name)
    guard let stream = unsafe fopen(file, "wb") else { throw Failure() }
    defer { unsafe fclose(stream) }
    guard unsafe fwrite(bytes, 1, bytes.count, stream) == bytes.count else { throw Failure() }
    return file
  }

  deinit { removeTree(path) }

  private func removeTree(_ path: String) {
    if unsafe remove(path) == 0 { return }
    for name in TemporaryFolder.names(in: path) { removeTree("\(path)/\(name)") }
    unsafe remove(path)
  }
}
