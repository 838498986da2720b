internal import CEspalierKernels

extension Kernels {
  /// out[t] = (word[ids[t]] + type[typeIDs[t]]) + position[positionIDs[t]].
  ///
  /// `out` is [T, C], the tables [V, C]. Without `typeIDs` every token has type 0, without a type
  /// table none is added. Traps when an id lies outside its table.
  package func embeddingForward(
    _ out: Matrix, word: Matrix, position: Matrix, type: Matrix?, ids: [Int32],
    positionIDs: [Int32], typeIDs: [Int32]? = nil
  ) {
    precondition(out.rows == ids.count && ids.count == positionIDs.count, "an id a token")
    precondition(word.columns == out.columns && position.columns == out.columns, "one width")
    checkIndices(ids, below: word.rows, least: 0)
    checkIndices(positionIDs, below: position.rows, least: 0)
    if let type {
      precondition(type.columns == out.columns && type.rows > 0, "one width")
      if let typeIDs {
        precondition(typeIDs.count == ids.count, "a type a token")
        checkIndices(typeIDs, below: type.rows, least: 0)
      }
    }
    precondition(out.buffer.isWritable, "the output is read-only")
    overRows(out.rows, columns: out.columns) { range in
      let row = range.lowerBound
      unsafe ids.withUnsafeBufferPointer { ids in
        unsafe positionIDs.withUnsafeBufferPointer { positions in
          unsafe withOptionalPointer(typeIDs) { types in
            guard let ids = ids.baseAddress, let positions = positions.baseAddress
            else { return }
            unsafe espalier_embedding_rows(
              out.pointer + row * out.rowStride, out.rowStride, word.pointer, word.rowStride,
              type?.pointer, type?.rowStride ?? 0, position.pointer, position.rowStride,
              ids + row, types.map { unsafe $0 + row }, positions + row, range.count, out.columns)
          }
        }
      }
    }
  }

  /// out[i] = table[indices[i]]; zeros for a negative index. `out` is [n, C], `table` is [V, C].
  package func gatherRows(_ out: Matrix, _ table: Matrix, indices: [Int32]) {
    precondition(out.rows == indices.count && out.columns == table.columns, "the shapes agree")
    precondition(out.buffer.isWritable, "the output is read-only")
    checkIndices(indices, below: table.rows, least: .min)
    overRows(out.rows, columns: out.columns) { range in
      unsafe indices.withUnsafeBufferPointer { indices in
        guard let indices = indices.baseAddress else { return }
        let row = range.lowerBound
        unsafe espalier_gather_rows(
          out.pointer + row * out.rowStride, out.rowStride, table.pointer, table.rowStride,
          indices + row, range.count, out.columns)
      }
    }
  }

  /// table[indices[i]] += rows[i], in the order of i: the gradient of an embedding. Negative indices
  /// are left out (rows that are frozen). `table` is [V, C], `rows` is [n, C].
  package func scatterAddRows(_ table: Matrix, _ rows: Matrix, indices: [Int32]) {
    precondition(rows.rows == indices.count && rows.columns == table.columns, "the shapes agree")
    precondition(table.buffer.isWritable, "the output is read-only")
    checkIndices(indices, below: table.rows, least: .min)
    // Threads share the columns: each row's sum stays in order.
    let grain = max(8192 / max(rows.rows, 1), 16)
    pool.parallel(rows.columns, grain: grain, multiple: 16) { range in
      unsafe indices.withUnsafeBufferPointer { indices in
        guard let indices = indices.baseAddress else { return }
        let column = range.lowerBound
        unsafe espalier_scatter_add_rows(
          table.pointer + column, table.rowStride, rows.pointer + column, rows.rowStride, indices,
          rows.rows, range.count)
      }
    }
  }

  /// pooled[s] = mean of rows offsets[s]..<offsets[s+1] of x. `pooled` is [S, C], `x` is [T, C]. An
  /// empty sequence gives zeros.
  package func meanPoolForward(_ pooled: Matrix, _ x: Matrix, offsets: [Int]) {
    checkOffsets(offsets, rows: x.rows)
    precondition(
      pooled.rows == offsets.count - 1 && pooled.columns == x.columns, "a row a sequence")
    precondition(pooled.buffer.isWritable, "the output is read-only")
    pool.parallel(pooled.rows, grain: max(8192 * pooled.rows / max(x.count, 1), 1)) { range in
      for sequence in range {
        let first = offsets[sequence]
        let count = offsets[sequence + 1] - first
        let out = pooled.row(sequence)
        out.fill(0)
        for row in 0..<count {
          let from = unsafe x.pointer + (first + row) * x.rowStride
          unsafe espalier_axpy(out.pointer, 1, from, x.columns)
        }
        unsafe espalier_scale(out.pointer, 1 / Float(max(count, 1)), x.columns)
      }
    }
  }

  /// dx[t] = dpooled[s] / length of s, for every token t of sequence s. `dx` is [T, C], `dpooled` is
  /// [S, C].
  package func meanPoolBackward(_ dx: Matrix, _ dpooled: Matrix, offsets: [Int]) {
    checkOffsets(offsets, rows: dx.rows)
    precondition(dpooled.rows == offsets.count - 1 && dpooled.columns == dx.columns, "the shapes")
    precondition(dx.buffer.isWritable, "the output is read-only")
    pool.parallel(dpooled.rows, grain: max(8192 * dpooled.rows / max(dx.count, 1), 1)) { range in
      for sequence in range {
        let rows = offsets[sequence]..<offsets[sequence + 1]
        for row in rows {
          let out = dx.row(row)
          out.fill(0)
          unsafe espalier_axpy(
            out.pointer, 1 / Float(rows.count), dpooled.pointer + sequence * dpooled.rowStride,
            dx.columns)
        }
      }
    }
  }

  func checkIndices(_ indices: [Int32], below rows: Int, least: Int32) {
    for index in indices {
      precondition(index >= least && Int(index) < rows, "an index outside its table")
    }
  }

  /// Offsets start at 0, never fall, and end at the number of rows.
  func checkOffsets(_ offsets: [Int], rows: Int) {
    precondition(offsets.first == 0 && offsets.last == rows, "offsets span the rows")
    precondition(zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 }, "offsets never fall")
  }
}

private func withOptionalPointer(
  _ array: [Int32]?, _ body: (UnsafePointer<Int32>?) -> Void
) {
  guard let array else { return body(nil) }
  unsafe array.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
}
