internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The files that are being written and have not been renamed to their final name yet.
///
/// The writer registers each before it creates it and takes it out after the rename, so that a
/// program that is told to stop can remove what would otherwise stay behind.
package enum TemporaryFiles {
  private static let paths = Mutex<Set<String>>([])

  /// Remembers a file that is about to be created.
  package static func register(_ path: String) {
    paths.withLock { _ = $0.insert(path) }
  }

  /// Forgets a file that was renamed or removed.
  package static func unregister(_ path: String) {
    paths.withLock { _ = $0.remove(path) }
  }

  /// Removes every registered file. For a program that is about to end.
  package static func removeAll() {
    paths.withLock { paths in
      for path in paths { unsafe _ = unlink(path) }
      paths.removeAll()
    }
  }
}
