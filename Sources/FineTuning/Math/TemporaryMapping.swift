internal import CheckpointFiles

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Memory backed by a file that has no name: it vanishes with the process, however that ends.
enum TemporaryMapping {
  /// Maps `byteCount` zero bytes of a new file in ``Environment/temporaryFolder``.
  ///
  /// - Throws: `FineTuningError` when the file cannot be made or the disk has no room for it.
  @unsafe static func make(byteCount: Int) throws(FineTuningError) -> UnsafeMutableRawPointer {
    let folder = Environment.temporaryFolder
    var template = Array("\(folder)/espalier-XXXXXX".utf8CString)
    let descriptor = unsafe mkstemp(&template)
    guard descriptor >= 0 else { throw failure(folder) }
    defer { _ = close(descriptor) }
    _ = unsafe unlink(&template)
    // Blocks are taken now: a full disk is an error here, not a signal later.
    #if canImport(Darwin)
      guard ftruncate(descriptor, off_t(byteCount)) == 0 else { throw failure(folder) }
    #else
      let code = posix_fallocate(descriptor, 0, off_t(byteCount))
      guard code == 0 else { throw failure(folder, code) }
    #endif
    let memory = unsafe mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let memory = unsafe memory, unsafe memory != UnsafeMutableRawPointer(bitPattern: -1)
    else { throw failure(folder) }
    return unsafe memory
  }

  /// Releases the pages, and keeps their contents: the mapping is shared, the file keeps it.
  @unsafe static func releasePages(_ memory: UnsafeMutableRawPointer, byteCount: Int) {
    _ = unsafe madvise(memory, byteCount, MADV_DONTNEED)
  }

  @unsafe static func remove(_ memory: UnsafeMutableRawPointer, byteCount: Int) {
    _ = unsafe munmap(memory, byteCount)
  }

  private static func failure(_ folder: String, _ code: Int32? = nil) -> FineTuningError {
    .noRoom(in: folder, unsafe String(cString: strerror(code ?? errno)))
  }
}
