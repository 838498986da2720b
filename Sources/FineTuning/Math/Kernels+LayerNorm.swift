internal import CEspalierKernels

extension Kernels {
  /// x = residual + dropout(input + inputBias); out = (x - mean) / sqrt(variance + eps) · γ + β.
  ///
  /// `out`, `input`, `residual` are [T, C]; `inputBias`, `gamma`, `beta` are [C]. What is left out
  /// counts as zero. For the backward, `saveNormalized` [T, C] gets x before γ and β and
  /// `saveInverseDeviation` [T] gets 1/sqrt(variance + eps). `out` may be `input` or `residual`.
  package func layerNormForward(
    _ out: Matrix, _ input: Matrix, residual: Matrix? = nil, inputBias: Vector? = nil,
    gamma: Vector, beta: Vector, epsilon: Float = 1e-12, saveNormalized: Matrix? = nil,
    saveInverseDeviation: Vector? = nil, dropout: Dropout? = nil
  ) {
    let (rows, columns) = (out.rows, out.columns)
    precondition(input.rows == rows && input.columns == columns, "the input has the output's shape")
    if let residual {
      precondition(residual.rows == rows && residual.columns == columns, "the residual's shape")
    }
    if let saveNormalized {
      precondition(
        saveNormalized.rows == rows && saveNormalized.columns == columns, "the saved input's shape")
      precondition(saveNormalized.buffer.isWritable, "the output is read-only")
    }
    precondition(saveInverseDeviation.map { $0.count == rows } ?? true, "a deviation a row")
    precondition(inputBias.map { $0.count == columns } ?? true, "a bias has one number a column")
    precondition(gamma.count == columns && beta.count == columns, "γ and β, one a column")
    precondition(out.buffer.isWritable, "the output is read-only")
    overRows(rows, columns: columns) { range in
      let row = range.lowerBound
      let residual = unsafe residual.map { unsafe ($0.pointer + row * $0.rowStride, $0.rowStride) }
      let saved = unsafe saveNormalized.map {
        unsafe ($0.pointer + row * $0.rowStride, $0.rowStride)
      }
      unsafe espalier_layer_norm_rows(
        out.pointer + row * out.rowStride, out.rowStride,
        input.pointer + row * input.rowStride, input.rowStride,
        residual?.0, residual?.1 ?? 0, inputBias?.pointer, gamma.pointer, beta.pointer, epsilon,
        saved?.0, saved?.1 ?? 0, saveInverseDeviation.map { unsafe $0.pointer + row }, row,
        range.count, columns, dropout?.c ?? Dropout.none)
    }
  }

  /// The gradient of x (what was normalised): of the residual, and, through dropout, of the input.
  ///
  /// `dx`, `dout`, `normalized` are [T, C], `inverseDeviation` is [T], `gamma` is [C]. `dGamma` and
  /// `dBeta` [C] accumulate. `dx` may be `dout`; `nil` when only dGamma and dBeta are wanted.
  package func layerNormBackward(
    _ dx: Matrix?, _ dout: Matrix, normalized: Matrix, inverseDeviation: Vector, gamma: Vector,
    dGamma: Vector? = nil, dBeta: Vector? = nil
  ) {
    let (rows, columns) = (dout.rows, dout.columns)
    precondition(
      normalized.rows == rows && normalized.columns == columns, "the saved input's shape")
    precondition(inverseDeviation.count == rows && gamma.count == columns, "the saved numbers")
    // Before dx, which may overwrite dout.
    if let dGamma {
      precondition(dGamma.count == columns, "a gradient a column")
      columnSums(dGamma, dout, normalized)
    }
    if let dBeta {
      precondition(dBeta.count == columns, "a gradient a column")
      columnSums(dBeta, dout, nil)
    }
    guard let dx else { return }
    precondition(dx.rows == rows && dx.columns == columns, "the gradient's shape")
    precondition(dx.buffer.isWritable, "the output is read-only")
    overRows(rows, columns: columns) { range in
      let row = range.lowerBound
      unsafe espalier_layer_norm_backward_rows(
        dx.pointer + row * dx.rowStride, dx.rowStride, dout.pointer + row * dout.rowStride,
        dout.rowStride, normalized.pointer + row * normalized.rowStride, normalized.rowStride,
        inverseDeviation.pointer + row, gamma.pointer, range.count, columns)
    }
  }
}
