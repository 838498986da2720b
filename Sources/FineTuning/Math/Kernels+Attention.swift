internal import CEspalierKernels

/// Packed sequences and how attention looks at them.
package struct AttentionShape: Sendable {
  /// Row `offsets[s]` is the first token of sequence s; one more entry than sequences.
  package let offsets: [Int]
  /// The number of heads; each is C / heads wide.
  package let heads: Int
  /// What the scores are multiplied by: 1/√D.
  package let scale: Float
  /// How many first tokens of each sequence are attended to; all when `nil`. The tokens after them
  /// look at those, and no one looks at them: they stand where others have padding.
  package let visible: [Int]?

  /// A shape. Without `scale`, 1/√(width / heads) where `width` is C.
  package init(
    offsets: [Int], heads: Int, width: Int, scale: Float? = nil, visible: [Int]? = nil
  ) {
    precondition(heads > 0 && width % heads == 0, "heads share the width evenly")
    if let visible {
      precondition(visible.count == offsets.count - 1, "a visible count a sequence")
      precondition(
        visible.indices.allSatisfy {
          visible[$0] >= 0 && visible[$0] <= offsets[$0 + 1] - offsets[$0]
        }, "a sequence has at least its visible tokens")
    }
    self.offsets = offsets
    self.heads = heads
    self.visible = visible
    self.scale = scale ?? 1 / Float(width / heads).squareRoot()
  }
}

extension Kernels {
  /// context = dropout(softmax(q·kᵀ · scale))·v, for every head of every sequence.
  ///
  /// `context` is [T, C]; `qkv` is [T, 3C], q then k then v, heads next to each other in each.
  /// `saveLogSumExp` [heads, T] is for the backward. Nothing is padded.
  package func attentionForward(
    _ context: Matrix, _ qkv: Matrix, shape: AttentionShape, saveLogSumExp: Matrix? = nil,
    dropout: Dropout? = nil
  ) {
    let (tokens, width) = (context.rows, context.columns)
    precondition(qkv.rows == tokens && qkv.columns == 3 * width, "q, k and v beside each other")
    precondition(width % shape.heads == 0, "heads share the width evenly")
    checkOffsets(shape.offsets, rows: tokens)
    if let saveLogSumExp {
      precondition(saveLogSumExp.rows == shape.heads && saveLogSumExp.columns == tokens, "[H, T]")
      precondition(saveLogSumExp.buffer.isWritable, "the output is read-only")
    }
    precondition(context.buffer.isWritable, "the output is read-only")
    let headWidth = width / shape.heads
    overHeads(shape) { worker, sequence, head in
      let rows = shape.offsets[sequence]..<shape.offsets[sequence + 1]
      let column = head * headWidth
      let scratch = unsafe workspaces.pointer(
        worker: worker, floats: espalier_attention_scratch(rows.count, headWidth))
      unsafe espalier_attention_forward(
        context.pointer + rows.lowerBound * context.rowStride + column, context.rowStride,
        saveLogSumExp.map { unsafe $0.pointer + head * $0.rowStride + rows.lowerBound },
        self.head(qkv, shape, sequence, head: head, width: headWidth, dropout), scratch)
    }
  }

  /// dqkv from dcontext; the probabilities are computed again.
  ///
  /// `dqkv`, `qkv` are [T, 3C]; `dcontext` and `context` (what the forward gave) are [T, C];
  /// `logSumExp` is [heads, T]. The dropout is the forward's.
  package func attentionBackward(
    _ dqkv: Matrix, _ dcontext: Matrix, qkv: Matrix, context: Matrix, logSumExp: Matrix,
    shape: AttentionShape, dropout: Dropout? = nil
  ) {
    let (tokens, width) = (context.rows, context.columns)
    precondition(qkv.rows == tokens && qkv.columns == 3 * width, "q, k and v beside each other")
    precondition(dqkv.rows == tokens && dqkv.columns == 3 * width, "the gradient's shape")
    precondition(dcontext.rows == tokens && dcontext.columns == width, "the gradient's shape")
    precondition(logSumExp.rows == shape.heads && logSumExp.columns == tokens, "[H, T]")
    precondition(width % shape.heads == 0, "heads share the width evenly")
    precondition(dqkv.buffer.isWritable, "the output is read-only")
    checkOffsets(shape.offsets, rows: tokens)
    let headWidth = width / shape.heads
    overHeads(shape) { worker, sequence, head in
      let rows = shape.offsets[sequence]..<shape.offsets[sequence + 1]
      let first = rows.lowerBound
      let column = head * headWidth
      let scratch = unsafe workspaces.pointer(
        worker: worker, floats: espalier_attention_scratch(rows.count, headWidth))
      let dq = unsafe dqkv.pointer + first * dqkv.rowStride + column
      precondition(context.rowStride == dcontext.rowStride, "context and its gradient, one stride")
      unsafe espalier_attention_backward(
        dq, dq + width, dq + 2 * width, dqkv.rowStride,
        dcontext.pointer + first * dcontext.rowStride + column,
        context.pointer + first * context.rowStride + column, context.rowStride,
        logSumExp.pointer + head * logSumExp.rowStride + first,
        self.head(qkv, shape, sequence, head: head, width: headWidth, dropout), scratch)
    }
  }

  private func overHeads(
    _ shape: AttentionShape, _ body: @Sendable (_ worker: Int, _ sequence: Int, _ head: Int) -> Void
  ) {
    let heads = shape.heads
    // Long sequences first would balance better; handing out one by one is close enough.
    pool.forEach((shape.offsets.count - 1) * heads) { worker, item in
      let sequence = item / heads
      guard shape.offsets[sequence] < shape.offsets[sequence + 1] else { return }
      body(worker, sequence, item % heads)
    }
  }

  private func head(
    _ qkv: Matrix, _ shape: AttentionShape, _ sequence: Int, head: Int, width: Int,
    _ dropout: Dropout?
  ) -> espalier_head {
    let rows = shape.offsets[sequence]..<shape.offsets[sequence + 1]
    let q = unsafe qkv.pointer + rows.lowerBound * qkv.rowStride + head * width
    return unsafe espalier_head(
      q: q, k: q + shape.heads * width, v: q + 2 * shape.heads * width, stride: qkv.rowStride,
      length: rows.count, visible: shape.visible?[sequence] ?? rows.count, width: width,
      scale: shape.scale,
      row: head * qkv.rows + rows.lowerBound, dropout: dropout?.c ?? Dropout.none)
  }
}
