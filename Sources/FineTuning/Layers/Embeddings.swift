/// Word, position and token type embeddings, summed and normalised (`BertEmbeddings`), and the dense
/// layer that widens them where a family has it.
package struct Embeddings {
  let word: Parameter
  let position: Parameter
  /// `nil` in families without token types.
  let tokenType: Parameter?
  /// The rows that are added by type: the table's, or one row of zeros.
  private let typeRows: Matrix
  let norm: ResidualNorm
  let projection: Linear?
  let paddingToken: Int?
  /// Where positions count from; `nil` counts from 0.
  let positionOffset: Int?

  package init(configuration: BERTConfiguration, parameters: ParameterStore, math: Kernels) {
    word = parameters[role: "embeddings.word_embeddings.weight"]
    position = parameters[role: "embeddings.position_embeddings.weight"]
    tokenType =
      configuration.family.hasTokenTypes
      ? parameters[role: "embeddings.token_type_embeddings.weight"] : nil
    typeRows = tokenType?.values ?? Matrix(rows: 1, columns: configuration.embeddingSize)
    norm = ResidualNorm(
      weight: parameters[role: "embeddings.LayerNorm.weight"],
      bias: parameters[role: "embeddings.LayerNorm.bias"],
      epsilon: configuration.layerNormEpsilon)
    projection =
      configuration.embeddingSize == configuration.hiddenSize
      ? nil
      : Linear(
        weight: parameters[role: "embeddings_project.weight"],
        bias: parameters[role: "embeddings_project.bias"], math: math)
    paddingToken = configuration.paddingToken
    positionOffset = configuration.family.countsFromPadding ? configuration.paddingToken : nil
  }

  /// What the backward pass needs.
  package struct Tape {
    let norm: ResidualNorm.Tape?
    let dropout: Dropout?
    /// What the projection read.
    let embedded: Matrix
  }

  private var tables: [Parameter] { [word, position] + (tokenType.map { [$0] } ?? []) }

  /// Rows of the position table: with an offset, the padding token stands at the offset itself and
  /// does not count, wherever it is (`create_position_ids_from_input_ids`).
  private func positions(_ batch: PackedBatch) -> [Int32] {
    guard let positionOffset else { return batch.positions }
    var count = positionOffset
    return batch.ids.indices.map { index in
      if batch.positions[index] == 0 { count = positionOffset }
      if Int(batch.ids[index]) == paddingToken { return Int32(positionOffset) }
      count += 1
      return Int32(count)
    }
  }

  /// Token types that the table has: a table of one row knows one type.
  private func types(_ batch: PackedBatch) -> [Int32] {
    typeRows.rows > 1 ? batch.types : Array(repeating: 0, count: batch.types.count)
  }

  /// The embedded tokens `[T, C]`.
  package func forward(
    _ batch: PackedBatch, recording: Bool, dropout: Dropout?, math: Kernels
  ) -> (output: Matrix, tape: Tape?) {
    let sum = math.matrix(batch.tokenCount, word.values.columns)
    math.embeddingForward(
      sum, word: word.values, position: position.values, type: typeRows,
      ids: batch.ids, positionIDs: positions(batch), typeIDs: types(batch))
    let normTape = norm.forward(
      sum, input: sum, inputBias: nil, residual: nil, dropout: nil, recording: recording,
      math: math)
    let embedded = math.dropoutForward(sum, dropout)
    let tape = recording ? Tape(norm: normTape, dropout: dropout, embedded: embedded) : nil
    guard let projection else { return (embedded, tape) }
    let output = math.matrix(batch.tokenCount, projection.outputSize)
    projection.forward(output, embedded, math: math)
    return (output, tape)
  }

  /// Adds to the gradients of the rows that train.
  ///
  /// The padding token's row receives none, as with `padding_idx` of `torch.nn.Embedding`; positions
  /// that count from the padding token have such a row too.
  package func backward(dout: Matrix, tape: Tape, batch: PackedBatch, math: Kernels) {
    var dEmbedded = dout
    let reachesTables = tables.contains(where: \.trains)
    if let projection {
      projection.accumulateGradients(dy: dout, x: tape.embedded, math: math)
      guard reachesTables || norm.weight.trains || norm.bias.trains else { return }
      dEmbedded = math.matrix(dout.rows, tape.embedded.columns)
      projection.backward(dEmbedded, dy: dout, math: math)
    }
    let dNorm = math.dropoutBackward(dEmbedded, tape.dropout)
    guard let normTape = tape.norm,
      let dSum = norm.backward(
        dout: dNorm, tape: normTape, needsInput: reachesTables, math: math)
    else { return }
    scatter(dSum, into: word, ids: batch.ids, skipping: paddingToken, math: math)
    scatter(dSum, into: position, ids: positions(batch), skipping: positionOffset, math: math)
    if let tokenType {
      scatter(dSum, into: tokenType, ids: types(batch), skipping: nil, math: math)
    }
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
