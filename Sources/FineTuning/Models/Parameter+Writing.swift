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
}
