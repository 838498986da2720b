/// One layer of a BERT encoder: self-attention and feed-forward, each followed by dropout, the
/// residual sum and LayerNorm (`BertLayer` of transformers).
///
/// Rows are the tokens of packed sequences, `[T, C]`: no padding exists.
package struct EncoderLayer {
  package let index: Int
  let headCount: Int
  let query: Linear
  let key: Linear
  let value: Linear
  /// The three projections side by side, `[3C, C]`, while all of them are frozen.
  let packedQKV: (weight: PackedWeight, bias: Vector)?
  let attentionOutput: Linear
  let attentionNorm: ResidualNorm
  let intermediate: Linear
  let output: Linear
  let outputNorm: ResidualNorm

  package init(
    index: Int, configuration: BERTConfiguration, parameters: ParameterStore, math: Kernels
  ) {
    let prefix = "encoder.layer.\(index)."
    func linear(_ name: String, packing: Bool = true) -> Linear {
      Linear(
        weight: parameters[role: prefix + name + ".weight"],
        bias: parameters[role: prefix + name + ".bias"],
        packing: packing, math: math)
    }
    func norm(_ name: String) -> ResidualNorm {
      ResidualNorm(
        weight: parameters[role: prefix + name + ".LayerNorm.weight"],
        bias: parameters[role: prefix + name + ".LayerNorm.bias"],
        epsilon: configuration.layerNormEpsilon)
    }
    self.index = index
    headCount = configuration.headCount
    let frozen = !["query", "key", "value"].contains {
      parameters[role: prefix + "attention.self.\($0).weight"].trains
        || parameters[role: prefix + "attention.self.\($0).bias"].trains
    }
    query = linear("attention.self.query", packing: !frozen)
    key = linear("attention.self.key", packing: !frozen)
    value = linear("attention.self.value", packing: !frozen)
    let projections = [query, key, value]
    packedQKV =
      frozen
      ? (
        PackedWeight(Matrix(stacking: projections.map(\.weight.values)), kernels: math),
        Vector(projections.flatMap { $0.bias.vector.array })
      ) : nil
    if frozen { for part in projections { part.weight.values.buffer.releasePages() } }
    attentionOutput = linear("attention.output.dense")
    attentionNorm = norm("attention.output")
    intermediate = linear("intermediate.dense")
    output = linear("output.dense")
    outputNorm = norm("output")
  }

  /// What a forward pass keeps for the backward pass; only what the pass will reach is recorded.
  package struct Tape {
    let input: Matrix
    var qkv: Matrix?  // [T, 3C]
    var logSumExp: Matrix?  // [H, T]
    var context: Matrix?  // [T, C]
    var attentionNorm: ResidualNorm.Tape?
    var hidden: Matrix?  // [T, C], after the first LayerNorm
    var preactivation: Matrix?  // [T, F]
    var activation: Matrix?  // [T, F]; with a preactivation it is computed again
    var outputNorm: ResidualNorm.Tape?
    let dropout: LayerDropout?
    let depth: Stage.Block

    /// What the second dense layer of the feed-forward read.
    func activation(math: Kernels) -> Matrix {
      if let activation { return activation }
      guard let preactivation else { preconditionFailure("a layer that trains has a tape") }
      let out = math.matrix(preactivation.rows, preactivation.columns)
      math.geluForward(out, preactivation)
      return out
    }
  }

  /// The streams of a layer's three dropouts in one step.
  package struct LayerDropout {
    let attention: Dropout?
    let attentionOutput: Dropout?
    let output: Dropout?
  }

  /// The first half of a layer: self-attention, the residual and LayerNorm.
  private struct Attended {
    let hidden: Matrix  // [T, C]
    let qkv: Matrix
    let logSumExp: Matrix?
    let context: Matrix
    let norm: ResidualNorm.Tape?
  }

  private func attend(
    _ x: Matrix, sequences: Sequences, depth: Stage.Block?, dropout: LayerDropout?, math: Kernels
  ) -> Attended {
    let tokens = x.rows
    let width = x.columns
    func reaches(_ block: Stage.Block) -> Bool { depth.map { $0 <= block } ?? false }

    let qkv = math.matrix(tokens, 3 * width)
    if let (weight, bias) = packedQKV {
      weight.forward(qkv, x, bias: bias)
    } else {
      for (index, projection) in [query, key, value].enumerated() {
        projection.forward(qkv.columns(index * width..<(index + 1) * width), x, math: math)
      }
    }
    let context = math.matrix(tokens, width)
    let logSumExp = reaches(.selfAttention) ? math.matrix(headCount, tokens) : nil
    let attention = AttentionShape(
      offsets: sequences.offsets, heads: headCount, width: width, visible: sequences.visible)
    math.attentionForward(
      context, qkv, shape: attention, saveLogSumExp: logSumExp, dropout: dropout?.attention)

    let dense = math.matrix(tokens, width)
    attentionOutput.forward(dense, context, addingBias: false, math: math)
    let hidden = math.matrix(tokens, width)
    let norm = attentionNorm.forward(
      hidden, input: dense, inputBias: attentionOutput.bias.vector, residual: x,
      dropout: dropout?.attentionOutput, recording: reaches(.attentionNorm), math: math)
    return Attended(
      hidden: hidden, qkv: qkv, logSumExp: logSumExp, context: context, norm: norm)
  }

  /// What the feed-forward of the layer reads, `[T, C]`, for x `[T, C]`: nothing is recorded.
  package func attended(
    _ x: Matrix, sequences: Sequences, dropout: LayerDropout?, math: Kernels
  ) -> Matrix {
    attend(x, sequences: sequences, depth: nil, dropout: dropout, math: math).hidden
  }

  /// The layer's output `[T, C]` for x `[T, C]`.
  ///
  /// - Parameters:
  ///   - isAttended: whether x is what ``attended(_:sequences:dropout:math:)`` gives, and not the
  ///     layer's input; the backward pass may then reach no lower than the feed-forward.
  ///   - depth: the lowest block that the backward pass must reach; `nil` records nothing.
  package func forward(
    _ x: Matrix, isAttended: Bool = false, sequences: Sequences, depth: Stage.Block?,
    dropout: LayerDropout?, math: Kernels
  ) -> (output: Matrix, tape: Tape?) {
    let tokens = x.rows
    let width = x.columns
    func reaches(_ block: Stage.Block) -> Bool { depth.map { $0 <= block } ?? false }

    let attended =
      isAttended
      ? nil : attend(x, sequences: sequences, depth: depth, dropout: dropout, math: math)
    let hidden = attended?.hidden ?? x
    let activation = math.matrix(tokens, intermediate.outputSize)
    let preactivation =
      reaches(.intermediate) ? math.matrix(tokens, intermediate.outputSize) : nil
    intermediate.forward(
      activation, hidden, activation: .gelu, preactivation: preactivation, math: math)
    let dense = math.matrix(tokens, width)
    output.forward(dense, activation, addingBias: false, math: math)
    let result = math.matrix(tokens, width)
    let outputTape = outputNorm.forward(
      result, input: dense, inputBias: output.bias.vector, residual: hidden,
      dropout: dropout?.output, recording: depth != nil, math: math)

    guard let depth else { return (result, nil) }
    return (
      result,
      Tape(
        input: x,
        qkv: reaches(.selfAttention) ? attended?.qkv : nil,
        logSumExp: attended?.logSumExp,
        context: reaches(.attentionOutput) ? attended?.context : nil,
        attentionNorm: attended?.norm,
        hidden: reaches(.intermediate) ? hidden : nil,
        preactivation: preactivation,
        activation: reaches(.output) && preactivation == nil ? activation : nil,
        outputNorm: outputTape,
        dropout: dropout, depth: depth)
    )
  }

  /// Adds to the gradients of what trains in the layer, from the top down to the tape's depth, and
  /// returns the gradient of the layer's input, `[T, C]`, if `needsInput`.
  package func backward(
    dout: Matrix, tape: Tape, sequences: Sequences, needsInput: Bool, math: Kernels
  ) -> Matrix? {
    let depth = tape.depth
    guard let outputTape = tape.outputNorm,
      let dSum2 = outputNorm.backward(
        dout: dout, tape: outputTape, needsInput: depth < .outputNorm, math: math)
    else { return nil }

    // Feed-forward.
    let dDense2 = math.dropoutBackward(dSum2, tape.dropout?.output)
    output.accumulateGradients(dy: dDense2, x: tape.activation(math: math), math: math)
    guard depth < .output, let preactivation = tape.preactivation, let hidden = tape.hidden
    else { return nil }
    let dPre = math.matrix(preactivation.rows, preactivation.columns)
    output.backward(dPre, dy: dDense2, math: math)
    math.geluBackward(dPre, dPre, preactivation)
    intermediate.accumulateGradients(dy: dPre, x: hidden, math: math)
    guard depth < .intermediate, let attentionTape = tape.attentionNorm else { return nil }
    // The residual's gradient is the start of the sum; dDense2 may be the same buffer, and is done.
    intermediate.backward(dSum2, dy: dPre, accumulate: true, math: math)

    // Attention.
    guard
      let dSum1 = attentionNorm.backward(
        dout: dSum2, tape: attentionTape, needsInput: depth < .attentionNorm, math: math),
      let context = tape.context
    else { return nil }
    let dDense1 = math.dropoutBackward(dSum1, tape.dropout?.attentionOutput)
    attentionOutput.accumulateGradients(dy: dDense1, x: context, math: math)
    guard depth < .attentionOutput, let qkv = tape.qkv, let logSumExp = tape.logSumExp
    else { return nil }
    let dContext = math.matrix(context.rows, context.columns)
    attentionOutput.backward(dContext, dy: dDense1, math: math)
    let width = context.columns
    let dQKV = math.matrix(qkv.rows, qkv.columns)
    math.attentionBackward(
      dQKV, dContext, qkv: qkv, context: context, logSumExp: logSumExp,
      shape: AttentionShape(
        offsets: sequences.offsets, heads: headCount, width: width, visible: sequences.visible),
      dropout: tape.dropout?.attention)
    for (index, projection) in [query, key, value].enumerated() {
      let dy = dQKV.columns(index * width..<(index + 1) * width)
      projection.accumulateGradients(dy: dy, x: tape.input, math: math)
      if needsInput { projection.backward(dSum1, dy: dy, accumulate: true, math: math) }
    }
    return needsInput ? dSum1 : nil
  }
}
