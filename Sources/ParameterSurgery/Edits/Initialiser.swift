internal import CheckpointFiles

/// How the elements of a new tensor are drawn.
///
///     try plan.add("linear.weight", .float32, [2, 768], .kaiming)
public enum Initialiser: Sendable, Hashable {
  /// Zeros.
  case zeros
  /// Ones.
  case ones
  /// One number.
  case constant(Double)
  /// The normal distribution with mean 0 and this standard deviation.
  case normal(Double)
  /// The uniform distribution between the negative number and the number.
  case uniform(Double)
  /// As `torch.nn.Linear` draws its weight: uniform in ±1/√fan-in. For two dimensions or more.
  case kaiming

  /// The standard deviation of `normal` when it is typed without one.
  private static let usualDeviation = 0.02

  /// An initialiser as it is typed: `zeros`, `ones`, `constant(C)`, `normal(STD)`, `uniform(BOUND)`, `kaiming`.
  ///
  /// - Throws: ``SurgeryError`` of the kind `syntax` for any other text.
  init(_ text: String) throws(SurgeryError) {
    let open = text.utf8.firstIndex(of: UInt8(ascii: "(")) ?? text.endIndex
    let brackets = text[open...].utf8
    let number = brackets.isEmpty ? nil : Double(Substring(brackets.dropFirst().dropLast()))
    guard brackets.isEmpty || brackets.last == UInt8(ascii: ")") && number?.isFinite == true else {
      throw .initialiserWithoutNumber(text)
    }
    switch (String(text[..<open]), number) {
    case ("zeros", nil): self = .zeros
    case ("ones", nil): self = .ones
    case ("constant", let value?): self = .constant(value)
    case ("normal", let deviation): self = .normal(deviation ?? Initialiser.usualDeviation)
    case ("uniform", let bound?): self = .uniform(bound)
    case ("kaiming", nil): self = .kaiming
    default: throw .noSuchInitialiser(text)
    }
  }

  /// The values, for a tensor of this shape.
  ///
  /// - Throws: ``SurgeryError`` when the shape has no fan-in and the initialiser needs one.
  func values(_ shape: Shape) throws(SurgeryError) -> InitialValues {
    switch self {
    case .zeros: return .constant(0)
    case .ones: return .constant(1)
    case .constant(let value): return .constant(value)
    case .normal(let deviation): return .normal(deviation)
    case .uniform(let bound): return .uniform(bound)
    case .kaiming:
      guard shape.rank >= 2 else { throw .noFanIn }
      let fanIn = shape.dimensions.dropFirst().reduce(1) {
        $0.multipliedReportingOverflow(by: $1).partialValue
      }
      return .uniform(1 / Double(max(fanIn, 1)).squareRoot())
    }
  }
}

extension Initialiser: CustomStringConvertible {
  /// The initialiser as it is typed.
  public var description: String {
    switch self {
    case .zeros: "zeros"
    case .ones: "ones"
    case .constant(let value): "constant(\(numberText(value)))"
    case .normal(let deviation): "normal(\(numberText(deviation)))"
    case .uniform(let bound): "uniform(\(numberText(bound)))"
    case .kaiming: "kaiming"
    }
  }
}

/// The distribution of the elements of a new tensor.
enum InitialValues: Sendable {
  case constant(Double)
  case uniform(Double)
  case normal(Double)

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
          switch self {
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
