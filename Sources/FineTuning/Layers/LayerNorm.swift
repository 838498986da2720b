/// Layer normalisation of a residual sum: `out = LN(residual + dropout(input + inputBias))`.
package struct ResidualNorm {
  package let weight: Parameter
  package let bias: Parameter
  package let epsilon: Float

  /// What the backward pass needs: the normalised rows before scale and shift, and 1/σ of each.
  package struct Tape {
    let normalized: Matrix
    let inverseDeviation: Vector
  }

  /// Whether scale or shift train.
  package var trains: Bool { weight.trains || bias.trains }

  /// Writes out `[T, C]`; returns the tape when `recording`.
  package func forward(
    _ out: Matrix, input: Matrix, inputBias: Vector?, residual: Matrix?, dropout: Dropout?,
    recording: Bool, math: Kernels
  ) -> Tape? {
    let tape =
      recording
      ? Tape(
        normalized: math.matrix(out.rows, out.columns),
        inverseDeviation: Vector(count: out.rows, content: .uninitialized))
      : nil
    math.layerNormForward(
      out, input, residual: residual, inputBias: inputBias, gamma: weight.vector,
      beta: bias.vector, epsilon: epsilon, saveNormalized: tape?.normalized,
      saveInverseDeviation: tape?.inverseDeviation, dropout: dropout)
    return tape
  }

  /// Adds to the gradients of scale and shift, and returns the gradient of the residual sum,
  /// `[T, C]`; `nil` when the caller does not need it.
  package func backward(dout: Matrix, tape: Tape, needsInput: Bool, math: Kernels) -> Matrix? {
    let sum = needsInput ? math.matrix(dout.rows, dout.columns) : nil
    // Row ranges of a vector are unusual: their gradients go through whole vectors.
    let dWeight = weight.trains ? Vector(count: dout.columns) : nil
    let dBias = bias.trains ? Vector(count: dout.columns) : nil
    math.layerNormBackward(
      sum, dout, normalized: tape.normalized, inverseDeviation: tape.inverseDeviation,
      gamma: weight.vector, dGamma: dWeight, dBeta: dBias)
    if let dWeight { weight.accumulate(dWeight, math: math) }
    if let dBias { bias.accumulate(dBias, math: math) }
    return sum
  }
}

extension Parameter {
  /// Adds the gradient of a whole vector, of which the rows that train keep theirs.
  func accumulate(_ gradient: Vector, math: Kernels) {
    guard let training else { return }
    for (rows, stacked) in ranges {
      math.accumulate(training.gradient.elements.elements(stacked), gradient.elements(rows))
    }
  }
}
