/// Reads the regular expressions that a machine without backtracking can match.
///
/// The syntax is what Swift's `Regex`, Python's `re` and PCRE have in common: literals, `.`, classes, groups,
/// `|`, greedy and lazy quantifiers, `^ $ \A \z \b \B`. What is outside of it, such as references to groups and
/// look-around, is ``Refusal``; that does not make it wrong.
struct ExpressionParser {
  /// The expression has a construct that this parser does not read.
  struct Refusal: Error {}

  /// The deepest nesting of groups, which is small enough for the stack of any thread.
  private static let mostNested = 64
  /// The highest bound of a quantifier.
  private static let mostRepeated = 1000

  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var depth = 0
  /// The groups that have a number.
  private(set) var groupCount = 0

  init(_ text: String) { scalars = Array(text.unicodeScalars) }

  /// The whole expression.
  mutating func parse() throws(Refusal) -> ExpressionNode {
    let node = try choice()
    guard position == scalars.count else { throw Refusal() }
    return node
  }

  private var current: Unicode.Scalar? {
    position < scalars.count ? scalars[position] : nil
  }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard current == scalar else { return false }
    position += 1
    return true
  }

  private mutating func next() throws(Refusal) -> Unicode.Scalar {
    guard let scalar = current else { throw Refusal() }
    position += 1
    return scalar
  }

  private mutating func choice() throws(Refusal) -> ExpressionNode {
    var branches = [try sequence()]
    while take("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  private mutating func sequence() throws(Refusal) -> ExpressionNode {
    var parts: [ExpressionNode] = []
    while let scalar = current, scalar != "|", scalar != ")" {
      parts.append(try quantified(try atom()))
    }
    return .sequence(parts)
  }

  // MARK: - Quantifiers

  private mutating func quantified(_ atom: ExpressionNode) throws(Refusal) -> ExpressionNode {
    guard let (least, most) = try quantifier() else { return atom }
    if case .place = atom { throw Refusal() }
    let isGreedy = !take("?")
    // A second quantifier is an error in some dialects, possessive in others.
    if let scalar = current, "*+?{".unicodeScalars.contains(scalar) { throw Refusal() }
    return .repeated(atom, least: least, most: most, isGreedy: isGreedy)
  }

  private mutating func quantifier() throws(Refusal) -> (Int, Int?)? {
    if take("*") { return (0, nil) }
    if take("+") { return (1, nil) }
    if take("?") { return (0, 1) }
    guard take("{") else { return nil }
    let least = try bound()
    if take("}") {
      guard let least else { throw Refusal() }
      return (least, least)
    }
    guard take(",") else { throw Refusal() }
    let most = try bound()
    guard take("}"), least != nil || most != nil, least ?? 0 <= most ?? .max else {
      throw Refusal()
    }
    return (least ?? 0, most)
  }

  private mutating func bound() throws(Refusal) -> Int? {
    var value: Int?
    while let scalar = current, (48...57).contains(scalar.value) {
      value = (value ?? 0) * 10 + Int(scalar.value - 48)
      guard value ?? 0 <= ExpressionParser.mostRepeated else { throw Refusal() }
      position += 1
    }
    return value
  }

  // MARK: - Atoms

  private mutating func atom() throws(Refusal) -> ExpressionNode {
    let scalar = try next()
    switch scalar {
    case "(": return try group()
    case "[": return .scalar(try scalarClass())
    case ".": return .scalar(.any)
    case "^": return .place(.start)
    case "$": return .place(.endOfLine)
    case "\\": return try escape()
    case "*", "+", "?", "{", "}", "]": throw Refusal()
    default: return .scalar(ScalarClass(scalar))
    }
  }

  private mutating func group() throws(Refusal) -> ExpressionNode {
    depth += 1
    defer { depth -= 1 }
    guard depth <= ExpressionParser.mostNested else { throw Refusal() }
    var number: Int?
    if take("?") {
      guard take(":") else { throw Refusal() }
    } else {
      groupCount += 1
      number = groupCount
    }
    let node = try choice()
    guard take(")") else { throw Refusal() }
    return number.map { .group(node, number: $0) } ?? node
  }

  private mutating func escape() throws(Refusal) -> ExpressionNode {
    switch current {
    case "A": position += 1; return .place(.start)
    case "z": position += 1; return .place(.end)
    case "b": position += 1; return .place(.wordBoundary)
    case "B": position += 1; return .place(.noWordBoundary)
    default: return .scalar(ScalarClass([try escapedKind()]))
    }
  }

  /// What follows a backslash, in a class or outside.
  private mutating func escapedKind() throws(Refusal) -> ScalarClass.Kind {
    let scalar = try next()
    switch scalar {
    case "d", "D": return .digit(scalar == "d")
    case "w", "W": return .word(scalar == "w")
    case "s", "S": return .space(scalar == "s")
    case "t": return .range(0x9...0x9)
    case "n": return .range(0xA...0xA)
    case "r": return .range(0xD...0xD)
    case "f": return .range(0xC...0xC)
    default:
      // A letter or a digit would have a meaning; anything else means itself.
      guard scalar.value < 128, !scalar.isWord || scalar == "_" else { throw Refusal() }
      return .range(scalar.value...scalar.value)
    }
  }

  private mutating func scalarClass() throws(Refusal) -> ScalarClass {
    let isNegated = take("^")
    var kinds: [ScalarClass.Kind] = []
    while !take("]") {
      let low = try member(isFirst: kinds.isEmpty)
      guard current == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else {
        kinds.append(low)
        continue
      }
      position += 1
      guard case .range(let from) = low, case .range(let to) = try member(isFirst: false),
        from.lowerBound <= to.upperBound
      else { throw Refusal() }
      kinds.append(.range(from.lowerBound...to.upperBound))
    }
    guard !kinds.isEmpty else { throw Refusal() }
    return ScalarClass(kinds, isNegated: isNegated)
  }

  private mutating func member(isFirst: Bool) throws(Refusal) -> ScalarClass.Kind {
    let scalar = try next()
    if scalar == "\\" {
      // A backspace here, a boundary elsewhere.
      return try escapedKind()
    }
    // Dialects disagree on what these begin.
    if scalar == "[" || scalar == "^" { throw Refusal() }
    if "-&~".unicodeScalars.contains(scalar), !isFirst || current == scalar {
      guard scalar == "-", current == "]" else { throw Refusal() }
    }
    return .range(scalar.value...scalar.value)
  }
}
