import CheckpointFiles
import ParameterSurgery
import Testing

@Suite struct `Statistics of a tensor` {
  private func statistics(_ dtype: DType, _ bits: [UInt64]) throws -> TensorStatistics {
    let width = dtype.bitWidth / 8
    let bytes = bits.flatMap { value in
      (0..<min(width, 8)).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    return try TensorStatistics(
      of: #require(Tensor(dtype: dtype, shape: [bytes.count / width], bytes: bytes)))
  }

  @Test func `are of the finite elements`() throws {
    let values: [Double] = [3, .nan, -4, .infinity, 1, -.infinity]
    let found = try statistics(.float64, values.map(\.bitPattern))
    #expect((found.count, found.nanCount, found.infiniteCount) == (6, 1, 2))
    #expect((found.minimum, found.maximum, found.mean) == (-4, 3, 0))
    #expect(found.norm == 26.0.squareRoot())
    #expect(found.standardDeviation == 13.0.squareRoot())
  }

  @Test func `of numbers that are large and close together do not drown in rounding`() throws {
    let found = try statistics(.float64, (0..<1000).map { (1e9 + Double($0 % 2)).bitPattern })
    #expect(abs((found.standardDeviation ?? 0) - 0.5002501876563868) < 1e-9)
  }

  @Test func `of complex numbers are a norm and what is not finite`() throws {
    func pair(_ real: Float, _ imaginary: Float) -> UInt64 {
      UInt64(real.bitPattern) | UInt64(imaginary.bitPattern) << 32
    }
    let found = try statistics(
      .complex64,
      [pair(3, 4), pair(.nan, 1), pair(0, -.infinity), pair(0, 12), pair(.infinity, .nan)])
    #expect((found.count, found.nanCount, found.infiniteCount) == (5, 2, 1))
    #expect(found.norm == 13)
    #expect(found.minimum == nil && found.maximum == nil && found.mean == nil)
    #expect(found.standardDeviation == nil)
  }

  @Test func `of nothing are nothing`() throws {
    let found = try TensorStatistics(of: #require(Tensor([], shape: [0])))
    #expect(found.count == 0 && found.minimum == nil && found.mean == nil && found.norm == nil)
  }
}
