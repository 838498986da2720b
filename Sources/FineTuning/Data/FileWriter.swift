#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Puts a small file in place: written beside, made durable, then renamed, so that a reader sees
/// the old file or the new one.
package func replaceFile(at path: String, _ bytes: [UInt8]) throws(FineTuningError) {
  let beside = "\(path).\(getpid()).tmp"
  let descriptor = unsafe open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
  guard descriptor >= 0 else { throw failure(path) }
  do throws(FineTuningError) {
    try writeAll(bytes, to: descriptor, path)
    guard fsync(descriptor) == 0 else { throw failure(path) }
  } catch {
    _ = close(descriptor)
    _ = unsafe unlink(beside)
    throw error
  }
  guard close(descriptor) == 0, unsafe rename(beside, path) == 0 else {
    let error = failure(path)
    _ = unsafe unlink(beside)
    throw error
  }
}

/// Adds bytes to the end of a file, which is made if need be, and waits until they are on the disk.
package func appendToFile(at path: String, _ bytes: [UInt8]) throws(FineTuningError) {
  let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
  guard descriptor >= 0 else { throw failure(path) }
  defer { _ = close(descriptor) }
  try writeAll(bytes, to: descriptor, path)
  guard fsync(descriptor) == 0 else { throw failure(path) }
}

private func failure(_ path: String) -> FineTuningError {
  FineTuningError("\(path): \(unsafe String(cString: strerror(errno)))")
}

private func writeAll(
  _ bytes: [UInt8], to descriptor: Int32, _ path: String
) throws(FineTuningError) {
  var done = 0
  while done < bytes.count {
    var count = 0
    var code: Int32 = 0
    unsafe bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      count = unsafe write(descriptor, base + done, buffer.count - done)
      code = errno
    }
    if count < 0, code == EINTR { continue }
    guard count > 0 else {
      throw FineTuningError("\(path): \(unsafe String(cString: strerror(code)))")
    }
    done += count
  }
}
