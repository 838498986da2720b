/// A view of `rows` × `columns` floats in a buffer, row-major.
///
/// A reference: copies of the value share the elements, and kernels write into them.
@safe package struct Matrix: Sendable {
  /// The memory.
  package let buffer: FloatBuffer
  /// Where element (0, 0) lies in the buffer.
  package let offset: Int
  /// The number of rows.
  package let rows: Int
  /// The number of columns.
  package let columns: Int
  /// The step from a row to the next, in elements; at least `columns`.
  package let rowStride: Int

  /// A view into `buffer`. Traps when it does not lie inside.
  package init(
    _ buffer: FloatBuffer, offset: Int = 0, rows: Int, columns: Int, rowStride: Int? = nil
  ) {
    let stride = rowStride ?? columns
    precondition(
      rows >= 0 && columns >= 0 && offset >= 0 && stride >= columns, "a matrix's extents")
    precondition(
      rows == 0 || columns == 0 || offset + (rows - 1) * stride + columns <= buffer.count,
      "a matrix of \(rows) × \(columns) does not fit its buffer")
    self.buffer = buffer
    self.offset = offset
    self.rows = rows
    self.columns = columns
    self.rowStride = stride
  }

  /// A new matrix.
  package init(rows: Int, columns: Int, content: FloatBuffer.Content = .zeros) {
    self.init(
      FloatBuffer(count: rows * columns, content: content), rows: rows, columns: columns)
  }

  /// A new matrix of the given rows, which are equally long.
  package init(_ elements: [[Float]]) {
    let columns = elements.first?.count ?? 0
    self.init(rows: elements.count, columns: columns)
    for (row, values) in elements.enumerated() {
      precondition(values.count == columns, "rows of a matrix are equally long")
      for (column, value) in values.enumerated() { self[row, column] = value }
    }
  }

  /// The number of elements.
  package var count: Int { rows * columns }

  /// Whether the rows follow each other without gaps.
  package var isContiguous: Bool { rowStride == columns || rows <= 1 }

  /// Rows `range`, the same elements.
  package func rows(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows of the matrix")
    return Matrix(
      buffer, offset: offset + range.lowerBound * rowStride, rows: range.count, columns: columns,
      rowStride: rowStride)
  }

  /// Columns `range`, the same elements.
  package func columns(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns of the matrix")
    return Matrix(
      buffer, offset: offset + range.lowerBound, rows: rows, columns: range.count,
      rowStride: rowStride)
  }

  /// Row `index`, the same elements.
  package func row(_ index: Int) -> Vector {
    precondition(index >= 0 && index < rows, "a row of the matrix")
    return Vector(buffer, offset: offset + index * rowStride, count: columns)
  }

  /// All elements as one vector, the same elements. The matrix must be contiguous.
  package var elements: Vector {
    precondition(isContiguous, "only a contiguous matrix is one vector")
    return Vector(buffer, offset: count == 0 ? 0 : offset, count: count)
  }

  /// A contiguous copy in new memory.
  package func copy() -> Matrix {
    let copy = Matrix(rows: rows, columns: columns, content: .uninitialized)
    copy.assign(self)
    return copy
  }

  /// Copies the elements of `source`, which has the same shape and does not overlap.
  package func assign(_ source: Matrix) {
    precondition(rows == source.rows && columns == source.columns, "copied matrices agree in shape")
    precondition(buffer.isWritable, "the matrix is read-only")
    if isContiguous && source.isContiguous {
      unsafe pointer.update(from: source.pointer, count: count)
      return
    }
    for row in 0..<rows {
      unsafe (pointer + row * rowStride).update(
        from: source.pointer + row * source.rowStride, count: columns)
    }
  }

  /// Sets every element.
  package func fill(_ value: Float) {
    precondition(buffer.isWritable, "the matrix is read-only")
    for row in 0..<rows {
      unsafe (pointer + row * rowStride).update(repeating: value, count: columns)
    }
  }

  /// One element.
  package subscript(row: Int, column: Int) -> Float {
    get {
      precondition(row >= 0 && row < rows && column >= 0 && column < columns, "inside the matrix")
      return unsafe pointer[row * rowStride + column]
    }
    nonmutating set {
      precondition(row >= 0 && row < rows && column >= 0 && column < columns, "inside the matrix")
      precondition(buffer.isWritable, "the matrix is read-only")
      unsafe pointer[row * rowStride + column] = newValue
    }
  }

  /// Calls `body` with the elements of a row.
  package func withSpan<R>(row: Int, _ body: (Span<Float>) throws -> R) rethrows -> R {
    try self.row(row).withSpan(body)
  }

  /// Calls `body` with all elements. The matrix must be contiguous.
  package func withSpan<R>(_ body: (Span<Float>) throws -> R) rethrows -> R {
    try elements.withSpan(body)
  }

  var pointer: UnsafeMutablePointer<Float> { unsafe buffer.pointer + offset }
}
