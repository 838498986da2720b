import EspalierTestSupport
import Testing

@testable import FineTuning

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The kernels as their doc comments define them: obvious loops in double.
enum Plain {
  typealias Table = [[Double]]

  static func table(_ matrix: Matrix) -> Table {
    (0..<matrix.rows).map { row in matrix.row(row).array.map(Double.init) }
  }

  static func product(_ a: Table, _ b: Table, columns: Int) -> Table {
    a.map { row in
      (0..<columns).map { j in
        row.indices.reduce(0) { $0 + row[$1] * b[$1][j] }
      }
    }
  }

  static func transposed(_ a: Table, columns: Int) -> Table {
    (0..<columns).map { j in a.map { $0[j] } }
  }

  static func gelu(_ x: Double) -> Double { x * 0.5 * erfc(-x / 2.0.squareRoot()) }

  static func geluSlope(_ x: Double) -> Double {
    0.5 * erfc(-x / 2.0.squareRoot()) + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot()
  }

  /// Context, and the gradient of q|k|v, of packed sequences without dropout.
  static func attention(
    _ qkv: Table, dcontext: Table, shape: AttentionShape, width: Int
  ) -> (context: Table, dqkv: Table) {
    var context = Table(repeating: Array(repeating: 0, count: width), count: qkv.count)
    var dqkv = Table(repeating: Array(repeating: 0, count: 3 * width), count: qkv.count)
    let (scale, headWidth) = (Double(shape.scale), width / shape.heads)
    for sequence in 0..<shape.offsets.count - 1 {
      let rows = shape.offsets[sequence]..<shape.offsets[sequence + 1]
      let keys = rows.prefix(shape.visible?[sequence] ?? rows.count)
      for head in 0..<shape.heads where !keys.isEmpty {
        let columns = head * headWidth..<(head + 1) * headWidth
        for i in rows {
          let scores = keys.map { j in
            columns.reduce(0) { $0 + qkv[i][$1] * qkv[j][width + $1] } * scale
          }
          let most = scores.max() ?? 0
          let total = scores.reduce(0) { $0 + exp($1 - most) }
          let shares = scores.map { exp($0 - most) / total }
          for (share, j) in zip(shares, keys) {
            for d in columns { context[i][d] += share * qkv[j][2 * width + d] }
          }
          let slopes = keys.map { j in
            columns.reduce(0) { $0 + dcontext[i][$1] * qkv[j][2 * width + $1] }
          }
          let mean = zip(shares, slopes).reduce(0) { $0 + $1.0 * $1.1 }
          for (index, j) in keys.enumerated() {
            let slope = shares[index] * (slopes[index] - mean) * scale
            for d in columns {
              dqkv[j][2 * width + d] += shares[index] * dcontext[i][d]
              dqkv[i][d] += slope * qkv[j][width + d]
              dqkv[j][width + d] += slope * qkv[i][d]
            }
          }
        }
      }
    }
    return (context, dqkv)
  }
}

/// Matrices of random numbers in -1..<1, the same for the same seed.
struct RandomMatrices {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func matrix(_ rows: Int, _ columns: Int, gap: Int = 0, scale: Float = 1) -> Matrix {
    let stride = columns + gap
    let whole = Matrix(rows: rows, columns: stride)
    for row in 0..<rows {
      for column in 0..<stride { whole[row, column] = number() * scale }
    }
    return whole.columns(0..<columns)
  }

  mutating func vector(_ count: Int) -> Vector {
    Vector((0..<count).map { _ in number() })
  }

  private mutating func number() -> Float {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Float(state >> 40) / Float(1 << 23) - 1
  }
}

/// Expects every element within `tolerance` of the plain result, relative to the greatest of them.
func expect(
  _ matrix: Matrix, near table: Plain.Table, tolerance: Double, _ what: Comment,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let most = table.joined().reduce(1e-30) { max($0, abs($1)) }
  var worst = 0.0
  for row in 0..<matrix.rows {
    for column in 0..<matrix.columns {
      let error = abs(Double(matrix[row, column]) - table[row][column]) / most
      // A NaN is the worst of all.
      if !(error <= worst) { worst = error }
    }
  }
  #expect(worst <= tolerance, what, sourceLocation: sourceLocation)
}

/// Expects the same bits from kernels on one, two and four threads.
func expectSameBits(
  _ backend: Backend = .portable, sourceLocation: SourceLocation = #_sourceLocation,
  _ compute: (Kernels) -> [Matrix]
) {
  let bits = [1, 2, 4].map { threads in
    compute(Kernels(threads: threads, backend: backend)).map { matrix in
      (0..<matrix.rows).flatMap { matrix.row($0).array.map(\.bitPattern) }
    }
  }
  #expect(bits[0] == bits[1], "two threads", sourceLocation: sourceLocation)
  #expect(bits[0] == bits[2], "four threads", sourceLocation: sourceLocation)
}
