/// A regular expression as a tree.
indirect enum ExpressionNode: Sendable {
  /// One scalar.
  case scalar(ScalarClass)
  /// A place between scalars.
  case place(Place)
  /// A sequence.
  case sequence([ExpressionNode])
  /// Alternatives; the first that leads to a match is taken.
  case choice([ExpressionNode])
  /// A repetition; a greedy one prefers more.
  case repeated(ExpressionNode, least: Int, most: Int?, isGreedy: Bool)
  /// A group with its number, from 1.
  case group(ExpressionNode, number: Int)

  enum Place: Sendable {
    case start
    case end
    /// The end, or the line feed that is the last scalar.
    case endOfLine
    case wordBoundary
    case noWordBoundary
  }
}

/// The scalars that match at one place of an expression.
struct ScalarClass: Sendable, Hashable {
  enum Kind: Sendable, Hashable {
    case range(ClosedRange<UInt32>)
    case digit(Bool)
    case word(Bool)
    case space(Bool)

    func contains(_ scalar: Unicode.Scalar) -> Bool {
      switch self {
      case .range(let range): range.contains(scalar.value)
      case .digit(let expected): scalar.isDigit == expected
      case .word(let expected): scalar.isWord == expected
      case .space(let expected): scalar.properties.isWhitespace == expected
      }
    }
  }

  private(set) var kinds: [Kind]
  private let isNegated: Bool
  /// The answers for ASCII, a bit each.
  private var low: (UInt64, UInt64) = (0, 0)

  init(_ kinds: [Kind], isNegated: Bool = false) {
    self.kinds = kinds
    self.isNegated = isNegated
    for value in UInt8(0)..<128 where lookUp(Unicode.Scalar(value)) {
      if value < 64 { low.0 |= 1 << value } else { low.1 |= 1 << (value - 64) }
    }
  }

  init(_ scalar: Unicode.Scalar) { self.init([.range(scalar.value...scalar.value)]) }

  /// Any scalar that ends no line.
  static let any = ScalarClass(
    [.range(0xA...0xD), .range(0x85...0x85), .range(0x2028...0x2029)], isNegated: true)

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    guard scalar.value >= 128 else {
      return scalar.value < 64
        ? low.0 >> scalar.value & 1 == 1 : low.1 >> (scalar.value - 64) & 1 == 1
    }
    return lookUp(scalar)
  }

  private func lookUp(_ scalar: Unicode.Scalar) -> Bool {
    kinds.contains { $0.contains(scalar) } != isNegated
  }

  static func == (a: ScalarClass, b: ScalarClass) -> Bool {
    a.kinds == b.kinds && a.isNegated == b.isNegated
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(kinds)
    hasher.combine(isNegated)
  }
}

extension Unicode.Scalar {
  /// A decimal digit of any script, as `\d` in Python.
  var isDigit: Bool { properties.generalCategory == .decimalNumber }

  /// What may be a part of a word: Unicode Technical Standard 18, annex C, `\w`.
  var isWord: Bool {
    if value < 128 { return properties.isAlphabetic || (48...57).contains(value) || value == 95 }
    switch properties.generalCategory {
    case .decimalNumber, .connectorPunctuation, .nonspacingMark, .spacingMark, .enclosingMark:
      return true
    default: return properties.isAlphabetic || properties.isJoinControl
    }
  }
}
