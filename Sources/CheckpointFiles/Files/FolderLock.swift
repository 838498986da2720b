/// The lock of a folder that one process at a time may fill. It ends with the value or the process, also
/// when the process is killed, and leaves no file.
///
/// The lock is advisory (`flock` of the folder itself): it keeps out other processes of Espalier. Where a
/// file system has no locks, nothing is locked.
package final class FolderLock: Sendable {
  private let descriptor: Int32?

  /// Takes the lock of the folder at `path`.
  ///
  /// - Throws: `CheckpointError` when another process holds it.
  package init(path: String) throws(CheckpointError) {
    guard let descriptor = SystemCall.openFolder(path) else {
      self.descriptor = nil
      return
    }
    if SystemCall.tryLock(descriptor) == .heldByAnother {
      SystemCall.close(descriptor)
      throw .folderInUse.located(path: path)
    }
    self.descriptor = descriptor
  }

  /// Takes the lock of the folder at `path`, and waits while another process holds it.
  init(waitingFor path: String) {
    descriptor = SystemCall.openFolder(path)
    if let descriptor { _ = SystemCall.lock(descriptor) }
  }

  deinit { if let descriptor { SystemCall.close(descriptor) } }
}
