internal import Synchronization

/// The temporary files that are being written, and folders that were made for them, so that a program that
/// is interrupted can remove them.
package enum PendingFiles {
  // A file of each shard is pending until all are complete.
  private static let slotCount = 4096

  /// Paths as C strings, 0 for a free slot. Atomics, because the reader may be a signal handler.
  @safe private struct Slots: @unchecked Sendable {
    // Invariant: allocated once, never freed.
    let first: UnsafeMutablePointer<Atomic<UInt>>

    init() {
      unsafe first = .allocate(capacity: PendingFiles.slotCount)
      for index in 0..<PendingFiles.slotCount {
        unsafe (first + index).initialize(to: Atomic(0))
      }
    }
  }

  private static let slots = Slots()

  /// Removes the temporary files of every write that is under way in this process, then the folders that
  /// are empty without them.
  ///
  /// Meant for a signal handler that then ends the process: it only loads atomics and calls `unlink` and
  /// `rmdir`, each of which leaves alone what is for the other.
  package static func removeAll() {
    for index in 0..<slotCount {
      if let path = unsafe path(index) { unsafe SystemCall.remove(path) }
    }
    // The inner folder of two was registered after the outer one.
    for index in (0..<slotCount).reversed() {
      if let path = unsafe path(index) { unsafe SystemCall.removeFolder(path) }
    }
  }

  private static func path(_ index: Int) -> UnsafePointer<CChar>? {
    unsafe UnsafePointer(bitPattern: slots.first[index].load(ordering: .acquiring))
  }

  /// Remembers `path` until ``unregister(_:)``; `nil` when all slots are taken.
  static func register(_ path: String) -> Int? {
    let copy = UnsafeMutableBufferPointer<CChar>.allocate(capacity: path.utf8.count + 1)
    for (index, byte) in path.utf8.enumerated() { unsafe copy[index] = CChar(bitPattern: byte) }
    unsafe copy[path.utf8.count] = 0
    let address = UInt(bitPattern: copy.baseAddress)
    for index in 0..<slotCount {
      if unsafe slots.first[index].compareExchange(
        expected: 0, desired: address, ordering: .acquiringAndReleasing
      ).exchanged {
        return index
      }
    }
    unsafe copy.deallocate()
    return nil
  }

  static func unregister(_ slot: Int?) {
    guard let slot else { return }
    let address = unsafe slots.first[slot].exchange(0, ordering: .acquiringAndReleasing)
    unsafe UnsafeMutablePointer<CChar>(bitPattern: address)?.deallocate()
  }
}
