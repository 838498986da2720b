#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The committed files under `fixtures/`.
public enum Fixtures {
  /// The path of a fixture, from its name under `fixtures/`.
  public static func path(_ name: String) -> String {
    // …/Tests/EspalierTestSupport/Fixtures.swift
    let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    return (root + ["fixtures"]).joined(separator: "/") + "/" + name
  }

  /// A file that cannot be read.
  public struct Unreadable: Error {
    /// The file.
    public let path: String
  }

  /// The bytes of a file.
  public static func bytes(_ path: String) throws -> [UInt8] {
    guard let file = unsafe fopen(path, "rb") else { throw Unreadable(path: path) }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = unsafe fread(&chunk, 1, chunk.count, file)
      if count == 0 { return bytes }
      bytes += chunk[..<count]
    }
  }
}
