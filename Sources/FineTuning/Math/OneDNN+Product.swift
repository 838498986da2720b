#if OneDNN
  internal import CEspalierKernels
  internal import CEspalierOneDNN

  extension OneDNN {
    /// Rows of most calls with packed weights; the last ones have a multiple of `rowStep` fewer.
    private static let mostRows = 128
    private static let rowStep = 32

    /// The product that decides how weights of `columns` and `depth` are packed.
    func packing(columns: Int, depth: Int) -> CompiledProduct? {
      guard packs else { return nil }
      let shape = ProductShape(rows: Self.mostRows, columns: columns, depth: depth)
      guard let product = product(shape), takesPackedWeights(product) else { return nil }
      return product
    }

    /// Lays out `b`, [K, N] or, when `transposed`, [N, K], as `product` wants it.
    func pack(_ memory: FloatBuffer, _ b: Matrix, transposed: Bool, for product: CompiledProduct) {
      let strides = transposed ? (1, b.rowStride) : (b.rowStride, 1)
      let packed = OpenMP.onOneThread {
        unsafe espalier_dnnl_pack(
          product.handle, engine, streams[0], b.pointer, product.shape.c, Int64(strides.0),
          Int64(strides.1), memory.pointer)
      }
      precondition(packed != 0, "oneDNN cannot lay out a weight")
    }

    /// out = a·packed (+ out), the rows of `a` as they lie.
    func multiply(
      _ out: Matrix, _ a: Matrix, packed: FloatBuffer, for product: CompiledProduct,
      accumulate: Bool, _ epilogue: Epilogue, kernels: Kernels
    ) {
      precondition(out.buffer.isWritable, "the output is read-only")
      let sums = epilogue.sums(out)
      let (columns, depth) = (out.columns, a.columns)
      // Small products in smaller blocks, so that every thread has some. Nothing here depends on the
      // number of threads.
      let block = min(max((out.rows / 8 + 31) / 32 * 32, Self.rowStep), Self.mostRows)
      let blocks = (out.rows + block - 1) / block
      let rest = out.rows - (blocks - 1) * block
      let padded = (rest + Self.rowStep - 1) / Self.rowStep * Self.rowStep
      func compiled(_ rows: Int) -> CompiledProduct {
        var shape = ProductShape(rows: rows, columns: columns, depth: depth)
        shape.hasBias = epilogue.bias != nil
        shape.accumulates = accumulate
        if let smaller = self.product(shape, like: product), takesPackedWeights(smaller) {
          return smaller
        }
        shape.rows = Self.mostRows
        return self.product(shape, like: product) ?? product
      }
      let (whole, last) = (compiled(block), compiled(padded))
      run(blocks, kernels) { worker, index in
        let first = index * block
        let rows = min(block, out.rows - first)
        let product = index == blocks - 1 ? last : whole
        let fits = product.shape.rows == rows
        let copiesLeft = !fits || !(a.isContiguous)
        let copiesOut = !fits || !(sums.isContiguous)
        let library = (product.scratchFloats + 15) / 16 * 16
        let scratch = unsafe kernels.workspaces.pointer(
          worker: worker,
          floats: library + (copiesLeft ? product.shape.rows * depth : 0)
            + (copiesOut ? product.shape.rows * columns : 0))
        var left = unsafe UnsafePointer(a.pointer + first * a.rowStride)
        var to = unsafe sums.pointer + first * sums.rowStride
        var free = unsafe scratch + library
        if copiesLeft {
          for row in 0..<product.shape.rows {
            // Rows beyond the last repeat it: their results are thrown away.
            let from = unsafe left + min(row, rows - 1) * a.rowStride
            unsafe (free + row * depth).update(from: from, count: depth)
          }
          unsafe left = UnsafePointer(free)
          unsafe free += product.shape.rows * depth
        }
        if copiesOut {
          if accumulate {
            for row in 0..<product.shape.rows {
              let from = unsafe to + min(row, rows - 1) * sums.rowStride
              unsafe (free + row * columns).update(from: from, count: columns)
            }
          }
          unsafe to = free
        }
        unsafe call(product, worker, left, packed.pointer, epilogue.bias?.pointer, to, scratch)
        if copiesOut {
          for row in 0..<rows {
            unsafe (sums.pointer + (first + row) * sums.rowStride).update(
              from: to + row * columns, count: columns)
          }
        }
        epilogue.activate(out, rows: first..<first + rows, columns: 0..<columns)
      }
    }

    /// out = a·b (+ out), both as they lie, in tiles. False, and nothing is done, when the library
    /// has only a plain loop for one of them.
    func multiply(
      _ out: Matrix, _ a: Matrix, _ b: Matrix, transpose: Transpose, accumulate: Bool,
      _ epilogue: Epilogue, kernels: Kernels
    ) -> Bool {
      precondition(out.buffer.isWritable, "the output is read-only")
      let sums = epilogue.sums(out)
      let left = transpose == .first ? (1, a.rowStride) : (a.rowStride, 1)
      let right = transpose == .second ? (1, b.rowStride) : (b.rowStride, 1)
      // Tiles depend on the shape alone, so that the library's order of a sum does too.
      let rows = min(out.rows, 256)
      let columns = out.columns >= 2048 ? 768 : out.columns >= 512 ? 384 : min(out.columns, 192)
      let (down, across) = ((out.rows - 1) / rows + 1, (out.columns - 1) / columns + 1)
      func compiled(_ lastRow: Bool, _ lastColumn: Bool) -> CompiledProduct? {
        var shape = ProductShape(
          rows: lastRow ? out.rows - (down - 1) * rows : rows,
          columns: lastColumn ? out.columns - (across - 1) * columns : columns,
          depth: transpose == .first ? a.rows : a.columns)
        shape.left = left
        shape.right = right
        shape.outputStride = sums.rowStride
        shape.hasBias = epilogue.bias != nil
        shape.accumulates = accumulate
        return product(shape)
      }
      guard let whole = compiled(false, false), let bottom = compiled(true, false),
        let side = compiled(false, true), let corner = compiled(true, true)
      else { return false }
      run(down * across, kernels) { worker, tile in
        let (first, column) = (tile / across * rows, tile % across * columns)
        let product =
          switch (first + rows >= out.rows, column + columns >= out.columns) {
          case (false, false): whole
          case (true, false): bottom
          case (false, true): side
          case (true, true): corner
          }
        let scratch = unsafe kernels.workspaces.pointer(
          worker: worker, floats: product.scratchFloats)
        unsafe call(
          product, worker, a.pointer + first * left.0, b.pointer + column * right.1,
          epilogue.bias.map { unsafe $0.pointer + column },
          sums.pointer + first * sums.rowStride + column, scratch)
        epilogue.activate(
          out, rows: first..<first + product.shape.rows,
          columns: column..<column + product.shape.columns)
      }
      return true
    }

    private func run(_ items: Int, _ kernels: Kernels, _ body: @Sendable (Int, Int) -> Void) {
      kernels.pool.forEach(items) { worker, item in
        OpenMP.onOneThread { body(worker, item) }
      }
    }

    private func call(
      _ product: CompiledProduct, _ worker: Int, _ a: UnsafePointer<Float>,
      _ b: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?, _ c: UnsafeMutablePointer<Float>,
      _ scratch: UnsafeMutablePointer<Float>
    ) {
      let done = unsafe espalier_dnnl_run(
        product.handle, engine, streams[worker], a, b, bias, c, scratch)
      precondition(done != 0, "oneDNN refused a product that it had compiled")
    }
  }

  extension Epilogue {
    /// What the sums of the product are written to: what the activation reads.
    func sums(_ out: Matrix) -> Matrix { activation == .gelu ? preactivation ?? out : out }

    /// The activation of a finished tile, while it is in the cache.
    func activate(_ out: Matrix, rows: Range<Int>, columns: Range<Int>) {
      guard activation == .gelu else { return }
      let sums = sums(out)
      let (row, column) = (rows.lowerBound, columns.lowerBound)
      unsafe espalier_gelu_rows(
        out.pointer + row * out.rowStride + column, out.rowStride,
        sums.pointer + row * sums.rowStride + column, sums.rowStride, rows.count, columns.count)
    }
  }
#endif
