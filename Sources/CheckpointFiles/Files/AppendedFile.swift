/// A file that grows block by block and stays when the process ends in the middle of one.
///
/// It is the opposite of ``FileWriter``: what was written is there at once, so a reader must be able to tell a complete
/// block from a part of one. A symbolic link is not followed, and another process that appends to the file keeps this one
/// out.
package final class AppendedFile {
  /// The path of the file.
  package let path: String
  private let descriptor: Int32
  /// Bytes in the file.
  package private(set) var byteCount: Int

  /// Opens the file at `path`, which is created when it is missing.
  ///
  /// - Throws: `CheckpointError` when it cannot be opened, is not a regular file, or another process appends to it.
  package init(_ path: String) throws(CheckpointError) {
    self.path = path
    let descriptor = try SystemCall.openForAppending(path)
    do throws(CheckpointError) {
      let status = try SystemCall.status(of: descriptor, path)
      guard status.isRegular else {
        throw .notAFile(isFolder: status.isDirectory).located(path: path)
      }
      if SystemCall.tryLock(descriptor) == .heldByAnother {
        throw .beingReplaced.located(path: path)
      }
      byteCount = status.byteCount
    } catch {
      SystemCall.close(descriptor)
      throw error
    }
    self.descriptor = descriptor
  }

  deinit { SystemCall.close(descriptor) }

  /// The `count` bytes at `offset`, which must lie in the file.
  package func bytes(at offset: Int, count: Int) throws(CheckpointError) -> [UInt8] {
    try SystemCall.bytes(descriptor, at: offset, count: count, of: byteCount, path)
  }

  /// Puts `bytes` at the end.
  package func append(_ bytes: [UInt8]) throws(CheckpointError) {
    var failure: CheckpointError?
    unsafe bytes.withUnsafeBytes { bytes in
      do throws(CheckpointError) {
        try unsafe SystemCall.writeFully(descriptor, bytes, path)
      } catch { failure = error }
    }
    if let failure { throw failure }
    byteCount += bytes.count
  }

  /// Removes everything from `count` bytes on.
  package func cut(to count: Int) throws(CheckpointError) {
    guard count < byteCount else { return }
    try SystemCall.truncate(descriptor, to: count, path)
    byteCount = count
  }
}
