/// A dtype, a shape, and where the elements are: a view of a storage that others may share.
///
///     if let zeros = Tensor([0, 0, 0, 0], shape: [2, 2]) { print(zeros.byteCount) }  // 16
public struct Tensor: Sendable {
  /// The element type.
  public let dtype: DType
  /// The extents.
  public let shape: Shape
  /// The bytes, perhaps shared with other tensors.
  public let storage: TensorStorage
  /// The offset of the first element in the storage, in bytes.
  public let byteOffset: Int

  /// `nil` for row-major, which is the rule: a checkpoint of many tensors would spend as much on
  /// stride arrays as on everything else.
  private let explicitStrides: [Int]?

  /// Steps between neighbours along each dimension, in elements. Never negative.
  public var strides: [Int] { explicitStrides ?? shape.rowMajorStrides }

  /// A view of a storage. The caller has checked that every element is inside of it.
  package init(
    dtype: DType, shape: Shape, storage: TensorStorage, byteOffset: Int = 0, strides: [Int]? = nil
  ) {
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
    self.byteOffset = byteOffset
    self.explicitStrides = strides
  }

  /// A tensor of the given row-major, little-endian bytes, or `nil` when their number does not fit
  /// the dtype and shape.
  public init?(dtype: DType, shape: Shape, bytes: [UInt8]) {
    guard Tensor.byteCount(dtype, shape) == bytes.count else { return nil }
    self.init(dtype: dtype, shape: shape, storage: TensorStorage(bytes))
  }

  /// An `F32` tensor of the given row-major elements, or `nil` when their number does not fit.
  public init?(_ elements: [Float], shape: Shape) {
    guard shape.count == elements.count else { return nil }
    let storage = unsafe TensorStorage(byteCount: elements.count * 4) { memory in
      unsafe elements.withUnsafeBytes { unsafe memory.copyMemory(from: $0) }
    }
    self.init(dtype: .float32, shape: shape, storage: storage)
  }

  /// The bytes that the elements take in row-major order, or `nil` when that overflows or is
  /// not a whole number of bytes.
  public static func byteCount(_ dtype: DType, _ shape: Shape) -> Int? {
    let (bits, overflow) = shape.count.multipliedReportingOverflow(by: dtype.bitWidth)
    guard !overflow, bits % 8 == 0 else { return nil }
    return bits / 8
  }

  /// The bytes that the elements take in row-major order. Strided views may span more in their
  /// storage, or less.
  public var byteCount: Int { Tensor.byteCount(dtype, shape) ?? 0 }

  /// Whether the tensor is *contiguous*: the elements are in row-major order without gaps.
  public var isContiguous: Bool {
    guard let strides = explicitStrides, shape.count > 1 else { return true }
    var step = 1
    for index in shape.dimensions.indices.reversed() where shape[index] != 1 {
      if strides[index] != step { return false }
      step *= shape[index]
    }
    return true
  }

  /// The file of a sharded checkpoint that the elements come from, relative to the index.
  public var shardName: String? { storage.file?.shardName }

  /// The bytes of the storage from the first element to the end of the last one; elements of others
  /// may be in between. Empty for a tensor without elements.
  package var byteSpan: Range<Int> {
    if isContiguous { return byteOffset..<byteOffset + byteCount }
    var last = 0
    for (dimension, stride) in zip(shape.dimensions, strides) { last += (dimension - 1) * stride }
    return byteOffset..<byteOffset + (last + 1) * (dtype.byteWidth ?? 0)
  }

  /// The same tensor with its elements row-major: itself when it is contiguous, a copy otherwise.
  ///
  /// - Throws: `CheckpointError` when the bytes cannot be loaded.
  public func contiguous() throws(CheckpointError) -> Tensor {
    if isContiguous { return self }
    guard dtype.byteWidth != nil else {
      throw CheckpointError.packedStrides(dtype)
    }
    let copy = TensorStorage(
      ElementProducer(
        dtype: dtype, byteCount: byteCount,
        work: .stream { [self] sink in try forEachChunk { try sink.append($0) } }))
    return Tensor(dtype: dtype, shape: shape, storage: try copy.addressable())
  }

  /// Calls `body` with the elements' bytes, row-major and little-endian. No copy is made when the
  /// tensor is contiguous.
  ///
  /// - Throws: `CheckpointError` when the bytes cannot be loaded, and what `body` throws.
  public func withBytes<R>(_ body: (RawSpan) throws -> R) throws -> R {
    let tensor = try contiguous()
    return try unsafe tensor.storage.withUnsafeBytes { memory in
      let end = tensor.byteOffset + tensor.byteCount
      guard end <= memory.count else {
        throw CheckpointError.outsideStorage(ofBytes: memory.count, end: end)
      }
      return try unsafe body(RawSpan(_unsafeBytes: memory[tensor.byteOffset..<end]))
    }
  }

  /// A view of rows `range` of dimension 0, or `nil` when the tensor is a scalar, the range does not
  /// is not inside it, or the dtype is packed below a byte.
  public func rows(_ range: Range<Int>) -> Tensor? {
    guard let width = dtype.byteWidth, let rows = shape.dimensions.first, range.lowerBound >= 0,
      range.upperBound <= rows,
      let part = Shape([range.count] + shape.dimensions.dropFirst())
    else { return nil }
    return Tensor(
      dtype: dtype, shape: part, storage: storage,
      byteOffset: part.count == 0
        ? byteOffset : byteOffset + range.lowerBound * strides[0] * width,
      strides: explicitStrides)
  }
}
