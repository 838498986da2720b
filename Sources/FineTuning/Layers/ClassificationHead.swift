/// The layers that turn pooled vectors `[S, C]` into logits `[S, K]`.
package struct ClassificationHead {
  let first: Linear
  /// The layer after the tanh of `Head.mlp`.
  let second: Linear?
  let dropoutProbability: Float

  package init(
    head: Head, configuration: BERTConfiguration, parameters: ParameterStore, math: Kernels
  ) {
    func linear(_ name: String) -> Linear {
      Linear(
        weight: parameters[name: name + ".weight"], bias: parameters[name: name + ".bias"],
        math: math)
    }
    switch head {
    case .mlp:
      first = linear("linear.0")
      second = linear("linear.2")
      dropoutProbability = 0
    case .linear:
      first = linear("linear")
      second = nil
      dropoutProbability = 0
    case .classifier:
      first = linear("classifier")
      second = nil
      dropoutProbability = configuration.classifierDropout ?? configuration.hiddenDropout
    }
  }

  /// What the backward pass needs.
  package struct Tape {
    let input: Matrix
    let hidden: Matrix?
    let dropout: Dropout?
  }

  /// The logits `[S, K]`.
  package func forward(
    _ pooled: Matrix, dropout: Dropout?, math: Kernels
  ) -> (logits: Matrix, tape: Tape) {
    let input = math.dropoutForward(pooled, dropout)
    let out = math.matrix(input.rows, first.outputSize)
    first.forward(out, input, math: math)
    guard let second else { return (out, Tape(input: input, hidden: nil, dropout: dropout)) }
    math.tanhForward(out, out)
    let logits = math.matrix(input.rows, second.outputSize)
    second.forward(logits, out, math: math)
    return (logits, Tape(input: input, hidden: out, dropout: dropout))
  }

  /// Adds to the gradients of what trains, and returns the gradient of the pooled vectors if
  /// `needsInput`.
  package func backward(
    dLogits: Matrix, tape: Tape, needsInput: Bool, math: Kernels
  ) -> Matrix? {
    var dFirst = dLogits
    if let second, let hidden = tape.hidden {
      second.accumulateGradients(dy: dLogits, x: hidden, math: math)
      guard needsInput || first.weight.trains || first.bias.trains else { return nil }
      dFirst = math.matrix(hidden.rows, hidden.columns)
      second.backward(dFirst, dy: dLogits, math: math)
      math.tanhBackward(dFirst, dFirst, hidden)
    }
    first.accumulateGradients(dy: dFirst, x: tape.input, math: math)
    guard needsInput else { return nil }
    let dInput = math.matrix(tape.input.rows, tape.input.columns)
    first.backward(dInput, dy: dFirst, math: math)
    return math.dropoutBackward(dInput, tape.dropout)
  }
}
