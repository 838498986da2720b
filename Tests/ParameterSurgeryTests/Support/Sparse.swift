#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Files that are large without taking room.
enum Sparse {
  struct Failure: Error {}

  /// Extends a file with a hole.
  static func extend(_ path: String, to count: Int) throws {
    guard unsafe truncate(path, off_t(count)) == 0 else { throw Failure() }
  }
}
