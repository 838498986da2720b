internal import CheckpointFiles

/// The product of a module's factors, in the layout of the weight that it is added to.
///
/// A row of the sum is a row of coefficients times the rows of a matrix of `rank` vectors, so that a weight is
/// computed row by row while it is written.
struct LoRAProduct: Sendable {
  /// How the factors A and B become a change of a weight.
  enum Layout: Sendable, Hashable {
    /// B·A in the rows of the weight: linear layers and convolutions.
    case rows
    /// Its transpose: embeddings, and the `Conv1D` of GPT-2.
    case transposed
    /// A product for each expert; the rows of each are B·A, or its transpose.
    case experts(Int, isTransposed: Bool)
  }

  let a: Tensor
  let b: Tensor
  let rank: Int
  let layout: Layout
  /// α/r, or α/√r.
  let scale: Double
  /// The lengths of DoRA: those of the weight's rows, or of its columns where the layout is transposed.
  var magnitude: Tensor?

  /// The extents of a row of the weight, and the number of rows that are one after the other.
  private var extents: (outputs: Int, inputs: Int) {
    let rows = a.shape.dimensions.first ?? 0
    return (b.shape.dimensions.first ?? 0, rows == 0 ? 0 : a.shape.count / rows)
  }

  /// `weight` with the product added, and each output brought to its length when there are lengths.
  ///
  /// - Parameter repetitions: how often the product is added.
  func added(to weight: Tensor, times repetitions: Int = 1) throws(CheckpointError) -> Tensor {
    let (outputs, inputs) = extents
    let columns: Int
    switch layout {
    case .rows, .experts(_, isTransposed: false): columns = inputs
    case .transposed, .experts(_, isTransposed: true): columns = outputs
    }
    let product = self
    let factor = Float(scale * Double(repetitions))
    return try Tensor.computed(dtype: weight.dtype, shape: weight.shape, grain: max(columns, 1)) {
      let old = try weight.readable()
      let (coefficients, vectors, rowsOfBlock) = try product.matrices()
      let rank = product.rank
      @Sendable func row(_ index: Int, _ scratch: inout Scratch) throws -> [Double] {
        for r in 0..<rank { scratch.factors[r] = coefficients[index * rank + r] }
        var values = try old.doubles(in: index * columns..<(index + 1) * columns)
        Elementwise.addRow(
          scratch.factors, of: vectors[index / max(rowsOfBlock, 1)], times: factor, to: &values,
          &scratch.row)
        return values
      }
      let rowCount = columns == 0 ? 0 : weight.shape.count / columns
      let lengths = try product.magnitude.map { try $0.floats().map { Double($0) } }
      let scales = try lengths.map { lengths in
        guard product.layout == .transposed else { return lengths }
        var scratch = Scratch(rank, columns)
        return try columnScales(lengths, rowCount) { try row($0, &scratch) }
      }
      return { range, sink in
        var scratch = Scratch(rank, columns)
        for start in stride(from: range.lowerBound, to: range.upperBound, by: max(columns, 1)) {
          let index = start / max(columns, 1)
          var values = try row(index, &scratch)
          if let scales {
            if product.layout == .transposed {
              for column in values.indices { values[column] *= scales[column] }
            } else {
              let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
              Elementwise.scale(&values, by: scales[index] / norm)
            }
          }
          try sink.append(values.span)
        }
      }
    }
  }

  /// The coefficients of every row, the vectors of every block of rows, and the number of rows in a block.
  private func matrices() throws -> (
    coefficients: [Float], vectors: [[Float]], rowsOfBlock: Int
  ) {
    let (outputs, inputs) = extents
    let (a, b) = (try a.floats(), try b.floats())
    switch layout {
    case .rows: return (b, [a], outputs)
    case .transposed:
      return (transposed(a, rank, inputs), [transposed(b, outputs, rank)], inputs)
    case .experts(let count, let isTransposed):
      // The experts are the slow index of the rows of A, and the fast one of the columns of B.
      var rowsOfA: [[Float]] = []
      var rowsOfB: [[Float]] = []
      for expert in 0..<count {
        rowsOfA.append(Array(a[expert * rank * inputs..<(expert + 1) * rank * inputs]))
        var part = [Float](repeating: 0, count: outputs * rank)
        for output in 0..<outputs {
          for r in 0..<rank {
            part[output * rank + r] = b[output * rank * count + r * count + expert]
          }
        }
        rowsOfB.append(part)
      }
      guard isTransposed else { return (rowsOfB.flatMap(\.self), rowsOfA, outputs) }
      return (
        rowsOfA.flatMap { transposed($0, rank, inputs) },
        rowsOfB.map { transposed($0, outputs, rank) }, inputs
      )
    }
  }
}

/// Memory that the rows of one piece share.
private struct Scratch {
  var factors: [Float]
  var row: [Float]

  init(_ rank: Int, _ columns: Int) {
    factors = [Float](repeating: 0, count: rank)
    row = [Float](repeating: 0, count: columns)
  }
}

/// What each column is multiplied by so that it gets its length.
private func columnScales(
  _ lengths: [Double], _ rowCount: Int, row: (Int) throws -> [Double]
) throws -> [Double] {
  var squares = [Double](repeating: 0, count: lengths.count)
  for index in 0..<rowCount {
    let values = try row(index)
    for column in squares.indices { squares[column] += values[column] * values[column] }
  }
  return zip(lengths, squares).map { $0 / $1.squareRoot() }
}

/// A matrix of `rows` × `columns` with its dimensions exchanged.
private func transposed(_ matrix: [Float], _ rows: Int, _ columns: Int) -> [Float] {
  var result = [Float](repeating: 0, count: matrix.count)
  for row in 0..<rows {
    for column in 0..<columns { result[column * rows + row] = matrix[row * columns + column] }
  }
  return result
}
