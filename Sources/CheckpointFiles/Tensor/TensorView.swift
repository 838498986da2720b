/// What makes two tensors the same elements in the same order: names of one tensor have equal views.
///
/// Everything that asks whether two names are one tensor asks this. Tensors that are merely in one storage, such
/// as a matrix and its transpose, have different views.
package struct TensorView: Hashable, Sendable {
  private let storage: ObjectIdentifier
  private let offset: Int
  private let dtype: DType
  private let shape: Shape
  private let strides: [Int]

  /// The view that `tensor` is. Its storage must outlive it.
  package init(_ tensor: Tensor) {
    storage = ObjectIdentifier(tensor.storage)
    (offset, dtype, shape) = (tensor.byteOffset, tensor.dtype, tensor.shape)
    // The stride of a dimension of one element leads nowhere.
    strides =
      tensor.isContiguous
      ? [] : zip(tensor.strides, tensor.shape.dimensions).map { $1 > 1 ? $0 : 0 }
  }
}
