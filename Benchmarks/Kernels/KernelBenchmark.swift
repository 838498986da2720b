import FineTuning

/// Prints what every kernel reaches, for each backend of this build: products in GFLOP/s and as a
/// share of a product that stays in the cache, row kernels in GB/s and as a share of a bare copy.
///
///     swift run -c release --package-path Benchmarks KernelBenchmark [THREADS] [products] [attention] [rows]
@main
struct KernelBenchmark {
  static func main() {
    var parts = Set(CommandLine.arguments.dropFirst())
    let threads = parts.compactMap { Int($0) }.first
    if let threads { parts.remove("\(threads)") }
    if parts.isEmpty { parts = ["products", "attention", "rows"] }
    print("backend in use: \(Backend.summary)")
    for backend in Backend.available where parts.contains("products") {
      let kernels = Kernels(threads: threads, backend: backend)
      print("\n\(backend.name), \(kernels.pool.threads) threads")
      products(kernels)
    }
    let kernels = Kernels(threads: threads, backend: .portable)
    if parts.contains("attention") { attention(kernels) }
    if parts.contains("rows") { rows(kernels) }
  }

  /// The best of some runs, in seconds.
  static func seconds(_ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    var best = Double.infinity
    var total = 0.0
    var runs = 0
    while runs < 4 || (total < 0.3 && runs < 2000) {
      let time = clock.measure(body)
      let seconds =
        Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
      best = min(best, seconds)
      total += seconds
      runs += 1
    }
    return best
  }

  static func random(_ rows: Int, _ columns: Int) -> Matrix {
    let matrix = Matrix(rows: rows, columns: columns)
    var generator = SystemRandomNumberGenerator()
    for row in 0..<rows {
      for column in 0..<columns { matrix[row, column] = .random(in: -1..<1, using: &generator) }
    }
    return matrix
  }

  static func number(_ value: Double, _ width: Int = 8, digits: Int = 1) -> String {
    let scale = digits == 1 ? 10.0 : 100.0
    let text = "\((value * scale).rounded() / scale)"
    return String(repeating: " ", count: max(width - text.count, 0)) + text
  }

  static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(width - text.count, 0))
  }

  /// GFLOP/s of a product whose operands stay in each core's cache.
  static func ceiling(_ kernels: Kernels) -> Double {
    let one = Kernels(threads: 1, backend: .portable)
    let (a, b, out) = (random(96, 256), random(64, 256), Matrix(rows: 96, columns: 64))
    let packed = PackedWeight(b, kernels: one)
    let time = seconds { for _ in 0..<50 { packed.forward(out, a) } }
    return 50 * 2 * 96 * 64 * 256 / time / 1e9 * Double(kernels.pool.threads)
  }

  static func products(_ kernels: Kernels) {
    let ceiling = ceiling(kernels)
    print("a product in the cache: \(number(ceiling)) GFLOP/s; below, GFLOP/s and the share of it")
    print("   tokens  outputs   inputs   forward        packed         dX             dW")
    let layers = [(1152, 384), (384, 384), (1536, 384), (384, 1536)]
    let base = [(2304, 768), (768, 768), (3072, 768), (768, 3072)]
    for (n, k) in layers + base {
      for tokens in [100, 512, 2048] {
        let (x, weight, dy) = (random(tokens, k), random(n, k), random(tokens, n))
        let (y, dx, dWeight) = (
          Matrix(rows: tokens, columns: n), Matrix(rows: tokens, columns: k),
          Matrix(rows: n, columns: k)
        )
        let bias = Vector(count: n)
        let packed = PackedWeight(weight, kernels: kernels)
        let times = [
          seconds { kernels.linear(y, x, weight: weight, bias: bias) },
          seconds { packed.forward(y, x, bias: bias) },
          seconds { kernels.multiply(dx, dy, weight) },
          seconds { kernels.multiply(dWeight, dy, x, transpose: .first, accumulate: true) },
        ]
        let work = 2e-9 * Double(tokens) * Double(n) * Double(k)
        let cells = times.map {
          number(work / $0, 7) + " (\(number(work / $0 / ceiling, 4, digits: 2)))"
        }
        print(
          number(Double(tokens)), number(Double(n)), number(Double(k)), cells.joined(separator: " ")
        )
      }
    }
  }

  static func attention(_ kernels: Kernels) {
    print("\nattention, 2048 tokens: forward and backward, GFLOP/s and microseconds a token")
    for (heads, headWidth) in [(12, 32), (12, 64)] {
      for length in [8, 16, 25, 32, 64, 128, 512] {
        let count = 2048 / length
        let width = heads * headWidth
        let shape = AttentionShape(
          offsets: (0...count).map { $0 * length }, heads: heads, width: width)
        let tokens = count * length
        let (qkv, dqkv) = (random(tokens, 3 * width), Matrix(rows: tokens, columns: 3 * width))
        let (context, gradient) = (Matrix(rows: tokens, columns: width), random(tokens, width))
        let sums = Matrix(rows: heads, columns: tokens)
        let forward = seconds {
          kernels.attentionForward(context, qkv, shape: shape, saveLogSumExp: sums)
        }
        let backward = seconds {
          kernels.attentionBackward(
            dqkv, gradient, qkv: qkv, context: context, logSumExp: sums, shape: shape)
        }
        let work = 4e-9 * Double(tokens) * Double(length) * Double(width)
        print(
          "  length \(padded("\(length)", 4)) head \(headWidth)  ", number(work / forward),
          number(forward / Double(tokens) * 1e6, 6, digits: 2), "  ",
          number(work * 2.5 / backward), number(backward / Double(tokens) * 1e6, 6, digits: 2))
      }
    }
  }

  static func rows(_ kernels: Kernels) {
    let (tokens, width) = (2048, 1536)
    let bytes = Double(tokens * width * 4) * 1e-9
    let (x, y, z) = (random(tokens, width), random(tokens, width), random(tokens, width))
    let (out, saved) = (Matrix(rows: tokens, columns: width), Matrix(rows: tokens, columns: width))
    let (gamma, beta, inverse) = (
      Vector(count: width), Vector(count: width), Vector(count: tokens)
    )
    let (dGamma, dBeta) = (Vector(count: width), Vector(count: width))
    let dropout = Dropout(probability: 0.1, seed: 1, stream: 1)
    let step = AdamWStep(learningRate: 1e-5, step: 10)
    let copy = seconds {
      kernels.pool.parallel(tokens, grain: 64) { out.rows($0).assign(x.rows($0)) }
    }
    print("\na bare copy of \(tokens) × \(width) floats: \(number(2 * bytes / copy)) GB/s")
    print("row kernels: GB/s, the share of the copy")
    func line(_ name: String, passes: Double, _ body: () -> Void) {
      let rate = passes * bytes / seconds(body)
      print(
        "  \(padded(name, 34))", number(rate),
        number(rate / (2 * bytes / copy), 6, digits: 2))
    }
    line("add", passes: 3) { kernels.add(out, x, y) }
    line("GELU", passes: 2) { kernels.geluForward(out, x) }
    line("GELU, gradient", passes: 3) { kernels.geluBackward(out, x, y) }
    line("tanh", passes: 2) { kernels.tanhForward(out, x) }
    line("dropout", passes: 2) { kernels.dropout(out, x, dropout) }
    line("LayerNorm with residual", passes: 3) {
      kernels.layerNormForward(out, x, residual: y, inputBias: beta, gamma: gamma, beta: beta)
    }
    line("LayerNorm, dropout, saved", passes: 4) {
      kernels.layerNormForward(
        out, x, residual: y, inputBias: beta, gamma: gamma, beta: beta, saveNormalized: saved,
        saveInverseDeviation: inverse, dropout: dropout)
    }
    line("LayerNorm, gradient", passes: 3) {
      kernels.layerNormBackward(
        out, x, normalized: saved, inverseDeviation: inverse, gamma: gamma)
    }
    line("LayerNorm, gradients of all", passes: 6) {
      kernels.layerNormBackward(
        out, x, normalized: saved, inverseDeviation: inverse, gamma: gamma, dGamma: dGamma,
        dBeta: dBeta)
    }
    line("column sums", passes: 1) { kernels.accumulateColumnSums(dGamma, x) }
    line("sum of squares", passes: 1) { _ = kernels.sumOfSquares(x.elements) }
    line("AdamW", passes: 7) {
      kernels.adamWStep(
        x.elements, gradient: y.elements, firstMoment: out.elements, secondMoment: z.elements, step)
    }
  }
}
