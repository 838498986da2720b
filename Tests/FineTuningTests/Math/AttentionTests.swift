import Testing

@testable import FineTuning

@Suite("Attention")
struct AttentionTests {
  @Test(arguments: [(1, 1), (3, 7), (2, 16), (4, 32), (2, 33), (2, 64)], [false, true])
  func `and its gradient equal the plain loops`(heads: (Int, Int), hidden: Bool) {
    let (count, headWidth) = heads
    let width = count * headWidth
    let lengths = [5, 0, 1, 17, 33, 2, 70]
    let offsets = lengths.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }
    let tokens = offsets.last ?? 0
    let shape = AttentionShape(
      offsets: offsets, heads: count, width: width,
      visible: hidden ? lengths.map { ($0 + 1) / 2 } : nil)
    var random = RandomMatrices(seed: UInt64(width))
    let qkv = random.matrix(tokens, 3 * width, scale: 2)
    let dcontext = random.matrix(tokens, width)
    let kernels = Kernels(threads: 2)
    let (context, dqkv) = (Matrix(rows: tokens, columns: width), random.matrix(tokens, 3 * width))
    let sums = Matrix(rows: count, columns: tokens)
    kernels.attentionForward(context, qkv, shape: shape, saveLogSumExp: sums)
    kernels.attentionBackward(
      dqkv, dcontext, qkv: qkv, context: context, logSumExp: sums, shape: shape)
    let plain = Plain.attention(
      Plain.table(qkv), dcontext: Plain.table(dcontext), shape: shape, width: width)
    expect(context, near: plain.context, tolerance: 2e-6, "the context")
    expect(dqkv, near: plain.dqkv, tolerance: 5e-6, "the gradient")
  }

  @Test func `of a long sequence, in several blocks of rows, equals the plain loops`() {
    let (tokens, width) = (120, 16)
    let shape = AttentionShape(offsets: [0, tokens], heads: 1, width: width, visible: [119])
    var random = RandomMatrices(seed: 3)
    let (qkv, dcontext) = (random.matrix(tokens, 3 * width, scale: 3), random.matrix(tokens, width))
    let kernels = Kernels(threads: 1)
    let (context, dqkv) = (Matrix(rows: tokens, columns: width), Matrix(rows: tokens, columns: 48))
    let sums = Matrix(rows: 1, columns: tokens)
    kernels.attentionForward(context, qkv, shape: shape, saveLogSumExp: sums)
    kernels.attentionBackward(
      dqkv, dcontext, qkv: qkv, context: context, logSumExp: sums, shape: shape)
    let plain = Plain.attention(
      Plain.table(qkv), dcontext: Plain.table(dcontext), shape: shape, width: width)
    expect(context, near: plain.context, tolerance: 2e-6, "the context")
    expect(dqkv, near: plain.dqkv, tolerance: 5e-6, "the gradient")
  }

  @Test func `of a sequence of which nothing is visible is zero`() {
    let shape = AttentionShape(offsets: [0, 4], heads: 2, width: 16, visible: [0])
    var random = RandomMatrices(seed: 4)
    let (qkv, context) = (random.matrix(4, 48), random.matrix(4, 16))
    let dqkv = random.matrix(4, 48)
    let kernels = Kernels(threads: 1)
    let sums = Matrix(rows: 2, columns: 4)
    kernels.attentionForward(context, qkv, shape: shape, saveLogSumExp: sums)
    kernels.attentionBackward(
      dqkv, context, qkv: qkv, context: context, logSumExp: sums, shape: shape)
    #expect(context.elements.array.allSatisfy { $0 == 0 })
    #expect(dqkv.elements.array.allSatisfy { $0 == 0 })
  }

  @Test func `passes a NaN on`() {
    var random = RandomMatrices(seed: 6)
    let (qkv, context) = (random.matrix(20, 24), Matrix(rows: 20, columns: 8))
    qkv[7, 1] = .nan
    Kernels(threads: 1).attentionForward(
      context, qkv, shape: AttentionShape(offsets: [0, 20], heads: 1, width: 8))
    #expect(context[7, 0].isNaN)
    #expect(!context[6, 0].isNaN)
  }

  @Test func `drops about the share it was asked to, the same again for the same seed`() {
    // v is the identity: the context is the dropped-out probabilities themselves.
    let length = 32
    let qkv = Matrix(rows: length, columns: 3 * length)
    for row in 0..<length { qkv[row, 2 * length + row] = 1 }
    let shape = AttentionShape(offsets: [0, length], heads: 1, width: length)
    let kernels = Kernels(threads: 2)
    func dropped(seed: UInt64) -> [Float] {
      let context = Matrix(rows: length, columns: length)
      kernels.attentionForward(
        context, qkv, shape: shape, dropout: Dropout(probability: 0.25, seed: seed, stream: 2))
      return context.elements.array
    }
    let once = dropped(seed: 1)
    #expect(once == dropped(seed: 1))
    #expect(once != dropped(seed: 2))
    let zeros = once.count { $0 == 0 }
    #expect((180...330).contains(zeros), "a quarter of 1024")
    #expect(once.allSatisfy { $0 == 0 || abs($0 - 1 / 24) < 1e-6 }, "kept ones are scaled by 4/3")
  }

  @Test func `gives the same bits on any number of threads`() {
    expectSameBits { kernels in
      var random = RandomMatrices(seed: 8)
      let offsets = [0, 9, 60, 61, 200]
      let shape = AttentionShape(offsets: offsets, heads: 3, width: 96)
      let (qkv, dcontext) = (random.matrix(200, 288), random.matrix(200, 96))
      let (context, dqkv) = (Matrix(rows: 200, columns: 96), Matrix(rows: 200, columns: 288))
      let sums = Matrix(rows: 3, columns: 200)
      let dropout = Dropout(probability: 0.1, seed: 7, stream: 1)
      kernels.attentionForward(
        context, qkv, shape: shape, saveLogSumExp: sums, dropout: dropout)
      kernels.attentionBackward(
        dqkv, dcontext, qkv: qkv, context: context, logSumExp: sums, shape: shape,
        dropout: dropout)
      return [context, dqkv, sums]
    }
  }
}
