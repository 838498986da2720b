/// Word, position and token type embeddings, summed and normalised (`BertEmbeddings`).
package struct Embeddings {
  let word: Parameter
  let position: Parameter
  let tokenType: Parameter
  let norm: ResidualNorm
  let paddingToken: Int?

  package init(configuration: BERTConfiguration, parameters: ParameterStore) {
    word = parameters[name: "bert.embeddings.word_embeddings.weight"]
    position = parameters[name: "bert.embeddings.position_embeddings.weight"]
    tokenType = parameters[name: "bert.embeddings.token_type_embeddings.weight"]
    norm = ResidualNorm(
      weight: parameters[name: "bert.embeddings.LayerNorm.weight"],
      bias: parameters[name: "bert.embeddings.LayerNorm.bias"],
      epsilon: configuration.layerNormEpsilon)
    paddingToken = configuration.paddingToken
  }

  /// What the backward pass needs.
  package struct Tape {
    let norm: ResidualNorm.Tape
    let dropout: Dropout?
  }

  private var tables: [Parameter] { [word, position, tokenType] }

  /// The embedded tokens `[T, C]`.
  package func forward(
    _ batch: PackedBatch, recording: Bool, dropout: Dropout?, math: Kernels
  ) -> (output: Matrix, tape: Tape?) {
    let sum = math.matrix(batch.tokenCount, word.values.columns)
    math.embeddingForward(
      sum, word: word.values, position: position.values, type: tokenType.values,
      ids: batch.ids, positionIDs: batch.positions, typeIDs: batch.types)
    let normTape = norm.forward(
      sum, input: sum, inputBias: nil, residual: nil, dropout: nil, recording: recording,
      math: math)
    let output = math.dropoutForward(sum, dropout)
    return (output, normTape.map { Tape(norm: $0, dropout: dropout) })
  }

  /// Adds to the gradients of the rows that train.
  ///
  /// The padding token's row receives none, as with `padding_idx` of `torch.nn.Embedding`.
  package func backward(dout: Matrix, tape: Tape, batch: PackedBatch, math: Kernels) {
    let dNorm = math.dropoutBackward(dout, tape.dropout)
    let reachesTables = tables.contains(where: \.trains)
    guard
      let dSum = norm.backward(
        dout: dNorm, tape: tape.norm, needsInput: reachesTables, math: math)
    else { return }
    scatter(dSum, into: word, ids: batch.ids, skipping: paddingToken, math: math)
    scatter(dSum, into: position, ids: batch.positions, skipping: nil, math: math)
    scatter(dSum, into: tokenType, ids: batch.types, skipping: nil, math: math)
  }

  /// Adds row t of `gradient` to the stacked gradient row of `ids[t]`, if that row trains.
  private func scatter(
    _ gradient: Matrix, into table: Parameter, ids: [Int32], skipping skipped: Int?, math: Kernels
  ) {
    guard let training = table.training else { return }
    let ranges = table.ranges
    let targets: [Int32] = ids.map { id in
      let row = Int(id)
      guard row != skipped, let range = ranges.first(where: { $0.values.contains(row) })
      else { return -1 }
      return Int32(range.stacked.lowerBound + row - range.values.lowerBound)
    }
    math.scatterAddRows(training.gradient, gradient, indices: targets)
  }
}
