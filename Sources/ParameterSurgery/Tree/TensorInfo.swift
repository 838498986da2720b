public import CheckpointFiles

/// What a header says about a tensor: enough to select, count and mask, without its elements.
///
///     let head = TensorInfo(key: "linear.weight", dtype: .float32, shape: [2, 768])
///     print(head.byteCount, head.rowCount ?? 0)  // 6144 2
public struct TensorInfo: Sendable, Hashable {
  /// The key.
  public let key: Key
  /// The element type.
  public let dtype: DType
  /// The extents.
  public let shape: Shape

  /// A description of a tensor.
  public init(key: Key, dtype: DType, shape: Shape) {
    self.key = key
    self.dtype = dtype
    self.shape = shape
  }

  /// The bytes that the elements take, row-major.
  public var byteCount: Int { Tensor.byteCount(dtype, shape) ?? 0 }

  /// The rows along dimension 0, or `nil` for a scalar.
  public var rowCount: Int? { shape.dimensions.first }
}
