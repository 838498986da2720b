internal import CEspalierKernels

/// What was lost when numbers were rounded to a dtype.
package struct ElementLosses: Sendable {
  /// Numbers that were finite and are not any more, being too large.
  package var overflowCount = 0
  /// Numbers that were not a number when they came.
  package var nanCount = 0
}

/// Takes the elements of a tensor that is being computed, front to back, and passes them on in blocks.
package struct ElementSink: ~Copyable {
  /// The element type that is written.
  package let dtype: DType
  /// Numbers that were finite and are not any more, being too large for ``dtype``.
  package private(set) var overflowCount = 0
  /// Numbers that were not a number when they came.
  package private(set) var nanCount = 0
  /// Whether a number that is too large becomes the largest that ``dtype`` has.
  package var saturates = false

  /// The bytes that are wanted; others are computed and passed over.
  private let window: Range<Int>
  private let byteCount: Int
  /// Whether everything stays in the block, which has room for it.
  private let keeps: Bool
  /// The bytes that came.
  private var position = 0
  private let block: OwnedBytes
  private var filled = 0
  private let consume: (RawSpan) throws -> Void
  private var scratch: OwnedBytes?

  private static let scratchCount = 1 << 13

  /// A sink for a tensor of `byteCount` bytes that passes those of `window` to `consume`, in blocks of
  /// `size` bytes but for the last.
  init(
    _ dtype: DType, byteCount: Int, window: Range<Int>, ofBytes size: Int,
    _ consume: @escaping (RawSpan) throws -> Void
  ) {
    self.dtype = dtype
    self.byteCount = byteCount
    self.window = window
    block = OwnedBytes(byteCount: min(size, window.count))
    keeps = false
    self.consume = consume
  }

  /// A sink for `byteCount` bytes that stay in `block`.
  init(_ dtype: DType, byteCount: Int, keepingIn block: OwnedBytes) {
    self.dtype = dtype
    self.byteCount = byteCount
    window = 0..<byteCount
    self.block = block
    keeps = true
    consume = { _ in }
  }

  /// Appends elements as bytes of ``dtype``.
  package mutating func append(_ bytes: RawSpan) throws {
    guard bytes.byteCount <= byteCount - position else {
      throw CheckpointError.tooManyElements
    }
    let first = min(max(window.lowerBound - position, 0), bytes.byteCount)
    let end = min(max(window.upperBound - position, first), bytes.byteCount)
    position += bytes.byteCount
    var start = first
    while start < end {
      let room = unsafe block.memory.count
      if filled == 0, end - start >= room, !keeps {
        try consume(bytes.extracting(start..<start + room))
        start += room
        continue
      }
      let count = min(room - filled, end - start)
      unsafe bytes.withUnsafeBytes { source in
        unsafe UnsafeMutableRawBufferPointer(rebasing: block.memory[filled..<filled + count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<start + count]))
      }
      filled += count
      start += count
      if filled == room { try pass() }
    }
  }

  /// Counts `count` bytes, all outside of what is wanted, as if they had come.
  mutating func skip(_ count: Int) { position += count }

  /// What was lost so far.
  var losses: ElementLosses {
    ElementLosses(overflowCount: overflowCount, nanCount: nanCount)
  }

  /// Appends elements, each rounded to ``dtype``, which is a floating-point type of eight bits or more.
  package mutating func append(_ values: Span<Double>) throws {
    try unsafe values.withUnsafeBufferPointer { values in
      try unsafe append(values) { unsafe espalier_round_f64($0, $1, $2, $3, $4) }
    }
  }

  /// Appends elements, each rounded to ``dtype``, which is a floating-point type of eight to 32 bits.
  package mutating func append(_ values: Span<Float>) throws {
    try unsafe values.withUnsafeBufferPointer { values in
      try unsafe append(values) { unsafe espalier_round_f32($0, $1, $2, $3, $4) }
    }
  }

  /// The same without counting what is lost.
  mutating func append(converting values: Span<Float>) throws {
    try unsafe values.withUnsafeBufferPointer { values in
      try unsafe append(values) { (target, source, count, kind, _) in
        _ = unsafe espalier_from_f32(target, source, count, kind)
        return espalier_losses()
      }
    }
  }

  private typealias Rounding<T> = (
    UnsafeMutableRawPointer, UnsafePointer<T>, Int, espalier_kind, espalier_limits
  ) -> espalier_losses

  private mutating func append<T>(
    _ values: UnsafeBufferPointer<T>, _ round: Rounding<T>
  ) throws {
    guard let kind = dtype.kind, let width = dtype.byteWidth, dtype.isFloatingPoint else {
      throw CheckpointError.notRounded(to: dtype)
    }
    guard let source = values.baseAddress else { return }
    let limits = dtype.limits(saturating: saturates)
    // Straight to where they stay, when there is such a place.
    if keeps, values.count * width <= byteCount - position,
      let target = unsafe block.memory.baseAddress
    {
      add(unsafe round(target + position, source, values.count, kind, limits))
      position += values.count * width
      filled += values.count * width
      return
    }
    let scratch = self.scratch ?? OwnedBytes(byteCount: ElementSink.scratchCount * 8)
    self.scratch = scratch
    guard let target = unsafe scratch.memory.baseAddress else { return }
    for start in stride(from: 0, to: values.count, by: ElementSink.scratchCount) {
      let part = min(ElementSink.scratchCount, values.count - start)
      add(unsafe round(target, source + start, part, kind, limits))
      try unsafe append(
        RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: scratch.memory[..<(part * width)])))
    }
  }

  private mutating func add(_ losses: espalier_losses) {
    overflowCount += Int(losses.overflow)
    nanCount += Int(losses.nan)
  }

  /// Appends elements, each rounded to ``dtype``.
  package mutating func append(_ values: [Double]) throws {
    try append(values.span)
  }

  private mutating func pass() throws {
    guard filled > 0 else { return }
    try unsafe consume(
      RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: block.memory[..<filled])))
    filled = 0
  }

  /// Passes on what is left. Every element must have come.
  consuming func finish() throws {
    guard position == byteCount else {
      throw CheckpointError.tooFewElements
    }
    try pass()
  }
}
