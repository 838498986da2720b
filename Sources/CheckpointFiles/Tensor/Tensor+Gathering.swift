extension Tensor {
  /// Bytes of a strided view that are gathered at once. More of them make longer runs when the elements
  /// of a row are far apart.
  private var gatheredByteCount: Int {
    byteSpan.count <= 2 * byteCount + 1 << 16 && strides.last == 1 ? 1 << 21 : 1 << 24
  }

  /// ``forEachChunk(ofBytes:_:)`` of a view that is not contiguous. Memory is that of a
  /// few blocks, however large the view and its storage are.
  func forEachGatheredChunk(
    ofBytes size: Int, width: Int, _ body: (RawSpan) throws -> Void
  ) throws {
    try withoutActuallyEscaping(body) { body in
      var sink = ElementSink(
        dtype, byteCount: byteCount, window: 0..<byteCount, ofBytes: size, body)
      // What is computed is computed once for all blocks.
      let source = try storage.addressable()
      let limit = min(gatheredByteCount, byteCount)
      let block = OwnedBytes(byteCount: limit)
      try Tensor(
        dtype: dtype, shape: shape, storage: source, byteOffset: byteOffset, strides: strides
      ).gather(width, block) { try sink.append($0) }
      try sink.finish()
    }
  }

  /// Gathers as much of the first dimension as fits `block`, again and again.
  private func gather(
    _ width: Int, _ block: OwnedBytes, _ body: (RawSpan) throws -> Void
  ) throws {
    let limit = unsafe block.memory.count
    if byteCount <= limit {
      let part = unsafe UnsafeMutableRawBufferPointer(rebasing: block.memory[..<byteCount])
      try unsafe gatherBlock(width, into: part)
      return try unsafe body(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(part)))
    }
    let rowBytes = byteCount / shape[0]
    if rowBytes <= limit {
      let count = limit / max(rowBytes, 1)
      for start in stride(from: 0, to: shape[0], by: count) {
        let part = slice(0, start..<min(start + count, shape[0]))
        try part?.gather(width, block, body)
      }
      return
    }
    guard let inner = Shape(Array(shape.dimensions.dropFirst())) else { return }
    for index in 0..<shape[0] {
      try Tensor(
        dtype: dtype, shape: inner, storage: storage,
        byteOffset: byteOffset + index * strides[0] * width, strides: Array(strides.dropFirst())
      ).gather(width, block, body)
    }
  }

  /// Gathers the whole view into `target`.
  private func gatherBlock(
    _ width: Int, into target: UnsafeMutableRawBufferPointer
  ) throws {
    guard target.count > 0 else { return }
    let span = byteSpan
    guard storage.isInFile else {
      return try unsafe storage.withUnsafeBytes { source in
        var gathering = StridedGathering(self, width: width)
        unsafe gathering.next(from: source, into: target)
      }
    }
    // Elements that are close together are read with what is between them.
    if span.count <= 2 * target.count + 1 << 16 {
      let bytes = OwnedBytes(byteCount: span.count)
      try unsafe storage.read(span, into: bytes.memory)
      let view = Tensor(
        dtype: dtype, shape: shape, storage: storage, byteOffset: byteOffset - span.lowerBound,
        strides: strides)
      var gathering = StridedGathering(view, width: width)
      unsafe gathering.next(from: UnsafeRawBufferPointer(bytes.memory), into: target)
      return
    }
    if let run = shape.dimensions.indices.first(where: { strides[$0] == 1 && shape[$0] > 1 }),
      shape[run] * width >= 512
    {
      return try unsafe gatherRuns(along: run, width, into: target)
    }
    try unsafe storage.withUnsafeBytes { source in
      var gathering = StridedGathering(self, width: width)
      unsafe gathering.next(from: source, into: target)
    }
    storage.releasePages()
  }

  /// Reads runs of neighbours along dimension `run` and puts each where it belongs.
  private func gatherRuns(
    along run: Int, _ width: Int, into target: UnsafeMutableRawBufferPointer
  ) throws {
    let steps = shape.rowMajorStrides
    let bytes = OwnedBytes(byteCount: shape[run] * width)
    var index = [Int](repeating: 0, count: shape.rank)
    while true {
      var (from, to) = (0, 0)
      for dimension in index.indices {
        from += index[dimension] * strides[dimension]
        to += index[dimension] * steps[dimension]
      }
      let start = byteOffset + from * width
      unsafe try storage.read(start..<start + bytes.memory.count, into: bytes.memory)
      unsafe copyElements(
        from: UnsafeRawBufferPointer(bytes.memory), at: 0, step: width, to: target, at: to * width,
        step: steps[run] * width, count: shape[run], width: width)
      var dimension = shape.rank - 1
      while dimension >= 0 {
        if dimension != run {
          index[dimension] += 1
          if index[dimension] < shape[dimension] { break }
          index[dimension] = 0
        }
        dimension -= 1
      }
      if dimension < 0 { return }
    }
  }

  /// The same elements in row-major order in a storage of which any range can be read at once: itself
  /// when it is one already, else a copy, which is a file without a name when it is large.
  package func addressable() throws(CheckpointError) -> Tensor {
    if !isContiguous { return try contiguous() }
    return Tensor(
      dtype: dtype, shape: shape, storage: try storage.addressable(), byteOffset: byteOffset)
  }
}

/// Copies `count` elements of `width` bytes, `step` bytes apart on either side.
func copyElements(
  from source: UnsafeRawBufferPointer, at first: Int, step: Int,
  to target: UnsafeMutableRawBufferPointer, at place: Int, step targetStep: Int,
  count: Int, width: Int
) {
  func copy<T: BitwiseCopyable>(_ type: T.Type) {
    var (from, to) = (first, place)
    for _ in 0..<count {
      unsafe target.storeBytes(
        of: source.loadUnaligned(fromByteOffset: from, as: type), toByteOffset: to, as: type)
      from += step
      to += targetStep
    }
  }
  guard count > 0 else { return }
  switch width {
  case 1: copy(UInt8.self)
  case 2: copy(UInt16.self)
  case 4: copy(UInt32.self)
  case 8: copy(UInt64.self)
  default:
    for index in 0..<count {
      let (from, to) = (first + index * step, place + index * targetStep)
      unsafe UnsafeMutableRawBufferPointer(rebasing: target[to..<to + width])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[from..<from + width]))
    }
  }
}
