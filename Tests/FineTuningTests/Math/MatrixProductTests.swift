import Testing

@testable import FineTuning

@Suite("A matrix product")
struct MatrixProductTests {
  static let extents = [
    (1, 1, 1), (7, 17, 33), (17, 7, 1), (1, 33, 7), (33, 1, 17), (6, 16, 256), (29, 33, 300),
    (70, 40, 65), (130, 17, 40), (9, 201, 20),
  ]

  @Test(arguments: Backend.available, extents)
  func `equals the plain loop, whatever is transposed`(
    backend: Backend, extents: (m: Int, n: Int, k: Int)
  ) {
    let (m, n, k) = extents
    let kernels = Kernels(threads: 2, backend: backend)
    var random = RandomMatrices(seed: UInt64(m * 1_000_000 + n * 1000 + k))
    for transpose in Transpose.allCases {
      for gap in [0, 5] {
        let a = transpose == .first ? random.matrix(k, m, gap: gap) : random.matrix(m, k, gap: gap)
        let b = transpose == .second ? random.matrix(n, k, gap: gap) : random.matrix(k, n, gap: gap)
        let out = random.matrix(m, n, gap: gap)
        let before = Plain.table(out)
        let left =
          transpose == .first ? Plain.transposed(Plain.table(a), columns: m) : Plain.table(a)
        let right =
          transpose == .second ? Plain.transposed(Plain.table(b), columns: k) : Plain.table(b)
        let product = Plain.product(left, right, columns: n)
        kernels.multiply(out, a, b, transpose: transpose, accumulate: true)
        let sum = zip(before, product).map { zip($0, $1).map { $0 + $1 } }
        expect(out, near: sum, tolerance: 2e-6, "\(transpose), accumulated, gap \(gap)")
        kernels.multiply(out, a, b, transpose: transpose)
        expect(out, near: product, tolerance: 2e-6, "\(transpose), gap \(gap)")
      }
    }
  }

  @Test(arguments: Backend.available, extents)
  func `of a linear layer adds its bias and activates, packed or not`(
    backend: Backend, extents: (m: Int, n: Int, k: Int)
  ) {
    let (m, n, k) = extents
    let kernels = Kernels(threads: 2, backend: backend)
    var random = RandomMatrices(seed: UInt64(m * 1_000_000 + n * 1000 + k + 1))
    let (x, weight, bias) = (random.matrix(m, k), random.matrix(n, k), random.vector(n))
    let sums = Plain.product(
      Plain.table(x), Plain.transposed(Plain.table(weight), columns: k), columns: n
    ).map { zip($0, bias.array).map { $0 + Double($1) } }
    let activated = sums.map { $0.map(Plain.gelu) }
    let packed = PackedWeight(weight, kernels: kernels)
    let wide = Matrix(rows: m, columns: n + 9)
    for out in [Matrix(rows: m, columns: n), wide.columns(4..<4 + n)] {
      packed.forward(out, x, bias: bias)
      expect(out, near: sums, tolerance: 2e-6, "packed")
      kernels.linear(out, x, weight: weight, bias: bias)
      expect(out, near: sums, tolerance: 2e-6, "as it lies")
      packed.forward(out, x, bias: bias, activation: .gelu)
      expect(out, near: activated, tolerance: 2e-6, "GELU")
      let before = Matrix(rows: m, columns: n)
      kernels.linear(
        out, x, weight: weight, bias: bias, activation: .gelu, preactivation: before)
      expect(out, near: activated, tolerance: 2e-6, "GELU with what it saw")
      expect(before, near: sums, tolerance: 2e-6, "what GELU saw")
    }
    #expect(wide[0, 3] == 0 && wide[m - 1, n + 4] == 0, "the columns beside are untouched")

    let back = PackedWeight(weight, for: .backward, kernels: kernels)
    let (dy, dx) = (random.matrix(m, n), random.matrix(m, k))
    let expected = zip(
      Plain.table(dx), Plain.product(Plain.table(dy), Plain.table(weight), columns: k)
    ).map { zip($0, $1).map { $0 + $1 } }
    back.backward(dx, dy, accumulate: true)
    expect(dx, near: expected, tolerance: 2e-6, "packed, backward")
  }

  #if OneDNN
    @Test(arguments: [1, 31, 32, 33, 100, 260])
    func `in oneDNN's packed layout, in padded blocks of rows, equals the plain loop`(
      rows: Int
    ) throws {
      let oneDNN = try #require(OneDNN(threads: 2, packingName: ""))
      let kernels = Kernels(threads: 2, oneDNN: oneDNN)
      #expect(oneDNN.packs)
      var random = RandomMatrices(seed: UInt64(rows))
      let (n, k) = (24, 17)
      for gap in [0, 3] {
        let (x, weight) = (random.matrix(rows, k, gap: gap), random.matrix(n, k, gap: gap))
        let (out, bias) = (random.matrix(rows, n, gap: gap), random.vector(n))
        let product = Plain.product(
          Plain.table(x), Plain.transposed(Plain.table(weight), columns: k), columns: n)
        let sums = product.map { zip($0, bias.array).map { $0 + Double($1) } }
        let added = zip(Plain.table(out), product).map { zip($0, $1).map { $0 + $1 } }
        kernels.multiply(out, x, weight, transpose: .second, accumulate: true)
        expect(out, near: added, tolerance: 2e-6, "accumulated")
        let packed = PackedWeight(weight, kernels: kernels)
        packed.forward(out, x, bias: bias)
        expect(out, near: sums, tolerance: 2e-6, "packed")
        let before = random.matrix(rows, n, gap: gap)
        packed.forward(out, x, bias: bias, activation: .gelu, preactivation: before)
        expect(out, near: sums.map { $0.map(Plain.gelu) }, tolerance: 2e-6, "GELU")
        expect(before, near: sums, tolerance: 2e-6, "what GELU saw")
        let (dy, dx) = (random.matrix(rows, n, gap: gap), random.matrix(rows, k, gap: gap))
        PackedWeight(weight, for: .backward, kernels: kernels).backward(dx, dy)
        let gradient = Plain.product(Plain.table(dy), Plain.table(weight), columns: k)
        expect(dx, near: gradient, tolerance: 2e-6, "backward")
      }
    }
  #endif

  @Test(arguments: Backend.available)
  func `of a weight that changed follows it after an update`(backend: Backend) {
    let kernels = Kernels(threads: 1, backend: backend)
    var random = RandomMatrices(seed: 5)
    let (x, weight, out) = (
      random.matrix(9, 40), random.matrix(20, 40), Matrix(rows: 9, columns: 20)
    )
    let packed = PackedWeight(weight, kernels: kernels)
    weight.fill(0.5)
    packed.update()
    packed.forward(out, x)
    let expected = Plain.table(x).map { row in
      Array(repeating: row.reduce(0, +) * 0.5, count: 20)
    }
    expect(out, near: expected, tolerance: 2e-6, "the new weight")
  }

  @Test(arguments: Backend.available)
  func `with nothing to add up is zero or what was there`(backend: Backend) {
    let kernels = Kernels(threads: 2, backend: backend)
    let out = Matrix([[1, 2], [3, 4]])
    kernels.multiply(
      out, Matrix(rows: 2, columns: 0), Matrix(rows: 0, columns: 2), accumulate: true)
    #expect(out.elements.array == [1, 2, 3, 4])
    kernels.multiply(out, Matrix(rows: 2, columns: 0), Matrix(rows: 0, columns: 2))
    #expect(out.elements.array == [0, 0, 0, 0])
    kernels.multiply(
      Matrix(rows: 0, columns: 3), Matrix(rows: 0, columns: 2), Matrix(rows: 2, columns: 3))
  }

  @Test(arguments: Backend.available)
  func `gives the same bits on any number of threads`(backend: Backend) {
    expectSameBits(backend) { kernels in
      var random = RandomMatrices(seed: 9)
      return [(333, 384, 100), (64, 300, 260), (1, 500, 64)].flatMap { m, n, k in
        Transpose.allCases.map { transpose in
          let a = transpose == .first ? random.matrix(k, m) : random.matrix(m, k)
          let b = transpose == .second ? random.matrix(n, k) : random.matrix(k, n)
          let out = Matrix(rows: m, columns: n)
          kernels.multiply(out, a, b, transpose: transpose)
          return out
        }
      }
    }
  }

  /// The value that a factor has in bfloat16.
  private static func rounded(_ value: Double) -> Double {
    let bits = Float(value).bitPattern
    return Double(Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000))
  }

  /// On a processor with the instruction this tests it; elsewhere the same loops around two multiply-adds.
  @Test(
    .enabled(if: CPUFeatures.current.hasNativeBFloat16 || CPUFeatures.current.emulatesBFloat16),
    arguments: extents)
  func `in bfloat16 rounds its factors and nothing else`(extents: (m: Int, n: Int, k: Int)) {
    let (m, n, k) = extents
    let kernels = Kernels(threads: 2, precision: .bfloat16)
    var random = RandomMatrices(seed: UInt64(m * 1_000_000 + n * 1000 + k + 2))
    for transpose in Transpose.allCases {
      let a = transpose == .first ? random.matrix(k, m, gap: 3) : random.matrix(m, k, gap: 3)
      let b = transpose == .second ? random.matrix(n, k, gap: 3) : random.matrix(k, n, gap: 3)
      let out = random.matrix(m, n, gap: 3)
      let before = Plain.table(out)
      func factor(_ matrix: Matrix, transposed: Bool, columns: Int) -> Plain.Table {
        let table = Plain.table(matrix).map { $0.map(Self.rounded) }
        return transposed ? Plain.transposed(table, columns: columns) : table
      }
      let product = Plain.product(
        factor(a, transposed: transpose == .first, columns: m),
        factor(b, transposed: transpose == .second, columns: k), columns: n)
      kernels.multiply(out, a, b, transpose: transpose, accumulate: true)
      let sum = zip(before, product).map { zip($0, $1).map { $0 + $1 } }
      expect(out, near: sum, tolerance: 2e-6, "\(transpose), accumulated")
      kernels.multiply(out, a, b, transpose: transpose)
      expect(out, near: product, tolerance: 2e-6, "\(transpose)")
    }
    let (x, weight, bias) = (random.matrix(m, k), random.matrix(n, k), random.vector(n))
    let (packed, apart) = (Matrix(rows: m, columns: n), Matrix(rows: m, columns: n))
    PackedWeight(weight, kernels: kernels).forward(packed, x, bias: bias, activation: .gelu)
    kernels.linear(apart, x, weight: weight, bias: bias, activation: .gelu)
    for row in 0..<m { #expect(packed.row(row).array == apart.row(row).array) }
  }

  @Test(.enabled(if: CPUFeatures.current.hasNativeBFloat16 || CPUFeatures.current.emulatesBFloat16))
  func `in bfloat16 keeps infinities and NaN`() {
    let kernels = Kernels(threads: 1, precision: .bfloat16)
    let a = Matrix([[.infinity, 1], [.nan, 1], [3.4e38, 1], [1, 1]])
    let out = Matrix(rows: 4, columns: 1)
    kernels.multiply(out, a, Matrix([[1], [1]]))
    #expect(out[0, 0] == .infinity)
    #expect(out[1, 0].isNaN)
    // The largest floats round up to infinity, as in PyTorch.
    #expect(out[2, 0] > 3.3e38)
    #expect(out[3, 0] == 2)
  }
}
