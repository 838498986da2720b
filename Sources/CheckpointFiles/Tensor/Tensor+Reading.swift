internal import CEspalierKernels

extension Tensor {
  /// Calls `body` with the elements' bytes, row-major and little-endian, in pieces of at most
  /// `size` bytes; every piece is a whole number of elements, and of 64 bytes but for the last.
  ///
  /// Contiguous tensors in a file are read into one buffer that is used again, so that a checkpoint
  /// larger than memory can be hashed, compared and copied. The bytes of a piece are valid during
  /// the call.
  ///
  /// - Throws: `CheckpointError` when the bytes cannot be read or are damaged, and what `body` throws.
  public func forEachChunk(
    ofBytes size: Int = 1 << 18, _ body: (RawSpan) throws -> Void
  ) throws {
    let size = max(64, size & ~63)
    if let width = dtype.byteWidth, !isContiguous {
      return try forEachGatheredChunk(ofBytes: size, width: width, body)
    }
    let range = byteOffset..<byteOffset + byteCount
    try storage.forEachChunk(in: range, ofBytes: size, body)
  }

  /// The elements as bytes, row-major and little-endian, in an array of their own.
  ///
  /// - Throws: `CheckpointError` when the bytes cannot be read.
  public func bytes() throws(CheckpointError) -> [UInt8] {
    let tensor = try contiguous()
    return try computing {
      try unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
        let target = unsafe UnsafeMutableRawBufferPointer(
          start: buffer.baseAddress, count: byteCount)
        try unsafe tensor.storage.read(
          tensor.byteOffset..<tensor.byteOffset + byteCount, into: target)
        initialized = byteCount
      }
    }
  }

  /// The elements as `Float`, row-major. Integers and wider floats are rounded to the nearest.
  ///
  /// - Throws: `CheckpointError` when the bytes cannot be read, or the dtype has no such reading
  ///   (complex numbers and six-bit floats).
  public func floats() throws(CheckpointError) -> [Float] {
    let count = shape.count
    return try computing {
      try unsafe [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
        try unsafe readFloats(into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
        initialized = count
      }
    }
  }

  /// ``floats()`` into memory of the caller, which has room for every element.
  package func readFloats(into target: UnsafeMutableBufferPointer<Float>) throws {
    precondition(target.count == shape.count, "room for every element")
    guard dtype == .float32 else { return try unsafe convertToFloat(target) }
    let tensor = try contiguous()
    try unsafe tensor.storage.read(
      tensor.byteOffset..<tensor.byteOffset + byteCount,
      into: UnsafeMutableRawBufferPointer(target))
  }

  /// The same elements in another floating-point dtype, rounded to nearest even as PyTorch does.
  /// The work is done when the bytes are used.
  ///
  /// - Throws: `CheckpointError` when there is no such conversion; integers are never a target.
  public func converted(to target: DType) throws(CheckpointError) -> Tensor {
    try converted(to: target, finished: nil)
  }

  /// - Parameter finished: called after every use with what was lost.
  func converted(
    to target: DType, finished: (@Sendable (ElementLosses) -> Void)?
  ) throws(CheckpointError) -> Tensor {
    if target == dtype { return self }
    guard target.isFloatingPoint, target.byteWidth != nil, dtype.kind != nil || dtype == .float4
    else { throw CheckpointError.noConversion(from: dtype, to: target) }
    let source = self
    return try Tensor.computed(
      dtype: target, shape: shape, from: storage.file, finished: finished
    ) {
      let source = try source.readable()
      if target == .float64 {
        return { range, sink in
          let values = try source.doubles(in: range)
          try sink.append(values.span)
        }
      }
      return { range, sink in
        try source.forEachFloats(in: range) {
          if finished == nil { try sink.append(converting: $0) } else { try sink.append($0) }
        }
      }
    }
  }

  private func convertToFloat(_ target: UnsafeMutableBufferPointer<Float>) throws {
    guard let start = target.baseAddress, shape.count > 0 else { return }
    if dtype == .float4 {
      // Two to a byte, the lower half first: sign, two bits of exponent, one of mantissa.
      let values: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6]
      let bytes = try bytes()
      for index in target.indices {
        let code = bytes[index / 2] >> (index % 2 == 0 ? 0 : 4) & 0xF
        unsafe target[index] = values[Int(code)]
      }
      return
    }
    guard let kind = dtype.kind else {
      throw CheckpointError.notNumbers(dtype)
    }
    var done = 0
    try forEachChunk { piece in
      let count = piece.byteCount * 8 / dtype.bitWidth
      unsafe piece.withUnsafeBytes { bytes in
        guard let source = bytes.baseAddress else { return }
        unsafe espalier_to_f32(start + done, source, count, kind)
      }
      done += count
    }
  }
}

extension DType {
  /// The kernel's name for the type; `nil` for complex numbers and types below a byte.
  var kind: espalier_kind? {
    switch self {
    case .bool: espalier_kind_bool
    case .uint8: espalier_kind_u8
    case .int8: espalier_kind_i8
    case .uint16: espalier_kind_u16
    case .int16: espalier_kind_i16
    case .uint32: espalier_kind_u32
    case .int32: espalier_kind_i32
    case .uint64: espalier_kind_u64
    case .int64: espalier_kind_i64
    case .float8E5M2: espalier_kind_f8_e5m2
    case .float8E4M3: espalier_kind_f8_e4m3
    case .float8E8M0: espalier_kind_f8_e8m0
    case .float8E4M3FNUZ: espalier_kind_f8_e4m3fnuz
    case .float8E5M2FNUZ: espalier_kind_f8_e5m2fnuz
    case .float16: espalier_kind_f16
    case .bfloat16: espalier_kind_bf16
    case .float32: espalier_kind_f32
    case .float64: espalier_kind_f64
    case .float4, .float6E2M3, .float6E3M2, .complex32, .complex64, .complex128: nil
    }
  }
}
