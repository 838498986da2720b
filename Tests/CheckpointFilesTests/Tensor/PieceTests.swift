import EspalierTestSupport
import Synchronization
import Testing

@testable import CheckpointFiles

/// Tensors that are computed in pieces on several threads: the bytes of one thread, whatever comes.
@Suite struct PieceTests {
  private static let special: [Float] = [
    0, -0.0, 1, -1.5, 65504, 65519.996, 65520, -65536, 3.3895314e38, 3.3961775e38, -3.4028235e38,
    .infinity, -.infinity, .nan, 0x1p-149, 0x1p-126, 448, 464, 464.1, 57344, 61440, -240, 248,
    Float(bitPattern: 0x7F80_0001), Float(bitPattern: 0xFFC0_1234),
  ]

  private func floats(_ count: Int) -> [Float] {
    var bits: UInt32 = 1
    return (0..<count).map { index in
      if index % 7 == 0 { return PieceTests.special[index / 7 % PieceTests.special.count] }
      bits = bits &* 1_664_525 &+ 1_013_904_223
      return Float(bitPattern: bits)
    }
  }

  /// What the pieces must give: every element by itself, as the sink of doubles is defined.
  private func plain(
    _ values: [Float], _ dtype: DType, _ saturates: Bool
  ) throws -> (bytes: [UInt8], overflows: Int, nans: Int) {
    var rounded: [Double] = []
    var (overflows, nans) = (0, 0)
    let limit = dtype.largest
    for value in values.map({ Double($0) }) {
      if value.isNaN { nans += 1 }
      let isOver = value.isFinite && abs(value) > limit.overflowing
      if isOver { overflows += 1 }
      rounded.append(isOver && saturates ? (value < 0 ? -limit.finite : limit.finite) : value)
    }
    let shape = try #require(Shape([values.count]))
    let plain = try #require(Tensor(rounded.map { Float($0) }, shape: shape))
    return (try plain.converted(to: dtype).bytes(), overflows, nans)
  }

  @Test(arguments: [
    DType.bfloat16, .float16, .float32, .float8E4M3, .float8E5M2, .float8E4M3FNUZ,
    .float8E5M2FNUZ,
  ])
  func `a cast gives what every element gives by itself`(_ dtype: DType) throws {
    // Two pieces and a bit.
    let values = floats(1 << 18 + 77)
    let shape = try #require(Shape([values.count]))
    let tensor = try #require(Tensor(values, shape: shape))
    for saturates in [false, true] {
      let counts = Mutex((0, 0))
      let cast = try tensor.recomputed(
        as: dtype, saturating: saturates,
        finished: { lost in counts.withLock { $0 = (lost.overflowCount, lost.nanCount) } })
      let expected = try plain(values, dtype, saturates)
      #expect(try cast.bytes() == expected.bytes)
      #expect(counts.withLock { $0 } == (expected.overflows, expected.nans))
      // Through double precision it is the same.
      let wide = try tensor.recomputed(as: dtype, saturating: saturates, changing: { _ in })
      #expect(try wide.bytes() == expected.bytes)
    }
  }

  @Test(arguments: [1, 2, 3, 8])
  func `the number of threads changes nothing`(_ threads: Int) throws {
    let count = 700_001
    let pieces = PieceProducer(
      grain: 7,
      prepare: {
        { range, sink in try sink.append(range.map { Double($0) }) }
      }, finished: nil)
    for window in [0..<count * 4, 12..<16, 1_000_000..<1_999_996, count * 4 - 4..<count * 4, 8..<8]
    {
      var bytes: [UInt8] = []
      var sizes: [Int] = []
      try withoutActuallyEscaping(
        { (piece: RawSpan) in
          sizes.append(piece.byteCount)
          unsafe piece.withUnsafeBytes { unsafe bytes += $0 }
        }
      ) { body in
        var sink = ElementSink(
          .float32, byteCount: count * 4, window: window, ofBytes: 1 << 18, body)
        try pieces.produce(.float32, count: count, width: 4, window, into: &sink, threads: threads)
        try sink.finish()
      }
      let expected = (window.lowerBound / 4..<window.upperBound / 4).map { Float($0) }
      #expect(
        unsafe bytes.withUnsafeBytes { unsafe Array($0.bindMemory(to: Float.self)) } == expected)
      #expect(sizes.dropLast().allSatisfy { $0 == 1 << 18 })
    }
  }

  @Test func `an error of one piece is that of the tensor`() throws {
    struct Broken: Error {}
    let tensor = try Tensor.computed(
      dtype: .float32, shape: [1_000_000],
      pieces: {
        { range, sink in
          if range.contains(500_000) { throw Broken() }
          try sink.append(range.map { Double($0) })
        }
      })
    #expect(throws: Broken.self) { try tensor.forEachChunk { _ in } }
    // What the reader throws stops it, too.
    let rows = try #require(tensor.rows(0..<200_000))
    struct Stop: Error {}
    #expect(throws: Stop.self) { try rows.forEachChunk { _ in throw Stop() } }
    #expect(try rows.floats()[199_999] == 199_999)
    let few = try Tensor.computed(
      dtype: .float32, shape: [4], pieces: { { _, sink in try sink.append([1, 2]) } })
    #expect(throws: CheckpointError.self) { try few.floats() }
  }

  @Test func `sums are those of plain loops`() {
    let count = 1001
    let numbers = floats(4 * count).map { Double($0) / 3e30 }
    let a = Array(numbers[..<count])
    let b = Array(numbers[count..<2 * count])
    func same(_ x: [Double], _ y: [Double]) {
      #expect(x.map { $0.isNaN ? 1 : $0.bitPattern } == y.map { $0.isNaN ? 1 : $0.bitPattern })
    }
    var sums = a
    Elementwise.add(b, times: 0.3, to: &sums)
    same(sums, zip(a, b).map { $0 + $1 * 0.3 })
    var differences = a
    Elementwise.subtract(b, from: &differences)
    same(differences, zip(a, b).map { $0 - $1 })

    let factors: [Float] = [0.5, -1.25, 3.3]
    let vectors = numbers[..<(3 * count)].map { Float($0) }
    var values = a
    var row = [Float](repeating: 9, count: count)
    Elementwise.addRow(factors, of: vectors, times: 0.7, to: &values, &row)
    same(
      values,
      a.indices.map { column in
        var sum: Float = 0
        for r in 0..<3 { sum += factors[r] * vectors[r * count + column] }
        return a[column] + Double(sum * 0.7)
      })
  }

  @Test func `the election is that of a plain loop`() {
    let count = 1001
    let weights = [1.0, -0.5, 2]
    let thresholds = [0.1, 0, 0.7]
    var seed: UInt64 = 1
    let deltas = (0..<3 * count).map { index -> Double in
      if index % 11 == 0 { return 0 }
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(Int64(bitPattern: seed)) * 0x1p-63
    }
    var (values, scratch) = ([Double](repeating: 0.25, count: count), deltas)
    Elementwise.addElected(
      &scratch, weights: weights, thresholds: thresholds, times: 0.9, to: &values)
    let expected = (0..<count).map { index -> Double in
      let trimmed = (0..<3).map { model -> Double in
        let delta = deltas[model * count + index]
        return Double(Float(abs(delta))) >= thresholds[model] ? delta * weights[model] : 0
      }
      let election = trimmed.reduce(0, +)
      var (sum, total) = (0.0, 0.0)
      for model in 0..<3 where trimmed[model] != 0 && (trimmed[model] > 0) == (election >= 0) {
        sum += trimmed[model]
        total += weights[model]
      }
      return 0.25 + 0.9 * (total == 0 ? 0 : sum / total)
    }
    #expect(values == expected)
    var counts = [Int64](repeating: 0, count: 1 << 16)
    Elementwise.countMagnitudes(deltas, with: nil, into: &counts)
    #expect(counts.reduce(0, +) == 3 * Int64(count))
    #expect(counts[0] == Int64(deltas.count { $0 == 0 }))
  }
}
