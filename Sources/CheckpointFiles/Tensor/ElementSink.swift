internal import CEspalierKernels

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
  /// The bytes that came.
  private var position = 0
  private let block: OwnedBytes
  private var filled = 0
  private let consume: (RawSpan) throws -> Void
  private var floats: [Float] = []
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
    self.consume = consume
  }

  /// Appends elements as bytes of ``dtype``.
  package mutating func append(_ bytes: RawSpan) throws {
    guard bytes.byteCount <= byteCount - position else {
      throw CheckpointError("more elements were computed than the tensor holds")
    }
    let first = min(max(window.lowerBound - position, 0), bytes.byteCount)
    let end = min(max(window.upperBound - position, first), bytes.byteCount)
    position += bytes.byteCount
    var start = first
    while start < end {
      let count = unsafe min(block.memory.count - filled, end - start)
      unsafe bytes.withUnsafeBytes { source in
        unsafe UnsafeMutableRawBufferPointer(rebasing: block.memory[filled..<filled + count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<start + count]))
      }
      filled += count
      start += count
      if unsafe filled == block.memory.count { try pass() }
    }
  }

  /// Appends elements, each rounded to ``dtype``, which is a floating-point type of eight bits or more.
  package mutating func append(_ values: Span<Double>) throws {
    guard let kind = dtype.kind, let width = dtype.byteWidth, dtype.isFloatingPoint else {
      throw CheckpointError("numbers are not computed in \(dtype)")
    }
    let limit = dtype.largest
    let scratch = self.scratch ?? OwnedBytes(byteCount: ElementSink.scratchCount * 8)
    self.scratch = scratch
    for start in stride(from: 0, to: values.count, by: ElementSink.scratchCount) {
      let count = min(ElementSink.scratchCount, values.count - start)
      floats.removeAll(keepingCapacity: true)
      for index in 0..<count {
        var value = values[start + index]
        if value.isNaN { nanCount += 1 }
        if abs(value) > limit.overflowing, value.isFinite {
          overflowCount += 1
          if saturates { value = value < 0 ? -limit.finite : limit.finite }
        }
        if dtype == .float64 {
          unsafe scratch.memory.storeBytes(of: value, toByteOffset: index * 8, as: Double.self)
        } else {
          floats.append(Float(value))
        }
      }
      if dtype != .float64, let target = unsafe scratch.memory.baseAddress {
        _ = unsafe espalier_from_f32(target, floats, count, kind)
      }
      try unsafe append(
        RawSpan(
          _unsafeBytes: UnsafeRawBufferPointer(rebasing: scratch.memory[..<(count * width)])))
    }
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
      throw CheckpointError("fewer elements were computed than the tensor holds")
    }
    try pass()
  }
}

/// How the elements of a tensor are computed: from the first to the last, as often as they are used.
struct ElementProducer: Sendable {
  let dtype: DType
  let byteCount: Int
  let produce: @Sendable (inout ElementSink) throws -> Void

  /// More bytes than this are not kept in memory.
  static let memoryLimit = 1 << 25

  /// Calls `body` with the bytes of `range`, in blocks of `size` bytes but for the last.
  func forEachChunk(
    in range: Range<Int>, ofBytes size: Int, _ body: (RawSpan) throws -> Void
  ) throws {
    try withoutActuallyEscaping(body) { body in
      var sink = ElementSink(
        dtype, byteCount: byteCount, window: range, ofBytes: size, body)
      try produce(&sink)
      try sink.finish()
    }
  }

  /// All bytes: in memory, or in a file without a name when they are many.
  func loaded() throws(CheckpointError) -> TensorStorage.Loaded {
    do {
      if byteCount > ElementProducer.memoryLimit {
        let file = try temporaryFile()
        return unsafe TensorStorage.Loaded(
          memory: try file.mapped(at: 0, count: byteCount), owner: file)
      }
      let owner = OwnedBytes(byteCount: byteCount)
      var done = 0
      try forEachChunk(in: 0..<byteCount, ofBytes: 1 << 18) { piece in
        unsafe piece.withUnsafeBytes { source in
          unsafe UnsafeMutableRawBufferPointer(
            rebasing: owner.memory[done..<done + source.count]
          ).copyMemory(from: source)
        }
        done += piece.byteCount
      }
      return owner.asLoaded
    } catch let error as CheckpointError {
      throw error
    } catch {
      throw CheckpointError("\(error)")
    }
  }

  /// All bytes in a file without a name.
  func temporaryFile() throws -> InputFile {
    try InputFile.temporary { write in
      try forEachChunk(in: 0..<byteCount, ofBytes: 1 << 20, write)
    }
  }
}
