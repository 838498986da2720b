package import CheckpointFiles

extension Matrix {
  /// The elements as an `F32` tensor `[rows, columns]` that looks at this memory: what is written
  /// here later shows there.
  ///
  /// - Throws: `FineTuningError` when the rows do not lie one after the other.
  package func tensor(shape: Shape? = nil) throws(FineTuningError) -> Tensor {
    guard let shape = shape ?? Shape([rows, columns]), shape.count == count,
      isContiguous
    else {
      throw .otherElementCount(rows: rows, columns: columns)
    }
    let view = self
    let storage = TensorStorage(byteCount: count * MemoryLayout<Float>.size) {
      () throws(CheckpointError) in
      unsafe TensorStorage.Loaded(
        memory: UnsafeRawBufferPointer(
          start: view.pointer, count: view.count * MemoryLayout<Float>.size),
        owner: view.buffer)
    }
    return Tensor(dtype: .float32, shape: shape, storage: storage)
  }
}
