internal import CheckpointFiles
internal import OrderedCollections

// Steps that change the tokens of a model and every tensor with a row for each token.
extension SurgeryPlan {
  mutating func addTokens(_ path: String, _ operation: SurgeryOperation) throws -> Int {
    guard var vocabulary else { throw SurgeryError.noVocabulary(operation) }
    let count = vocabulary.tokenCount
    let change = try vocabulary.add(tokensIn: path)
    self.vocabulary = vocabulary
    return try follow(change, of: count, operation)
  }

  mutating func trimVocabulary(_ path: String, _ operation: SurgeryOperation) throws -> Int {
    guard var vocabulary else { throw SurgeryError.noVocabulary(operation) }
    let count = vocabulary.tokenCount
    let change = try vocabulary.trim(toTextsIn: path)
    self.vocabulary = vocabulary
    if change.kept != Array(0..<count) {
      let ids = Dictionary(uniqueKeysWithValues: change.kept.enumerated().map { ($1, $0) })
      tokenIDs = tokenIDs?.compactMapValues { ids[$0] } ?? ids
    }
    return try follow(change, of: count, operation)
  }

  /// Gives every tensor with a row for each of `count` tokens the rows of the tokens after `change`.
  private mutating func follow(
    _ change: VocabularyChange, of count: Int, _ operation: SurgeryOperation
  ) throws -> Int {
    let items = try tokenTensors(count, operation)
    guard change.added > 0 || change.kept.count < count else { return items.count }
    var done: [TensorView: (Tensor, Effect)] = [:]
    for (slot, key) in items {
      let tensor = tensors.slots[slot].entry.tensor
      let view = TensorView(tensor)
      let result = try done[view] ?? rearranged(tensor, key, change, count, operation)
      done[view] = result
      replace(slot, with: result.0, result.1)
    }
    return items.count
  }

  /// The tensors with a row for each token: tables of embeddings, and the weights and biases of outputs.
  private func tokenTensors(
    _ count: Int, _ operation: SurgeryOperation
  ) throws(SurgeryError) -> [(slot: Int, key: Key)] {
    let found = tensors.liveSlots.map { ($0, tensors.key(of: $0)) }
    func extents(_ slot: Int) -> [Int] { tensors.slots[slot].entry.tensor.shape.dimensions }
    let tables = found.filter { EmbeddingRows.kind(of: $1) == .tokens && extents($0).count == 2 }
    guard let (first, firstKey) = tables.first else { throw .noTokenTable(operation) }
    let rows = extents(first)[0]
    guard rows >= count else { throw .fewerRowsThanTokens(firstKey, rows, count, operation) }
    for (slot, key) in tables where extents(slot)[0] != rows {
      throw .otherTokenCount(key, extents(slot)[0], firstKey, rows, operation)
    }
    var items: [(slot: Int, key: Key)] = tables
    for (slot, key) in found where EmbeddingRows.isOutput(key) {
      let extents = extents(slot)
      if EmbeddingRows.perColumn(key), extents.last == rows {
        throw .columnsOfTokens(key, operation)
      }
      guard (1...2).contains(extents.count), let own = extents.first else { continue }
      if own == rows {
        items.append((slot, key))
      } else if own == count {
        throw .otherTokenCount(key, own, firstKey, rows, operation)
      }
    }
    return items
  }

  /// The rows of the tokens that stay, then new rows, then rows without a token where no token was dropped.
  private func rearranged(
    _ tensor: Tensor, _ key: Key, _ change: VocabularyChange, _ count: Int,
    _ operation: SurgeryOperation
  ) throws -> (Tensor, Effect) {
    let old = tensor.shape.dimensions[0]
    guard tensor.dtype.isFloatingPoint, tensor.dtype.byteWidth != nil, old > 0 else {
      throw SurgeryError.noRowsToResize(key, tensor, operation)
    }
    let kept = try SurgeryPlan.rows(SurgeryPlan.ranges(of: change.kept), of: tensor)
    let isComplete = change.kept.count == count
    let tail = isComplete ? min(count + change.added, old)..<old : old..<old
    let rows = change.kept.count + change.added + tail.count
    guard let shape = Shape([rows] + tensor.shape.dimensions.dropFirst()) else {
      throw SurgeryError.tooManyRows
    }
    let effect = Effect.rowsOfTokens(from: tensor.shape, to: shape, added: change.added)
    guard change.added > 0 else { return (kept, effect) }
    let rest = tail.isEmpty ? nil : try SurgeryPlan.rows([tail], of: tensor)
    let result = try Tensor.computed(dtype: tensor.dtype, shape: shape) { sink in
      try kept.forEachChunk { try sink.append($0) }
      let mean = try SurgeryPlan.meanRow(of: tensor)
      for _ in 0..<change.added { try sink.append(mean) }
      try rest?.forEachChunk { try sink.append($0) }
    }
    return (result, effect)
  }

  /// Neighbours among `rows` as ranges, which are read at once.
  static func ranges(of rows: [Int]) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    for row in rows {
      if let last = ranges.last, last.upperBound == row {
        ranges[ranges.count - 1] = last.lowerBound..<row + 1
      } else {
        ranges.append(row..<row + 1)
      }
    }
    return ranges
  }

  /// The mean of the rows of a tensor, summed in F64.
  static func meanRow(of tensor: Tensor) throws -> [Double] {
    let rows = max(1, tensor.shape.dimensions[0])
    let width = tensor.shape.count / rows
    var mean = [Double](repeating: 0, count: width)
    var column = 0
    try tensor.forEachDoubles { values in
      for index in values.indices {
        mean[column] += values[index]
        column = column + 1 == width ? 0 : column + 1
      }
    }
    for column in mean.indices { mean[column] /= Double(rows) }
    return mean
  }
}
