/// From hidden states `[T, C]` to one vector a sequence `[S, C]`.
package struct Pooler {
  package let pooling: Pooling
  /// BERT's dense layer, for `Pooling.pooler` alone.
  let dense: Linear?

  package init(pooling: Pooling, parameters: ParameterStore, math: Kernels) {
    self.pooling = pooling
    dense =
      pooling == .pooler
      ? Linear(
        weight: parameters[role: "pooler.dense.weight"],
        bias: parameters[role: "pooler.dense.bias"], math: math) : nil
  }

  /// What the backward pass needs: the first tokens and the pooled vectors, for `pooler` alone.
  package struct Tape {
    let first: Matrix?
    let pooled: Matrix
  }

  /// The pooled vectors `[S, C]`.
  package func forward(
    _ hidden: Matrix, sequences: Sequences, math: Kernels
  ) -> (output: Matrix, tape: Tape) {
    let out = math.matrix(sequences.count, hidden.columns)
    switch pooling {
    case .mean, .meanAll:
      math.meanPoolForward(out, hidden, offsets: sequences.offsets)
      return (out, Tape(first: nil, pooled: out))
    case .cls, .pooler:
      math.gatherRows(out, hidden, indices: sequences.starts)
      guard let dense else { return (out, Tape(first: nil, pooled: out)) }
      let pooled = math.matrix(sequences.count, dense.outputSize)
      dense.forward(pooled, out, math: math)
      math.tanhForward(pooled, pooled)
      return (pooled, Tape(first: out, pooled: pooled))
    }
  }

  /// Adds to the gradients of the dense layer, and returns the gradient of the hidden states
  /// `[T, C]` if `needsInput`.
  package func backward(
    dout: Matrix, tape: Tape, sequences: Sequences, needsInput: Bool, math: Kernels
  ) -> Matrix? {
    var dPooled = dout
    if let dense, let first = tape.first {
      let dTanh = math.matrix(dout.rows, dout.columns)
      math.tanhBackward(dTanh, dout, tape.pooled)
      dense.accumulateGradients(dy: dTanh, x: first, math: math)
      guard needsInput else { return nil }
      dPooled = math.matrix(first.rows, first.columns)
      dense.backward(dPooled, dy: dTanh, math: math)
    }
    guard needsInput else { return nil }
    let dHidden = math.matrix(sequences.tokenCount, dPooled.columns)
    switch pooling {
    case .mean, .meanAll: math.meanPoolBackward(dHidden, dPooled, offsets: sequences.offsets)
    case .cls, .pooler:
      dHidden.fill(0)
      math.scatterAddRows(dHidden, dPooled, indices: sequences.starts)
    }
    return dHidden
  }
}
