import Testing

@testable import FineTuning

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("A row kernel")
struct RowKernelTests {
  static let extents = [(1, 1), (7, 17), (33, 7), (17, 33), (0, 5), (40, 384)]
  let kernels = Kernels(threads: 2)

  @Test func `of GELU is within 1e-6 of the exact one, with its gradient`() {
    let x = Matrix(rows: 1, columns: 4001)
    for column in 0..<4001 { x[0, column] = Float(column - 2000) / 200 }
    let (out, ones, dx) = (Matrix(rows: 1, columns: 4001), x.copy(), x.copy())
    ones.fill(1)
    kernels.geluForward(out, x)
    kernels.geluBackward(dx, ones, x)
    for column in 0..<4001 {
      let number = Double(x[0, column])
      #expect(abs(Double(out[0, column]) - Plain.gelu(number)) < 1e-6, "GELU(\(number))")
      #expect(abs(Double(dx[0, column]) - Plain.geluSlope(number)) < 1e-6, "its slope at \(number)")
    }
    #expect(abs(out[0, 0]) < 1e-20, "far below zero nothing is left")
  }

  @Test func `of tanh is within 1e-6 of the exact one, with its gradient`() {
    let x = Matrix(rows: 1, columns: 4001)
    for column in 0..<4001 { x[0, column] = Float(column - 2000) / 150 }
    let (out, ones, dx) = (Matrix(rows: 1, columns: 4001), x.copy(), x.copy())
    ones.fill(1)
    kernels.tanhForward(out, x)
    kernels.tanhBackward(dx, ones, out)
    for column in 0..<4001 {
      let exact = tanh(Double(x[0, column]))
      #expect(abs(Double(out[0, column]) - exact) < 1e-6)
      #expect(abs(Double(dx[0, column]) - (1 - exact * exact)) < 2e-6)
    }
  }

  @Test func `passes a NaN on`() {
    let x = Matrix([[.nan, 1]])
    let out = Matrix(rows: 1, columns: 2)
    kernels.geluForward(out, x)
    #expect(out[0, 0].isNaN && !out[0, 1].isNaN)
    kernels.tanhForward(out, x)
    #expect(out[0, 0].isNaN && !out[0, 1].isNaN)
    kernels.layerNormForward(out, x, gamma: Vector([1, 1]), beta: Vector([0, 0]))
    #expect(out[0, 0].isNaN)
  }

  @Test(arguments: extents)
  func `of LayerNorm, with bias and residual, and its gradient equal the plain loops`(
    rows: Int, columns: Int
  ) {
    var random = RandomMatrices(seed: UInt64(rows * 1000 + columns))
    let (input, residual, dout) = (
      random.matrix(rows, columns, gap: 3), random.matrix(rows, columns),
      random.matrix(rows, columns)
    )
    let (bias, gamma, beta) = (
      random.vector(columns), random.vector(columns), random.vector(columns)
    )
    let (out, normalized, dx) = (
      random.matrix(rows, columns, gap: 1), random.matrix(rows, columns),
      random.matrix(rows, columns)
    )
    let inverse = Vector(count: rows)
    let (dGamma, dBeta) = (Vector(count: columns), Vector(count: columns))
    kernels.layerNormForward(
      out, input, residual: residual, inputBias: bias, gamma: gamma, beta: beta, epsilon: 1e-5,
      saveNormalized: normalized, saveInverseDeviation: inverse)
    kernels.layerNormBackward(
      dx, dout, normalized: normalized, inverseDeviation: inverse, gamma: gamma, dGamma: dGamma,
      dBeta: dBeta)
    var (expected, gradient) = (Plain.Table(), Plain.Table())
    var sums = (
      Array(repeating: 0.0, count: columns), Array(repeating: 0.0, count: columns)
    )
    for row in 0..<rows {
      let x = (0..<columns).map {
        Double(input[row, $0]) + Double(bias[$0]) + Double(residual[row, $0])
      }
      let mean = x.reduce(0, +) / Double(columns)
      let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
      let deviation = 1 / (variance + 1e-5).squareRoot()
      let unit = x.map { ($0 - mean) * deviation }
      expected.append((0..<columns).map { unit[$0] * Double(gamma[$0]) + Double(beta[$0]) })
      let slopes = (0..<columns).map { Double(dout[row, $0]) * Double(gamma[$0]) }
      let first = slopes.reduce(0, +) / Double(columns)
      let second = zip(slopes, unit).reduce(0) { $0 + $1.0 * $1.1 } / Double(columns)
      gradient.append((0..<columns).map { deviation * (slopes[$0] - first - unit[$0] * second) })
      for column in 0..<columns {
        sums.0[column] += Double(dout[row, column]) * unit[column]
        sums.1[column] += Double(dout[row, column])
      }
    }
    expect(out, near: expected, tolerance: 5e-6, "the output")
    if columns > 1 { expect(dx, near: gradient, tolerance: 5e-6, "the gradient") }
    expect(dGamma.matrix(rows: 1, columns: columns), near: [sums.0], tolerance: 5e-6, "of gamma")
    expect(dBeta.matrix(rows: 1, columns: columns), near: [sums.1], tolerance: 5e-6, "of beta")
  }

  @Test(arguments: [1, 7, 17, 33, 5000])
  func `of AdamW takes torch's step`(count: Int) {
    var random = RandomMatrices(seed: UInt64(count))
    let (parameter, gradient, first) = (
      random.vector(count), random.vector(count), random.vector(count)
    )
    let second = Vector(random.vector(count).array.map(abs))
    let step = AdamWStep(
      learningRate: 1e-2, weightDecay: 0.1, step: 3, gradientScale: 0.5)
    let expected = (0..<count).map { index in
      let g = Double(gradient[index]) * 0.5
      let m = 0.9 * Double(first[index]) + 0.1 * g
      let v = 0.999 * Double(second[index]) + 0.001 * g * g
      let denominator = v.squareRoot() / (1 - pow(0.999, 3)).squareRoot() + 1e-8
      return Double(parameter[index]) * (1 - 1e-3) - 1e-2 / (1 - pow(0.9, 3)) * m / denominator
    }
    kernels.adamWStep(
      parameter, gradient: gradient, firstMoment: first, secondMoment: second, step)
    expect(
      parameter.matrix(rows: 1, columns: count), near: [expected], tolerance: 2e-6, "parameters")
  }

  @Test(arguments: extents)
  func `of dropout is its own backward and depends on the seed alone`(rows: Int, columns: Int) {
    var random = RandomMatrices(seed: 1)
    let x = random.matrix(rows, columns, gap: 2)
    let dropout = Dropout(probability: 0.3, seed: 11, stream: 4)
    let (once, again) = (Matrix(rows: rows, columns: columns), x.copy())
    kernels.dropout(once, x, dropout)
    kernels.dropout(again, again, dropout)
    #expect(once.elements.array == again.elements.array, "in place or not")
    for row in 0..<rows {
      for column in 0..<columns {
        let kept = x[row, column] * (1 / (1 - Float(0.3)))
        #expect(once[row, column] == 0 || abs(once[row, column] - kept) < 1e-6)
      }
    }
    if rows * columns > 10_000 {
      let zeros = once.elements.array.count { $0 == 0 }
      #expect(abs(Double(zeros) / Double(rows * columns) - 0.3) < 0.02)
    }
  }

  @Test(arguments: extents)
  func `adds, scales and sums`(rows: Int, columns: Int) {
    var random = RandomMatrices(seed: 2)
    let (x, y) = (random.matrix(rows, columns), random.matrix(rows, columns, gap: 4))
    let out = Matrix(rows: rows, columns: columns)
    kernels.add(out, x, y)
    kernels.accumulate(out, scale: 2, y)
    kernels.scale(out, by: 0.5)
    let bias = random.vector(columns)
    kernels.addBias(out, bias)
    var sums = Array(repeating: 1.0, count: columns)
    var squares = 0.0
    let expected = (0..<rows).map { row in
      (0..<columns).map { column in
        let value =
          (Double(x[row, column]) + 3 * Double(y[row, column])) / 2 + Double(bias[column])
        sums[column] += value
        squares += value * value
        return value
      }
    }
    expect(out, near: expected, tolerance: 1e-6, "the elements")
    let columnSums = Vector(Array(repeating: 1, count: columns))
    kernels.accumulateColumnSums(columnSums, out)
    expect(
      columnSums.matrix(rows: 1, columns: columns), near: [sums], tolerance: 5e-6, "column sums")
    #expect(abs(kernels.sumOfSquares(out.elements) - squares) <= squares * 1e-6 + 1e-30)
  }

  @Test func `of embeddings gathers, and scatters its gradient in order`() {
    var random = RandomMatrices(seed: 3)
    let (word, position, type) = (
      random.matrix(10, 7), random.matrix(5, 7), random.matrix(2, 7)
    )
    let (ids, positions, types): ([Int32], [Int32], [Int32]) = (
      [3, 9, 3, 0], [0, 1, 2, 4], [0, 1, 1, 0]
    )
    let out = Matrix(rows: 4, columns: 7)
    kernels.embeddingForward(
      out, word: word, position: position, type: type, ids: ids, positionIDs: positions,
      typeIDs: types)
    for row in 0..<4 {
      for column in 0..<7 {
        let sum = word[Int(ids[row]), column] + type[Int(types[row]), column]
        #expect(out[row, column] == sum + position[Int(positions[row]), column])
      }
    }
    let table = Matrix(rows: 10, columns: 7)
    kernels.scatterAddRows(table, out, indices: [3, -1, 3, 0])
    #expect(table[3, 2] == out[0, 2] + out[2, 2])
    #expect(table[9, 2] == 0)
    let rows = Matrix(rows: 3, columns: 7)
    rows.fill(1)
    kernels.gatherRows(rows, table, indices: [-1, 3, 0])
    #expect(rows[0, 0] == 0 && rows[1, 5] == table[3, 5] && rows[2, 6] == table[0, 6])
  }

  @Test func `of mean pooling and its gradient knows empty sequences`() {
    let x = Matrix([[1, 2], [3, 4], [5, 9]])
    let pooled = Matrix(rows: 3, columns: 2)
    kernels.meanPoolForward(pooled, x, offsets: [0, 2, 2, 3])
    #expect(pooled.elements.array == [2, 3, 0, 0, 5, 9])
    let dx = Matrix(rows: 3, columns: 2)
    kernels.meanPoolBackward(dx, pooled, offsets: [0, 2, 2, 3])
    #expect(dx.elements.array == [1, 1.5, 1, 1.5, 5, 9])
  }

  @Test func `gives the same bits on any number of threads`() {
    expectSameBits { kernels in
      var random = RandomMatrices(seed: 8)
      let (x, y) = (random.matrix(211, 384, scale: 4), random.matrix(211, 384))
      let (gamma, beta) = (random.vector(384), random.vector(384))
      let (out, unit, dx) = (x.copy(), x.copy(), x.copy())
      let inverse = Vector(count: 211)
      let (dGamma, dBeta) = (Vector(count: 384), Vector(count: 384))
      kernels.geluForward(out, x)
      kernels.layerNormForward(
        out, out, residual: y, gamma: gamma, beta: beta, saveNormalized: unit,
        saveInverseDeviation: inverse, dropout: Dropout(probability: 0.1, seed: 1, stream: 0))
      kernels.layerNormBackward(
        dx, y, normalized: unit, inverseDeviation: inverse, gamma: gamma, dGamma: dGamma,
        dBeta: dBeta)
      let total = Matrix([[Float(kernels.sumOfSquares(x.elements))]])
      return [out, unit, dx, dGamma.matrix(rows: 1, columns: 384), total]
    }
  }
}
