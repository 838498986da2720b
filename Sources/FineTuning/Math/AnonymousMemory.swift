internal import CEspalierKernels

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Zeros straight from the system, which clears a page when it is first touched.
enum AnonymousMemory {
  /// Maps `byteCount` zero bytes, in large pages where the system has them.
  @unsafe static func map(byteCount: Int) -> UnsafeMutableRawPointer {
    #if canImport(Darwin)
      let flags = MAP_PRIVATE | MAP_ANON
    #else
      let flags = MAP_PRIVATE | MAP_ANONYMOUS
    #endif
    let memory = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard let memory = unsafe memory, unsafe memory != UnsafeMutableRawPointer(bitPattern: -1)
    else { preconditionFailure("no memory for \(byteCount) bytes") }
    unsafe espalier_prefer_large_pages(memory, byteCount)
    return unsafe memory
  }

  /// Gives back what ``map(byteCount:)`` made.
  @unsafe static func unmap(_ memory: UnsafeMutableRawPointer, byteCount: Int) {
    _ = unsafe munmap(memory, byteCount)
  }
}
