internal import Synchronization

/// Memory for matrices that come and go with every step.
///
/// Fresh memory costs more than the kernels that fill it: the system clears each page at its first
/// touch, on one core, while the others wait. So what a matrix leaves behind serves the next of about
/// its size, until ``releaseIdle()``.
final class BufferPool: Sendable {
  /// Mapped memory that has an owner.
  @safe struct Block: @unchecked Sendable {
    // Invariant: `capacity` floats, mapped until they are given to `unmap`.
    let pointer: UnsafeMutablePointer<Float>
    let capacity: Int
  }

  /// Blocks that no one uses, by their capacity.
  private let idle = Mutex<[Int: [Block]]>([:])

  /// Below this many floats the allocator is as good.
  static let leastCount = 1 << 15

  deinit { releaseIdle() }

  /// Memory for at least `count` floats, their content anything.
  func take(_ count: Int) -> Block {
    let capacity = BufferPool.capacity(for: count)
    if let block = idle.withLock({ $0[capacity]?.popLast() }) { return block }
    let memory = unsafe AnonymousMemory.map(byteCount: capacity * MemoryLayout<Float>.size)
    return unsafe Block(
      pointer: memory.bindMemory(to: Float.self, capacity: capacity), capacity: capacity)
  }

  /// Takes a block back.
  func give(_ block: Block) {
    idle.withLock { $0[block.capacity, default: []].append(block) }
  }

  /// Returns what no one uses to the system.
  func releaseIdle() {
    let blocks = idle.withLock { idle in
      defer { idle = [:] }
      return idle.values.flatMap(\.self)
    }
    for block in blocks {
      unsafe AnonymousMemory.unmap(
        block.pointer, byteCount: block.capacity * MemoryLayout<Float>.size)
    }
  }

  /// The next of eight sizes to a power of two, so that batches of nearly one length share blocks. What
  /// is not touched of a block takes no memory.
  static func capacity(for count: Int) -> Int {
    let count = max(count, leastCount)
    let step = 1 << (Int.bitWidth - 1 - count.leadingZeroBitCount - 3)
    return (count + step - 1) / step * step
  }
}
