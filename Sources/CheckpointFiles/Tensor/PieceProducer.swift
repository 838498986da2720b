internal import CEspalierKernels
internal import Dispatch
internal import Synchronization

/// How a tensor is computed in pieces that do not depend on one another.
package struct PieceProducer: Sendable {
  /// Appends the elements of a range to a sink.
  package typealias Piece = @Sendable (Range<Int>, inout ElementSink) throws -> Void

  /// A piece is a whole number of so many elements.
  let grain: Int
  let prepare: @Sendable () throws -> Piece
  let finished: (@Sendable (ElementLosses) -> Void)?

  /// Large enough to be worth handing to another thread, small enough for its cache.
  private static let pieceCount = 1 << 17
  /// More threads would wait for the disk.
  private static let maximumThreads = 8

  /// The threads that compute.
  package static var threads: Int { min(espalier_physical_cores(), maximumThreads) }

  /// Computes the elements whose bytes meet `window` (all of them when losses are counted) and appends
  /// them to `sink`, in order.
  func produce(
    _ dtype: DType, count: Int, width: Int, _ window: Range<Int>, into sink: inout ElementSink,
    threads: Int = PieceProducer.threads
  ) throws {
    let piece = try prepare()
    let length = max(1, PieceProducer.pieceCount / grain) * grain
    var (first, end) = (0, (count + length - 1) / length)
    if finished == nil {
      first = window.lowerBound / (length * width)
      end = min(end, (window.upperBound + length * width - 1) / (length * width))
    }
    guard first < end else { return sink.skip(count * width) }
    sink.skip(first * length * width)
    let queue = PieceQueue(first..<end, threads: threads) { index, slot in
      let range = index * length..<min((index + 1) * length, count)
      var part = ElementSink(dtype, byteCount: range.count * width, keepingIn: slot.bytes)
      try piece(range, &part)
      slot.losses = part.losses
      slot.filled = range.count * width
      try part.finish()
    }
    var losses = ElementLosses()
    try queue.run(byteCount: min(length, count) * width) { slot in
      try slot.withBytes { try sink.append($0) }
      losses.overflowCount += slot.losses.overflowCount
      losses.nanCount += slot.losses.nanCount
    }
    sink.skip((count - min(end * length, count)) * width)
    finished?(losses)
  }
}

/// Computes pieces on several threads while those before them are consumed, in order.
private struct PieceQueue {
  /// Where a piece is put together. `@unchecked` because one thread has it at a time: the one that
  /// computes, then, after `ready`, the one that consumes.
  final class Slot: @unchecked Sendable {
    let bytes: OwnedBytes
    var filled = 0
    var losses = ElementLosses()
    var failure: (any Error)?
    let ready = DispatchSemaphore(value: 0)

    init(byteCount: Int) { bytes = OwnedBytes(byteCount: byteCount) }

    func withBytes(_ body: (RawSpan) throws -> Void) rethrows {
      try unsafe body(
        RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes.memory[..<filled])))
    }
  }

  private let indices: Range<Int>
  private let threads: Int
  private let compute: @Sendable (Int, Slot) throws -> Void

  init(
    _ indices: Range<Int>, threads: Int, compute: @escaping @Sendable (Int, Slot) throws -> Void
  ) {
    self.indices = indices
    self.threads = threads
    self.compute = compute
  }

  func run(byteCount: Int, _ consume: (Slot) throws -> Void) throws {
    guard threads > 1, indices.count > 1 else {
      let slot = Slot(byteCount: byteCount)
      for index in indices {
        try compute(index, slot)
        try consume(slot)
      }
      return
    }
    // One for each thread to work on, and one that waits for its turn.
    let slots = (0..<min(2 * threads, indices.count)).map { _ in Slot(byteCount: byteCount) }
    let group = DispatchGroup()
    // Whatever ends the run: no thread continues for a tensor that is not written.
    defer { group.wait() }
    for index in indices.prefix(slots.count) { begin(index, slots, group) }
    for index in indices {
      let slot = slots[(index - indices.lowerBound) % slots.count]
      slot.ready.wait()
      if let failure = slot.failure { throw failure }
      try consume(slot)
      if index + slots.count < indices.upperBound { begin(index + slots.count, slots, group) }
    }
  }

  private func begin(_ index: Int, _ slots: [Slot], _ group: DispatchGroup) {
    let slot = slots[(index - indices.lowerBound) % slots.count]
    let compute = compute
    DispatchQueue.global().async(group: group) {
      do { try compute(index, slot) } catch { slot.failure = error }
      slot.ready.signal()
    }
  }
}
