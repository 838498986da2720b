import Testing

@testable import FineTuning

@Suite("A pool of buffers")
struct BufferPoolTests {
  @Test func `serves a matrix of nearly one size from what another left`() {
    let kernels = Kernels(threads: 1)
    func address(_ rows: Int) -> UInt {
      let matrix = kernels.matrix(rows, 256)
      matrix.fill(Float(rows))
      return unsafe UInt(bitPattern: matrix.pointer)
    }
    let first = address(250)
    #expect(address(255) == first)
    let held = kernels.matrix(256, 256)
    #expect(unsafe UInt(bitPattern: held.pointer) == first)
    #expect(address(256) != first)
  }

  @Test func `gives what is in use to nobody else, whatever is released`() {
    let kernels = Kernels(threads: 1)
    let matrices = (0..<20).map { kernels.matrix(128 + 16 * ($0 % 5), 512) }
    for (index, matrix) in matrices.enumerated() { matrix.fill(Float(index)) }
    do {
      let gone = kernels.matrix(128, 512)
      gone.fill(-1)
    }
    kernels.releaseIdleMemory()
    for (index, matrix) in matrices.enumerated() {
      #expect(matrix[0, 0] == Float(index))
      #expect(matrix[matrix.rows - 1, 511] == Float(index))
    }
  }

  @Test(arguments: [1, 32_768, 32_769, 40_000, 65_535, 65_536, 70_000, 1_000_003])
  func `has room for what was asked, and an eighth more at most`(count: Int) {
    let capacity = BufferPool.capacity(for: count)
    #expect(capacity >= count)
    #expect(capacity <= max(BufferPool.leastCount, count + count / 8 + 1))
    #expect(BufferPool.capacity(for: capacity) == capacity)
  }
}
