extension TensorStorage {
  /// The bytes where they are, in memory or in the mapped file, without reading or checking them; `nil` when they
  /// must be computed first.
  ///
  /// - Throws: `CheckpointError` when the file cannot be mapped.
  fileprivate func inPlace() throws(CheckpointError) -> Loaded? {
    switch source {
    case .memory: try loaded()
    case .file(let file, let offset):
      unsafe Loaded(memory: try file.mapped(at: offset, count: byteCount), owner: file)
    case .computed, .streamed: nil
    }
  }
}

extension Tensor {
  /// Calls `body` with the bytes from the first element to the end of the last one, where they are: in memory, or in
  /// the mapped file. The strides of the tensor apply to them. They stay valid as long as the storage lives.
  ///
  /// Checksums of the container are not compared; ``checkElements()`` does that.
  ///
  /// - Returns: what `body` returns; `nil` without a call when the bytes must be computed first.
  /// - Throws: `CheckpointError` when the file cannot be mapped, and what `body` throws.
  package func withBytesInPlace<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R? {
    if shape.count == 0 { return try unsafe body(UnsafeRawBufferPointer(start: nil, count: 0)) }
    let span = byteSpan
    return try unsafe storage.inPlace()?.withMemory { memory in
      guard span.lowerBound >= 0, span.upperBound <= memory.count else {
        throw CheckpointError(
          .malformed, path: storage.file?.path ?? "",
          "the storage ends at byte \(memory.count), the tensor at byte \(span.upperBound)")
      }
      return try unsafe body(UnsafeRawBufferPointer(rebasing: memory[span]))
    }
  }

  /// Compares the container's checksum of the storage, if it has one and it was not compared yet.
  ///
  /// - Throws: `CheckpointError` when the bytes cannot be read or are damaged.
  package func checkElements() throws(CheckpointError) { try storage.verify() }

  /// Writes the elements, row-major and little-endian, to memory of the caller, which has room for ``byteCount`` bytes.
  ///
  /// - Throws: `CheckpointError` when the bytes cannot be read or are damaged.
  package func read(into target: UnsafeMutableRawBufferPointer) throws {
    precondition(target.count == byteCount, "room for every element")
    if isContiguous {
      return try unsafe storage.read(byteOffset..<byteOffset + byteCount, into: target)
    }
    var done = 0
    try forEachChunk { piece in
      unsafe piece.withUnsafeBytes { bytes in
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[done..<done + bytes.count])
          .copyMemory(from: bytes)
      }
      done += piece.byteCount
    }
  }
}
