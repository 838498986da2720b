extension Tensor {
  /// The tensor as PyTorch means it when it set the conjugate or negative bit of a view: the elements in
  /// the storage have the other sign. The work is done when the bytes are used.
  func flippingSigns(conjugate: Bool, negative: Bool) -> Tensor {
    let source = self
    let width = dtype.swapWidth
    let storage = TensorStorage(byteCount: byteCount, from: storage.file) {
      () throws(CheckpointError) in
      let bytes = OwnedBytes(copying: try source.bytes())
      if negative { bytes.flipSigns(width: width, first: 0, step: 1) }
      if conjugate, source.dtype.isComplex { bytes.flipSigns(width: width, first: 1, step: 2) }
      return bytes.asLoaded
    }
    return Tensor(dtype: dtype, shape: shape, storage: storage)
  }
}
