package import CheckpointFiles

/// One parameter in memory: its values, and what training it needs if it trains.
///
/// Frozen F32 parameters borrow the mapped file; trainable ones own a copy. A parameter trains as a
/// whole or in ranges of rows (dimension 0); gradient and moments exist for those rows alone and are
/// stacked in the order of the ranges.
package final class Parameter {
  /// The name in the trained model's state dict, such as `bert.pooler.dense.bias`.
  package let name: String
  /// The key in the checkpoint it came from.
  package let key: Key
  /// Where it stands in the computation.
  package let stage: Stage
  /// The tensor as the checkpoint has it. Frozen rows are written from it, byte for byte, and what
  /// trained is stored in its dtype.
  package let tensor: Tensor
  /// The values as `[rows, columns]`; a vector is a single column.
  package private(set) var values: Matrix
  /// Rows that train, ascending and disjoint; empty when the parameter is frozen.
  package private(set) var rows: [Range<Int>] = []
  /// What training needs; `nil` when frozen.
  package private(set) var training: TrainingBuffers?

  /// A parameter with the values of `tensor`.
  ///
  /// - Throws: when the tensor's bytes cannot be read.
  package init(
    name: String, key: Key, stage: Stage, tensor: Tensor, rows: [Range<Int>]
  ) throws {
    self.name = name
    self.key = key
    self.stage = stage
    self.tensor = tensor
    let columns = tensor.shape.rank > 1 ? tensor.shape.count / max(1, tensor.shape[0]) : 1
    let rowCount = tensor.shape.rank > 0 ? tensor.shape[0] : 1
    self.rows = rows.filter { !$0.isEmpty }
    if self.rows.isEmpty, tensor.dtype == .float32 {
      let buffer = try FloatBuffer(borrowing: tensor)
      values = Matrix(buffer, rows: rowCount, columns: columns)
    } else {
      values = Matrix(
        try FloatBuffer(copying: tensor), rows: rowCount, columns: columns)
    }
    if !self.rows.isEmpty {
      let count = self.rows.reduce(0) { $0 + $1.count }
      training = TrainingBuffers(rows: count, columns: columns)
    }
  }

  /// The extents.
  package var shape: Shape { tensor.shape }

  /// Whether any row trains.
  package var trains: Bool { training != nil }

  /// Whether every row trains.
  package var trainsWhole: Bool { rows == [0..<values.rows] }

  /// Elements that train.
  package var trainableCount: Int { rows.reduce(0) { $0 + $1.count } * values.columns }

  /// The values of a one-dimensional parameter.
  package var vector: Vector { values.elements }

  /// For each range of trainable rows, the values and the stacked rows that belong to it.
  package var ranges: [(values: Range<Int>, stacked: Range<Int>)] {
    var start = 0
    return rows.map { range in
      defer { start += range.count }
      return (range, start..<start + range.count)
    }
  }
}

/// Gradient and AdamW's moments of the rows of a parameter that train, `[stacked rows, columns]`.
package final class TrainingBuffers {
  package let gradient: Matrix
  package let firstMoment: Matrix
  package let secondMoment: Matrix
  /// Updates so far. Counted per parameter, so that one that is unfrozen late starts at 1.
  package var steps = 0

  init(rows: Int, columns: Int) {
    gradient = Matrix(rows: rows, columns: columns)
    firstMoment = Matrix(rows: rows, columns: columns)
    secondMoment = Matrix(rows: rows, columns: columns)
  }
}

extension Parameter {
  /// The rows that train, stacked: the values themselves when all train, otherwise a copy.
  package func stackedRows() -> Matrix {
    trainsWhole ? values : stacked(rows)
  }

  /// A copy of some rows, one below the other.
  package func stacked(_ rows: [Range<Int>]) -> Matrix {
    let out = Matrix(rows: rows.reduce(0) { $0 + $1.count }, columns: values.columns)
    var start = 0
    for range in rows {
      out.rows(start..<start + range.count).assign(values.rows(range))
      start += range.count
    }
    return out
  }

  /// Sets the rows that train.
  package func assign(stackedRows source: Matrix) {
    for (rows, stacked) in ranges { values.rows(rows).assign(source.rows(stacked)) }
  }
}
