/// Reads ranges of a row-major tensor's bytes: in place when they are in memory, and from a file into a
/// buffer that is used again.
///
/// A mapping would save the copy and cost more: its pages count as memory of the process, and a file
/// that another process truncates meanwhile would end the process instead of being an error.
@safe package struct TensorBytes: ~Copyable {
  private let tensor: Tensor
  /// Room for the longest range; empty for bytes in memory.
  private let buffer: UnsafeMutableRawBufferPointer

  /// - Parameter capacity: the bytes of the longest range that will be asked for.
  /// - Throws: `CheckpointError` when the bytes are damaged or cannot be read.
  package init(_ tensor: Tensor, capacity: Int) throws {
    let tensor = try tensor.contiguous()
    try tensor.storage.verify()
    let isInFile = if case .file = tensor.storage.source { true } else { false }
    self.tensor = tensor
    unsafe buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: isInFile ? min(capacity, tensor.byteCount) : 0, alignment: 64)
  }

  deinit { unsafe buffer.deallocate() }

  /// Calls `body` with the bytes of `range`, which count from the first element and are valid during the
  /// call.
  ///
  /// - Throws: `CheckpointError` when the range is not inside the tensor, or cannot be read.
  package func withBytes<R>(_ range: Range<Int>, _ body: (RawSpan) throws -> R) throws -> R {
    guard range.lowerBound >= 0, range.upperBound <= tensor.byteCount else {
      throw CheckpointError.outsideTensor(ofBytes: tensor.byteCount, end: range.upperBound)
    }
    let start = tensor.byteOffset + range.lowerBound
    guard case .file = tensor.storage.source else {
      return try unsafe tensor.storage.withUnsafeBytes { memory in
        let end = tensor.byteOffset + range.upperBound
        guard end <= memory.count else {
          throw CheckpointError.outsideStorage(ofBytes: memory.count, end: end)
        }
        return try unsafe body(RawSpan(_unsafeBytes: memory[start..<end]))
      }
    }
    guard unsafe range.count <= buffer.count else {
      throw CheckpointError.bufferTooSmall(range.count)
    }
    let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<range.count])
    try unsafe tensor.storage.read(start..<start + range.count, into: part)
    return try unsafe body(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(part)))
  }
}
