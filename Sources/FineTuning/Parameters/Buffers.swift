extension Kernels {
  /// A matrix whose elements the caller writes before it reads them.
  func matrix(_ rows: Int, _ columns: Int) -> Matrix {
    let count = rows * columns
    if count < BufferPool.leastCount {
      return Matrix(rows: rows, columns: columns, content: .uninitialized)
    }
    return Matrix(FloatBuffer(count: count, from: buffers), rows: rows, columns: columns)
  }

  /// Returns the memory that finished steps have left to the system.
  package func releaseIdleMemory() { buffers.releaseIdle() }

  /// out = dropout(x): x itself without a dropout.
  func dropoutForward(_ x: Matrix, _ dropout: Dropout?) -> Matrix {
    guard let dropout else { return x }
    let out = matrix(x.rows, x.columns)
    self.dropout(out, x, dropout)
    return out
  }

  /// The gradient of a dropout's input; dout itself without a dropout.
  func dropoutBackward(_ dout: Matrix, _ dropout: Dropout?) -> Matrix {
    dropoutForward(dout, dropout)
  }
}

extension Matrix {
  /// A new matrix of the rows of several, one below the other.
  init(stacking parts: [Matrix]) {
    self.init(
      rows: parts.reduce(0) { $0 + $1.rows }, columns: parts.first?.columns ?? 0,
      content: .uninitialized)
    var start = 0
    for part in parts {
      rows(start..<start + part.rows).assign(part)
      start += part.rows
    }
  }
}
