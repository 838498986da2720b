internal import CEspalierKernels

extension Tensor {
  /// A tensor whose elements `produce` hands to a sink when they are used: while it is written, and not
  /// before. They pass in blocks and are never in memory together, unless they are needed so; they
  /// are computed again at the next use.
  ///
  /// - Throws: `CheckpointError` when the elements of `dtype` and `shape` are not a whole number of bytes
  ///   that fits.
  package static func computed(
    dtype: DType, shape: Shape,
    _ produce: @escaping @Sendable (inout ElementSink) throws -> Void
  ) throws(CheckpointError) -> Tensor {
    guard let byteCount = Tensor.byteCount(dtype, shape) else {
      throw .uncountableBytes(dtype, shape)
    }
    let storage = TensorStorage(
      ElementProducer(dtype: dtype, byteCount: byteCount, work: .stream(produce)))
    return Tensor(dtype: dtype, shape: shape, storage: storage)
  }

  /// The same for elements that do not depend on one another: pieces of them are computed on all cores
  /// while those before are written. The result is that of one core, bit for bit.
  ///
  /// - Parameters:
  ///   - grain: a piece is a whole number of so many elements.
  ///   - finished: called after every use with what was lost in all elements.
  ///   - prepare: called once at the beginning of every use; what it returns appends the elements of a
  ///     range to a sink. It must not use tensors that are themselves computed: ``readable()``.
  package static func computed(
    dtype: DType, shape: Shape, grain: Int = 1, from file: InputFile? = nil,
    finished: (@Sendable (ElementLosses) -> Void)? = nil,
    pieces prepare: @escaping @Sendable () throws -> PieceProducer.Piece
  ) throws(CheckpointError) -> Tensor {
    guard let byteCount = Tensor.byteCount(dtype, shape) else {
      throw .uncountableBytes(dtype, shape)
    }
    let pieces = PieceProducer(grain: max(grain, 1), prepare: prepare, finished: finished)
    let storage = TensorStorage(
      ElementProducer(dtype: dtype, byteCount: byteCount, work: .pieces(pieces)), from: file)
    return Tensor(dtype: dtype, shape: shape, storage: storage)
  }

  /// The same elements, each changed by `change` if there is one and rounded to `dtype`.
  ///
  /// - Parameters:
  ///   - saturates: makes what is too large the largest finite number.
  ///   - finished: called after every use with what was lost.
  /// - Throws: `CheckpointError` when `dtype` is too large for the shape.
  package func recomputed(
    as target: DType, saturating saturates: Bool = false,
    finished: (@Sendable (ElementLosses) -> Void)? = nil,
    changing change: (@Sendable (inout [Double]) -> Void)? = nil
  ) throws(CheckpointError) -> Tensor {
    let source = self
    return try Tensor.computed(dtype: target, shape: shape, finished: finished) {
      let source = try source.readable()
      // Floats say all that narrower types do.
      if change == nil, target != .float64, source.dtype.isExactInFloat {
        return { range, sink in
          sink.saturates = saturates
          try source.forEachFloats(in: range) { try sink.append($0) }
        }
      }
      return { range, sink in
        sink.saturates = saturates
        var values = try source.doubles(in: range)
        change?(&values)
        try sink.append(values.span)
      }
    }
  }

  /// The same elements in a storage of their own, which is filled when it is used.
  package func detached() throws(CheckpointError) -> Tensor {
    let source = self
    return try Tensor.computed(dtype: dtype, shape: shape) { sink in
      try source.forEachChunk { try sink.append($0) }
    }
  }

  /// A view of the indices `range` of dimension `dimension`; `nil` when there are none such, or the
  /// dtype is packed below a byte.
  package func slice(_ dimension: Int, _ range: Range<Int>) -> Tensor? {
    guard let width = dtype.byteWidth, shape.dimensions.indices.contains(dimension),
      range.lowerBound >= 0, range.upperBound <= shape[dimension]
    else { return nil }
    var extents = shape.dimensions
    extents[dimension] = range.count
    guard let part = Shape(extents) else { return nil }
    return Tensor(
      dtype: dtype, shape: part, storage: storage,
      // Without elements there is no place to begin, and strides may be of any size.
      byteOffset: part.count == 0
        ? byteOffset : byteOffset + range.lowerBound * strides[dimension] * width,
      strides: strides)
  }

  /// A view with the last two dimensions exchanged; `nil` below rank 2, or when the dtype is packed
  /// below a byte.
  package func transposed() -> Tensor? {
    let rank = shape.rank
    guard rank >= 2, dtype.byteWidth != nil else { return nil }
    var (extents, steps) = (shape.dimensions, strides)
    extents.swapAt(rank - 1, rank - 2)
    steps.swapAt(rank - 1, rank - 2)
    guard let turned = Shape(extents) else { return nil }
    return Tensor(
      dtype: dtype, shape: turned, storage: storage, byteOffset: byteOffset, strides: steps)
  }

  /// The same elements under another shape; `nil` when their number differs.
  package func reshaped(_ shape: Shape) throws(CheckpointError) -> Tensor? {
    guard shape.count == self.shape.count else { return nil }
    let tensor = try contiguous()
    return Tensor(
      dtype: dtype, shape: shape, storage: tensor.storage, byteOffset: tensor.byteOffset)
  }
}

extension DType {
  /// Whether every number of the type is a `Float`.
  var isExactInFloat: Bool {
    switch self {
    case .float64, .int64, .uint64, .int32, .uint32: false
    default: kind != nil
    }
  }

  /// What the kernels have to know of the type's range.
  func limits(saturating: Bool) -> espalier_limits {
    let (finite, overflowing) = largest
    // The greatest float that is not above the bound.
    var bound = Float(overflowing)
    if Double(bound) > overflowing { bound = bound.nextDown }
    return espalier_limits(
      finite: finite, overflowing: overflowing, finite_f32: Float(finite), overflowing_f32: bound,
      saturates: saturating)
  }

  /// The largest finite number, and the magnitude above which rounding to nearest leaves the finite
  /// ones.
  package var largest: (finite: Double, overflowing: Double) {
    switch self {
    case .float16: (65504, 65519.999999999993)
    case .bfloat16: (0x1.FEp127, 0x1.FEFFFFFFFFFFFp127)
    case .float32: (Double(Float.greatestFiniteMagnitude), 0x1.FFFFFEFFFFFFFp127)
    case .float8E4M3: (448, 464)
    case .float8E5M2: (57344, 61439.99999999999)
    case .float8E4M3FNUZ: (240, 247.99999999999997)
    case .float8E5M2FNUZ: (57344, 61439.99999999999)
    default: (.greatestFiniteMagnitude, .greatestFiniteMagnitude)
    }
  }
}
