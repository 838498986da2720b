extension Tensor {
  /// The tensor with rows of dimension 0 replaced; every other byte stays as it is. The work
  /// is done when the bytes are used.
  ///
  /// - Parameters:
  ///   - ranges: ascending, disjoint, inside the tensor.
  ///   - rows: the new rows, one below the other, of the same dtype.
  /// - Throws: `CheckpointError` when the rows do not fit.
  package func replacingRows(_ ranges: [Range<Int>], with rows: Tensor) throws(CheckpointError)
    -> Tensor
  {
    let rowCount = shape.dimensions.first ?? 1
    let replaced = ranges.reduce(0) { $0 + $1.count }
    guard let width = dtype.byteWidth, rows.dtype == dtype,
      ranges.allSatisfy({ $0.lowerBound >= 0 && $0.upperBound <= rowCount }),
      rows.shape.count * rowCount == shape.count * replaced
    else {
      throw CheckpointError(
        "\(replaced) rows of \(rows.dtype) \(rows.shape) do not fit into \(dtype) \(shape)")
    }
    let rowBytes = shape.count / max(1, rowCount) * width
    let old = self
    let storage = TensorStorage(byteCount: byteCount) { () throws(CheckpointError) in
      do {
        let owner = OwnedBytes(byteCount: old.byteCount)
        let target = try old.contiguous()
        try unsafe target.storage.read(
          target.byteOffset..<target.byteOffset + old.byteCount, into: owner.memory)
        try rows.withBytes { new in
          var start = 0
          for range in ranges {
            let size = range.count * rowBytes
            unsafe new.withUnsafeBytes { source in
              unsafe UnsafeMutableRawBufferPointer(
                rebasing: owner.memory[range.lowerBound * rowBytes..<range.upperBound * rowBytes]
              ).copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<start + size]))
            }
            start += size
          }
        }
        return unsafe TensorStorage.Loaded(
          memory: UnsafeRawBufferPointer(owner.memory), owner: owner)
      } catch let error as CheckpointError {
        throw error
      } catch {
        throw CheckpointError("\(error)")
      }
    }
    return Tensor(dtype: dtype, shape: shape, storage: storage)
  }
}
