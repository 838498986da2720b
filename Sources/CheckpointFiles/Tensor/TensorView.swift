/// What makes two tensors the same elements: names of one tensor have equal views.
package struct TensorView: Hashable, Sendable {
  private let storage: ObjectIdentifier
  private let offset: Int
  private let dtype: DType
  private let shape: Shape
  private let strides: [Int]

  /// The view that `tensor` is. Its storage must outlive it.
  package init(_ tensor: Tensor) {
    storage = ObjectIdentifier(tensor.storage)
    (offset, dtype) = (tensor.byteOffset, tensor.dtype)
    (shape, strides) = (tensor.shape, tensor.strides)
  }
}
