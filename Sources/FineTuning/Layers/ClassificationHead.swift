/// The layers that turn pooled vectors `[S, C]` into logits `[S, K]`.
package struct ClassificationHead {
  let first: Linear
  /// The layer after the activation, in heads of two.
  let second: Linear?
  let activation: HeadActivation
  /// Dropout on the pooled vectors, and on what the second layer reads.
  let inputDropout: Float
  let hiddenDropout: Float

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
      activation = .tanh
      inputDropout = 0
      hiddenDropout = 0
    case .linear:
      first = linear("linear")
      second = nil
      activation = .tanh
      inputDropout = 0
      hiddenDropout = 0
    case .classifier:
      let own = configuration.family.ownHead
      first = linear(own.dense ?? own.output)
      second = own.dense == nil ? nil : linear(own.output)
      activation = own.activation
      let dropout = configuration.classifierDropout ?? configuration.hiddenDropout
      inputDropout = own.dropsInput ? dropout : 0
      hiddenDropout = own.dense == nil ? 0 : dropout
    }
  }

  /// What the backward pass needs.
  package struct Tape {
    let input: Matrix
    /// What the activation saw, for GELU; what it gave, for the others.
    var activated: Matrix?
    /// What the second layer read.
    var hidden: Matrix?
    let inputDropout: Dropout?
    var hiddenDropout: Dropout?
  }

  /// The logits `[S, K]`.
  package func forward(
    _ pooled: Matrix, dropout: DropoutStreams?, math: Kernels
  ) -> (logits: Matrix, tape: Tape) {
    let inputStream = dropout?.stream(inputDropout, site: 1)
    let input = math.dropoutForward(pooled, inputStream)
    var tape = Tape(input: input, inputDropout: inputStream)
    let out = math.matrix(input.rows, first.outputSize)
    first.forward(out, input, math: math)
    guard let second else { return (out, tape) }
    var hidden = out
    switch activation {
    case .tanh: math.tanhForward(out, out)
    case .relu: math.reluForward(out, out)
    case .gelu:
      hidden = math.matrix(out.rows, out.columns)
      math.geluForward(hidden, out)
    }
    tape.activated = out
    // No layer of an encoder has this place.
    tape.hiddenDropout = dropout?.stream(hiddenDropout, site: -1)
    hidden = math.dropoutForward(hidden, tape.hiddenDropout)
    tape.hidden = hidden
    let logits = math.matrix(input.rows, second.outputSize)
    second.forward(logits, hidden, math: math)
    return (logits, tape)
  }

  /// Adds to the gradients of what trains, and returns the gradient of the pooled vectors if
  /// `needsInput`.
  package func backward(
    dLogits: Matrix, tape: Tape, needsInput: Bool, math: Kernels
  ) -> Matrix? {
    var dFirst = dLogits
    if let second, let hidden = tape.hidden, let activated = tape.activated {
      second.accumulateGradients(dy: dLogits, x: hidden, math: math)
      guard needsInput || first.weight.trains || first.bias.trains else { return nil }
      let dHidden = math.matrix(hidden.rows, hidden.columns)
      second.backward(dHidden, dy: dLogits, math: math)
      dFirst = math.dropoutBackward(dHidden, tape.hiddenDropout)
      switch activation {
      case .tanh: math.tanhBackward(dFirst, dFirst, activated)
      case .relu: math.reluBackward(dFirst, dFirst, activated)
      case .gelu: math.geluBackward(dFirst, dFirst, activated)
      }
    }
    first.accumulateGradients(dy: dFirst, x: tape.input, math: math)
    guard needsInput else { return nil }
    let dInput = math.matrix(tape.input.rows, tape.input.columns)
    first.backward(dInput, dy: dFirst, math: math)
    return math.dropoutBackward(dInput, tape.inputDropout)
  }
}
