internal import CEspalierKernels
package import CheckpointFiles

/// Floats in memory, 64-byte aligned unless borrowed, freed with the object.
///
/// `@unchecked` because the memory is raw and shared by reference: the kernels write to it from
/// several threads, each to its own part, and a caller orders whole kernels one after another.
@safe package final class FloatBuffer: @unchecked Sendable {
  /// The number of floats.
  package let count: Int

  /// Whether kernels may write here. Borrowed memory belongs to a file.
  package let isWritable: Bool

  // Invariant: `count` floats, valid while this object and `owner` live.
  let pointer: UnsafeMutablePointer<Float>
  private let memory: Memory

  /// What becomes of the memory with the object.
  private enum Memory {
    case allocated
    /// Belongs to a tensor. Bytes that are computed live no longer than their owner, so the buffer
    /// keeps both.
    case borrowed(TensorStorage, owner: AnyObject)
    case mapped(byteCount: Int)
    /// Zeros from the system.
    case anonymous(byteCount: Int)
    /// Goes back to a pool.
    case pooled(BufferPool, BufferPool.Block)
  }

  /// What new memory holds.
  package enum Content: Sendable {
    /// Zeros.
    case zeros
    /// Anything: the caller writes every element before it reads one.
    case uninitialized
  }

  /// From here on zeros come from the system, not from writing them.
  private static let anonymousByteCount = 1 << 20

  /// New memory for `count` floats.
  package init(count: Int, content: Content = .zeros) {
    precondition(count >= 0, "a buffer has no negative count")
    let byteCount = count * MemoryLayout<Float>.size
    if content == .zeros, byteCount >= FloatBuffer.anonymousByteCount {
      unsafe pointer = unsafe AnonymousMemory.map(byteCount: byteCount)
        .bindMemory(to: Float.self, capacity: count)
      self.count = count
      isWritable = true
      self.memory = .anonymous(byteCount: byteCount)
      return
    }
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(count, 1) * 4, alignment: 64)
    unsafe espalier_prefer_large_pages(memory.baseAddress, memory.count)
    if content == .zeros { unsafe memory.initializeMemory(as: UInt8.self, repeating: 0) }
    let floats = unsafe memory.bindMemory(to: Float.self)
    guard let base = floats.baseAddress else { preconditionFailure("the allocation is not empty") }
    unsafe pointer = unsafe base
    self.count = count
    isWritable = true
    self.memory = .allocated
  }

  /// Memory of a pool for `count` floats, their content anything.
  init(count: Int, from pool: BufferPool) {
    precondition(count >= 0, "a buffer has no negative count")
    let block = pool.take(count)
    unsafe pointer = unsafe block.pointer
    self.count = count
    isWritable = true
    memory = .pooled(pool, block)
  }

  /// Zeros in an unlinked temporary file that is mapped, for more floats than should stay in memory:
  /// the system writes pages out when it needs room.
  ///
  /// - Throws: `FineTuningError` when the folder of temporary files has no room.
  package init(temporaryFileOf count: Int) throws(FineTuningError) {
    precondition(count >= 0, "a buffer has no negative count")
    let byteCount = max(count, 1) * MemoryLayout<Float>.size
    unsafe pointer = unsafe try TemporaryMapping.make(byteCount: byteCount)
      .bindMemory(to: Float.self, capacity: count)
    self.count = count
    isWritable = true
    memory = .mapped(byteCount: byteCount)
  }

  /// The elements of an `F32` tensor, row-major: its mapped bytes themselves when they lie in order
  /// and aligned, a copy otherwise. Read-only either way.
  ///
  /// - Throws: `FineTuningError` when the dtype is another, `CheckpointError` when the bytes cannot
  ///   be loaded.
  package init(borrowing tensor: Tensor) throws {
    guard tensor.dtype == .float32 else {
      throw FineTuningError.notFloat32(tensor.dtype)
    }
    let contiguous = try tensor.contiguous()
    let count = contiguous.shape.count
    let loaded = try contiguous.storage.loaded()
    let (start, owned): (UnsafeMutablePointer<Float>, Bool) =
      try unsafe loaded.withMemory { bytes in
        let end = contiguous.byteOffset + count * 4
        guard end <= bytes.count else {
          throw CheckpointError(
            .malformed, "the storage ends at byte \(bytes.count), the tensor at byte \(end)")
        }
        let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[contiguous.byteOffset..<end])
        if count > 0, let base = part.baseAddress,
          Int(bitPattern: base) % MemoryLayout<Float>.alignment == 0
        {
          // The storage's memory never moves or changes while the storage lives, and nothing is
          // written through this pointer: `isWritable` is false.
          let floats = unsafe base.assumingMemoryBound(to: Float.self)
          return unsafe (UnsafeMutablePointer(mutating: floats), false)
        }
        let copy = UnsafeMutableRawBufferPointer.allocate(
          byteCount: max(count, 1) * 4, alignment: 64)
        unsafe copy.copyMemory(from: part)
        guard let base = unsafe copy.bindMemory(to: Float.self).baseAddress else {
          preconditionFailure("the allocation is not empty")
        }
        return unsafe (base, true)
      }
    unsafe pointer = unsafe start
    self.count = count
    isWritable = false
    memory =
      owned ? .allocated : .borrowed(contiguous.storage, owner: loaded.owner)
  }

  /// The elements of a tensor of any numeric dtype, row-major, as floats of the buffer's own.
  ///
  /// - Throws: `CheckpointError` when the bytes cannot be read.
  package convenience init(copying tensor: Tensor) throws {
    self.init(count: tensor.shape.count, content: .uninitialized)
    try unsafe tensor.readFloats(
      into: UnsafeMutableBufferPointer(start: pointer, count: count))
  }

  /// Releases pages that the system can read again from the file they belong to; nothing for
  /// memory of the buffer's own.
  package func releasePages() {
    switch memory {
    case .allocated, .anonymous, .pooled: break
    case .borrowed(let storage, _): storage.releasePages()
    case .mapped(let byteCount):
      unsafe TemporaryMapping.releasePages(pointer, byteCount: byteCount)
    }
  }

  deinit {
    switch memory {
    case .allocated: unsafe pointer.deallocate()
    case .borrowed: break
    case .mapped(let byteCount): unsafe TemporaryMapping.remove(pointer, byteCount: byteCount)
    case .anonymous(let byteCount): unsafe AnonymousMemory.unmap(pointer, byteCount: byteCount)
    case .pooled(let pool, let block): pool.give(block)
    }
  }
}
