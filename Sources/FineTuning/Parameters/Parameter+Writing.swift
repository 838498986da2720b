internal import CheckpointFiles

extension Parameter {
  /// The tensor to store: the checkpoint's own when frozen, otherwise the same bytes with the rows
  /// that train replaced, in the checkpoint's dtype.
  ///
  /// - Parameter rows: the trained rows, stacked.
  /// - Throws: when the checkpoint's bytes cannot be read.
  func stored(stackedRows rows: Matrix) throws -> Tensor {
    guard trains else { return tensor }
    let trained = try rows.tensor(shape: trainsWhole ? tensor.shape : nil)
      .converted(to: tensor.dtype)
    return trainsWhole ? trained : try tensor.replacingRows(self.rows, with: trained)
  }

  /// Whether storing changes what trained: the checkpoint's dtype is not that of the computation.
  var roundsWhenStored: Bool { trains && tensor.dtype != .float32 }

  /// The rows that train as they come back from the file that ``stored(stackedRows:)`` goes to.
  func rowsAsStored() throws -> Matrix {
    let rows = stackedRows()
    return Matrix(
      try FloatBuffer(copying: try rows.tensor().converted(to: tensor.dtype)), rows: rows.rows,
      columns: rows.columns)
  }
}
