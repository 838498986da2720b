internal import CEspalierKernels

extension Tensor {
  /// Calls `body` with the elements as `Double`, row-major, in pieces that one buffer holds.
  ///
  /// Every real dtype of eight bits or more but the 64-bit integers is exact in `Double`.
  ///
  /// - Throws: `CheckpointError` when the bytes cannot be read or the dtype has no such reading, and
  ///   what `body` throws.
  package func forEachDoubles(_ body: (Span<Double>) throws -> Void) throws {
    guard let kind = dtype.kind else {
      if dtype == .float4 {
        let values = try floats().map { Double($0) }
        return try body(values.span)
      }
      throw CheckpointError.notNumbers(dtype)
    }
    let width = dtype.bitWidth / 8
    let capacity = 1 << 15
    var values = [Double](repeating: 0, count: min(capacity, max(shape.count, 1)))
    try forEachChunk(ofBytes: capacity * width) { piece in
      let count = piece.byteCount / width
      unsafe piece.withUnsafeBytes { bytes in
        if let source = bytes.baseAddress {
          unsafe espalier_to_f64(&values, source, count, kind)
        }
      }
      let filled = values.span.extracting(0..<count)
      try body(filled)
    }
  }

  /// Complex numbers as pairs of real ones in a last dimension, as `torch.view_as_real`; `nil` for others.
  package func viewAsReal() -> Tensor? {
    let part: DType
    switch dtype {
    case .complex32: part = .float16
    case .complex64: part = .float32
    case .complex128: part = .float64
    default: return nil
    }
    guard let pairs = Shape(shape.dimensions + [2]) else { return nil }
    // Where there are no elements, strides may be of any size.
    return Tensor(
      dtype: part, shape: pairs, storage: storage, byteOffset: byteOffset,
      strides: strides.map { $0 &* 2 } + [1])
  }
}

extension DType {
  /// Whether elements have a reading as numbers, or as pairs of them.
  package var hasNumbers: Bool { kind != nil || self == .float4 || isComplex }
}
