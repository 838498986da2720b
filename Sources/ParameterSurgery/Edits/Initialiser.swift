internal import CheckpointFiles

/// How the elements of a new tensor are drawn.
struct Initialiser: Sendable {
  private enum Kind: Sendable {
    case constant(Double)
    case uniform(Double)
    case normal(Double)
  }

  let text: String
  private let kind: Kind

  /// `zeros`, `ones`, `constant(C)`, `normal(STD)`, `uniform(BOUND)`, `kaiming` (as `nn.Linear` draws
  /// its weight: uniform in ±1/√fan-in).
  ///
  /// - Throws: ``SurgeryError`` for any other text.
  init(_ text: String, _ shape: Shape) throws(SurgeryError) {
    self.text = text
    let name = text.prefix { $0 != "(" }
    let rest = text.dropFirst(name.count)
    let number = rest.isEmpty ? nil : Double(rest.dropFirst().dropLast())
    guard rest.isEmpty || rest.hasSuffix(")") && number?.isFinite == true else {
      throw SurgeryError.form("initialiser \(quoted(text)): there is no number in the brackets")
    }
    switch (String(name), number) {
    case ("zeros", nil): kind = .constant(0)
    case ("ones", nil): kind = .constant(1)
    case ("constant", let value?): kind = .constant(value)
    case ("normal", let deviation): kind = .normal(deviation ?? 0.02)
    case ("uniform", let bound?): kind = .uniform(bound)
    case ("kaiming", nil):
      guard shape.rank >= 2 else {
        throw SurgeryError("initialiser kaiming needs a fan-in: two dimensions or more")
      }
      let fanIn = shape.dimensions.dropFirst().reduce(1) {
        $0.multipliedReportingOverflow(by: $1).partialValue
      }
      kind = .uniform(1 / Double(max(fanIn, 1)).squareRoot())
    default:
      throw SurgeryError.form(
        "initialiser \(quoted(text)) is none of zeros, ones, constant(C), normal(STD), "
          + "uniform(BOUND), kaiming")
    }
  }

  /// Hands `count` values to `body`, in pieces. They depend on the seed and the stream alone.
  func fill(
    _ count: Int, seed: UInt64, stream: String, _ body: ([Double]) throws -> Void
  ) throws {
    var generator = SplitMix64(seed: seed, stream: stream)
    var done = 0
    while done < count {
      let size = min(1 << 14, count - done)
      try body(
        (0..<size).map { _ in
          switch kind {
          case .constant(let value): value
          case .uniform(let bound): Double(generator.uniform(Float(bound)))
          case .normal(let deviation): generator.normal() * deviation
          }
        })
      done += size
    }
  }
}

extension SplitMix64 {
  /// A number in 0..<1 from the upper 53 of the next 64 bits.
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A number from the standard normal distribution: the sum of twelve uniform ones would have no tails,
  /// so the polar method, which needs nothing but a logarithm.
  mutating func normal() -> Double {
    while true {
      let (x, y) = (2 * unit() - 1, 2 * unit() - 1)
      let s = x * x + y * y
      if s > 0, s < 1 { return x * (-2 * logarithm(s) / s).squareRoot() }
    }
  }
}

/// The natural logarithm of a number in 0..<1, the same on every machine: the C library's differ in the
/// last bit.
private func logarithm(_ value: Double) -> Double {
  // value = m · 2^e with m in √½ ..< √2; log m = 2 artanh((m - 1)/(m + 1)).
  var exponent = Double(value.exponent)
  var mantissa = value.significand
  if mantissa > 2.0.squareRoot() {
    mantissa /= 2
    exponent += 1
  }
  let t = (mantissa - 1) / (mantissa + 1)
  let square = t * t
  var term = t
  var sum = 0.0
  for index in 0..<14 {
    sum += term / Double(2 * index + 1)
    term *= square
  }
  return 2 * sum + exponent * 0.693147180559945309417232121458
}
