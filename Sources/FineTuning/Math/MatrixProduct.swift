internal import CEspalierKernels
internal import Synchronization

/// Which operand of a product is transposed.
package enum Transpose: Sendable, Hashable, CaseIterable {
  /// a[M, K] · b[K, N]: the gradient of a linear layer's input, dX = dY·W.
  case none
  /// a[M, K] · b[N, K]ᵀ: a linear layer forward, with the weight as PyTorch lays it out.
  case second
  /// a[K, M]ᵀ · b[K, N]: the gradient of its weight, dW = dYᵀ·X.
  case first
}

/// What follows a linear layer's product.
package enum Activation: Sendable, Hashable {
  /// Nothing.
  case none
  /// The exact GELU.
  case gelu
}

extension Kernels {
  /// out = a·b with the operand that `transpose` names transposed; out += with `accumulate`.
  ///
  /// `out` is [M, N]; see ``Transpose`` for the others. It overlaps neither.
  package func multiply(
    _ out: Matrix, _ a: Matrix, _ b: Matrix, transpose: Transpose = .none, accumulate: Bool = false
  ) {
    multiply(
      out, a, b, transpose: transpose, accumulate: accumulate, Epilogue())
  }

  /// A linear layer: out = activation(x·weightᵀ + bias).
  ///
  /// `out` is [T, N], `x` is [T, K], `weight` is [N, K], `bias` is [N]. `preactivation` [T, N] gets
  /// what the activation saw.
  package func linear(
    _ out: Matrix, _ x: Matrix, weight: Matrix, bias: Vector?, activation: Activation = .none,
    preactivation: Matrix? = nil
  ) {
    multiply(
      out, x, weight, transpose: .second, accumulate: false,
      Epilogue(bias: bias, activation: activation, preactivation: preactivation))
  }

  func multiply(
    _ out: Matrix, _ a: Matrix, _ b: Matrix, transpose: Transpose, accumulate: Bool,
    _ epilogue: Epilogue
  ) {
    let depth = transpose == .first ? a.rows : a.columns
    precondition(out.rows == (transpose == .first ? a.columns : a.rows), "the product's rows")
    precondition(
      out.columns == (transpose == .second ? b.rows : b.columns), "the product's columns")
    precondition(depth == (transpose == .second ? b.columns : b.rows), "the factors' depth")
    epilogue.check(out)
    guard out.count > 0 else { return }
    #if OneDNN
      if depth > 0, let oneDNN {
        if !oneDNN.packs {
          if oneDNN.multiply(
            out, a, b, transpose: transpose, accumulate: accumulate, epilogue, kernels: self)
          {
            return
          }
        } else if transpose != .first,
          let product = oneDNN.packing(columns: out.columns, depth: depth)
        {
          return packing.withLock { memory in
            grow(&memory, to: product.packedFloats)
            oneDNN.pack(memory, b, transposed: transpose == .second, for: product)
            oneDNN.multiply(
              out, a, packed: memory, for: product, accumulate: accumulate, epilogue, kernels: self)
          }
        }
      }
    #endif
    packing.withLock { memory in
      grow(&memory, to: functions.packedCount(out.columns, depth))
      pack(memory, b, transposed: transpose == .second)
      product(
        out, a, transposed: transpose == .first, packed: memory, depth: depth,
        accumulate: accumulate, epilogue)
    }
  }

  private func grow(_ memory: inout FloatBuffer, to count: Int) {
    if memory.count < count { memory = FloatBuffer(count: count, content: .uninitialized) }
  }

  /// Packs a right-hand side, [K, N] or, when `transposed`, [N, K].
  func pack(_ memory: FloatBuffer, _ b: Matrix, transposed: Bool) {
    let (n, k) = transposed ? (b.rows, b.columns) : (b.columns, b.rows)
    let (functions, width) = (functions, functions.panelWidth)
    let panels = (n + width - 1) / width
    let (rowStride, columnStride) = transposed ? (1, b.rowStride) : (b.rowStride, 1)
    pool.parallel(panels, grain: max(1, 16384 / max(k * width, 1))) { range in
      unsafe functions.pack(
        memory.pointer, b.pointer, n, k, rowStride: rowStride, columnStride: columnStride, range)
    }
  }

  /// out = a·packed (+ out), a being [M, K] or, when `transposed`, [K, M].
  func product(
    _ out: Matrix, _ a: Matrix, transposed: Bool, packed: FloatBuffer, depth: Int,
    accumulate: Bool, _ epilogue: Epilogue
  ) {
    precondition(out.buffer.isWritable, "the output is read-only")
    let (rowStride, columnStride) = transposed ? (1, a.rowStride) : (a.rowStride, 1)
    let (functions, height) = (functions, functions.panelHeight)
    let panels = (out.columns + functions.panelWidth - 1) / functions.panelWidth
    let plan = TilePlan(
      rows: out.rows, panels: panels, height: height, threads: pool.threads)
    // The activation reads the preactivation and writes the output.
    let sums = epilogue.activation == .gelu ? epilogue.preactivation ?? out : out
    pool.forEach(plan.count) { _, tile in
      let (rows, panels) = plan[tile]
      let row = rows.lowerBound
      let gelu = unsafe epilogue.activation == .gelu ? out.pointer + row * out.rowStride : nil
      unsafe functions.product(
        espalier_product_operands(
          c: sums.pointer + row * sums.rowStride, c_stride: sums.rowStride,
          a: a.pointer + row * rowStride, row_stride: rowStride, column_stride: columnStride,
          packed: packed.pointer, m: rows.count, n: out.columns, k: depth,
          accumulate: accumulate ? 1 : 0,
          epilogue: espalier_epilogue(
            bias: epilogue.bias?.pointer, gelu: gelu, gelu_stride: out.rowStride)),
        panels)
    }
  }
}

/// What happens to a product before anybody else reads it.
struct Epilogue: Sendable {
  var bias: Vector?
  var activation: Activation = .none
  var preactivation: Matrix?

  func check(_ out: Matrix) {
    precondition(bias.map { $0.count == out.columns } ?? true, "a bias has one number a column")
    if let preactivation {
      precondition(
        preactivation.rows == out.rows && preactivation.columns == out.columns
          && preactivation.buffer.isWritable, "the preactivation has the output's shape")
      precondition(activation != .none, "only an activation has something before it")
    }
  }
}

/// How the output of a product is cut into tiles that threads take one by one.
struct TilePlan: Sendable {
  let rows: Int
  let panels: Int
  let tileRows: Int
  let tilePanels: Int

  init(rows: Int, panels: Int, height: Int, threads: Int) {
    self.rows = rows
    self.panels = panels
    // Rows of a tile stay in the second-level cache while the packed side streams by; the rows are
    // shared out evenly.
    let most = (rows + 16 * height - 1) / (16 * height)
    let even = (rows + max(most, 1) - 1) / max(most, 1)
    tileRows = max((even + height - 1) / height * height, 1)
    let rowTiles = (rows + tileRows - 1) / tileRows
    // Columns too, so that no thread waits long for the last tile of another.
    let wanted = threads == 1 ? 1 : (threads * 8 + rowTiles - 1) / max(rowTiles, 1)
    tilePanels = max((panels + wanted - 1) / wanted, min(panels, 4), 1)
  }

  private var across: Int { (panels + tilePanels - 1) / tilePanels }

  var count: Int { (rows + tileRows - 1) / tileRows * across }

  subscript(tile: Int) -> (rows: Range<Int>, panels: Range<Int>) {
    let row = tile / across * tileRows
    let panel = tile % across * tilePanels
    return (row..<min(row + tileRows, rows), panel..<min(panel + tilePanels, panels))
  }
}
