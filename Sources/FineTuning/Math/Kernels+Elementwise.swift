internal import CEspalierKernels

extension Kernels {
  /// out = x + y, all of one shape. `out` may be either.
  package func add(_ out: Matrix, _ x: Matrix, _ y: Matrix) {
    unsafe elementwise(out, x, y) { unsafe espalier_add($0, $1, $2, $3) }
  }

  /// y += scale · x, both of one shape.
  package func accumulate(_ y: Matrix, scale: Float = 1, _ x: Matrix) {
    unsafe elementwise(y, x) { out, x, _, count in unsafe espalier_axpy(out, scale, x, count) }
  }

  /// x *= scale.
  package func scale(_ x: Matrix, by scale: Float) {
    unsafe elementwise(x, x) { out, _, _, count in unsafe espalier_scale(out, scale, count) }
  }

  /// x += scale · y, elementwise.
  package func accumulate(_ x: Vector, scale: Float = 1, _ y: Vector) {
    accumulate(
      x.matrix(rows: 1, columns: x.count), scale: scale, y.matrix(rows: 1, columns: y.count))
  }

  /// x *= scale.
  package func scale(_ x: Vector, by scale: Float) {
    self.scale(x.matrix(rows: 1, columns: x.count), by: scale)
  }

  /// out[r] += bias for every row r. `x` is [T, C], `bias` is [C].
  package func addBias(_ x: Matrix, _ bias: Vector) {
    precondition(x.columns == bias.count, "a bias has one number a column")
    precondition(x.buffer.isWritable, "the output is read-only")
    overRows(x.rows, columns: x.columns) { range in
      for row in range {
        let out = unsafe x.pointer + row * x.rowStride
        unsafe espalier_add(out, out, bias.pointer, x.columns)
      }
    }
  }

  /// sums[c] += Σ over rows of x[r, c]: the gradient of a bias. `x` is [T, C], `sums` is [C].
  package func accumulateColumnSums(_ sums: Vector, _ x: Matrix) {
    precondition(sums.count == x.columns, "a sum a column")
    columnSums(sums, x, nil)
  }

  /// sums[c] += Σ x[r, c] (· y[r, c]). Threads share the columns, each goes through all rows.
  func columnSums(_ sums: Vector, _ x: Matrix, _ y: Matrix?) {
    precondition(sums.buffer.isWritable, "the output is read-only")
    let grain = max(16384 / max(x.rows, 1), 16)
    pool.parallel(x.columns, grain: grain, multiple: 16) { range in
      for start in stride(from: range.lowerBound, to: range.upperBound, by: 256) {
        let width = min(256, range.upperBound - start)
        let y = unsafe y.map { unsafe ($0.pointer + start, $0.rowStride) }
        unsafe espalier_column_sums(
          sums.pointer + start, x.pointer + start, x.rowStride, y?.0, y?.1 ?? 0, x.rows, width)
      }
    }
  }

  /// out = dropout(x): kept elements scaled by 1/(1-p), the others 0. With the gradient as `x` it is
  /// its own backward. Both are [T, C]; `out` may be `x`.
  package func dropout(_ out: Matrix, _ x: Matrix, _ dropout: Dropout) {
    precondition(out.rows == x.rows && out.columns == x.columns, "the shapes agree")
    precondition(out.buffer.isWritable, "the output is read-only")
    overRows(out.rows, columns: out.columns) { range in
      let row = range.lowerBound
      unsafe espalier_dropout_rows(
        out.pointer + row * out.rowStride, out.rowStride, x.pointer + row * x.rowStride,
        x.rowStride, row, range.count, out.columns, dropout.c)
    }
  }

  /// Σ x², in double. The order of the sum depends on the count alone.
  package func sumOfSquares(_ x: Vector) -> Double {
    let piece = 65536
    let pieces = (x.count + piece - 1) / piece
    let partials = Partials(count: pieces)
    pool.forEach(pieces) { _, index in
      let start = index * piece
      partials[index] = unsafe espalier_sum_of_squares(
        x.pointer + start, min(piece, x.count - start))
    }
    return (0..<pieces).reduce(0) { $0 + partials[$1] }
  }
}

/// Doubles that threads fill, each its own. `@unchecked` because of that.
@safe private final class Partials: @unchecked Sendable {
  private let values: UnsafeMutablePointer<Double>
  private let count: Int

  init(count: Int) {
    self.count = count
    unsafe values = UnsafeMutablePointer.allocate(capacity: max(count, 1))
    unsafe values.initialize(repeating: 0, count: count)
  }

  deinit { unsafe values.deallocate() }

  subscript(index: Int) -> Double {
    get {
      precondition(index >= 0 && index < count, "a partial sum")
      return unsafe values[index]
    }
    set {
      precondition(index >= 0 && index < count, "a partial sum")
      unsafe values[index] = newValue
    }
  }
}
