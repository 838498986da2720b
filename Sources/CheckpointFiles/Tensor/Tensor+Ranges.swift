internal import CEspalierKernels

// Elements of a part of a tensor, as numbers. Ranges count row-major.
extension Tensor {
  /// The same elements row-major where any range can be read, by several threads at once: itself, or a
  /// copy. A checksum is compared.
  ///
  /// - Throws: `CheckpointError` when the bytes cannot be read or are damaged.
  package func readable() throws(CheckpointError) -> Tensor {
    guard dtype.kind != nil else {
      let values = try floats()
      guard let tensor = Tensor(values, shape: shape) else {
        throw CheckpointError.notNumbers(dtype)
      }
      return tensor
    }
    let tensor = try addressable()
    try tensor.storage.verify()
    return tensor
  }

  private static let partCount = 1 << 14

  /// Calls `body` with the elements `range` as `Float`, a part at a time.
  func forEachFloats(in range: Range<Int>, _ body: (Span<Float>) throws -> Void) throws {
    let (kind, width) = try numberKind()
    let bytes = try TensorBytes(self, capacity: Tensor.partCount * width)
    var floats = [Float](repeating: 0, count: min(Tensor.partCount, range.count))
    for start in stride(from: range.lowerBound, to: range.upperBound, by: Tensor.partCount) {
      let count = min(Tensor.partCount, range.upperBound - start)
      try bytes.withBytes(start * width..<(start + count) * width) { piece in
        unsafe piece.withUnsafeBytes { source in
          if let source = source.baseAddress {
            unsafe espalier_to_f32(&floats, source, count, kind)
          }
        }
      }
      let filled = floats.span.extracting(0..<count)
      try body(filled)
    }
  }

  /// The elements `range` as `Double`. The tensor is contiguous.
  ///
  /// - Throws: `CheckpointError` when they cannot be read, or are not numbers.
  package func doubles(in range: Range<Int>) throws -> [Double] {
    let (kind, width) = try numberKind()
    let bytes = try TensorBytes(self, capacity: Tensor.partCount * width)
    return try unsafe [Double](unsafeUninitializedCapacity: range.count) { target, filled in
      for start in stride(from: 0, to: range.count, by: Tensor.partCount) {
        let count = min(Tensor.partCount, range.count - start)
        let first = range.lowerBound + start
        try bytes.withBytes(first * width..<(first + count) * width) { piece in
          unsafe piece.withUnsafeBytes { source in
            if let source = source.baseAddress, let target = target.baseAddress {
              unsafe espalier_to_f64(target + start, source, count, kind)
            }
          }
        }
        filled = start + count
      }
    }
  }

  private func numberKind() throws(CheckpointError) -> (espalier_kind, Int) {
    guard let kind = dtype.kind, let width = dtype.byteWidth else {
      throw .notNumbers(dtype)
    }
    return (kind, width)
  }
}
