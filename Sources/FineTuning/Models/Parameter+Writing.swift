internal import CheckpointFiles

extension Parameter {
  /// The tensor to store: the checkpoint's own when frozen, otherwise the same bytes with the rows
  /// that train replaced, in the checkpoint's dtype.
  ///
  /// - Parameter rows: the trained rows, stacked.
  /// - Throws: when the checkpoint's bytes cannot be read.
  func stored(stackedRows rows: Matrix) throws -> Tensor {
    guard trains else { return tensor }
    guard let shape = Shape([rows.rows, rows.columns]),
      let trained = Tensor(rows.elements.array, shape: shape)
    else { throw FineTuningError("the rows of \(quoted(name)) do not fit a tensor") }
    return try tensor.replacingRows(self.rows, with: trained.converted(to: tensor.dtype))
  }
}
