internal import CheckpointFiles

/// Reads the grammar of ``Selector``. Positions are Unicode scalars of the text.
struct SelectorParser {
  let text: String
  let scalars: [Unicode.Scalar]
  private var position = 0
  /// Whether a comma ends a selector.
  private var isList = false

  /// A piece of a pattern, before braces are expanded.
  indirect enum Element {
    case scalar(Unicode.Scalar)
    case star
    case doubleStar(Int)
    case one
    case dot(Int)
    /// A dot inside quotes, where empty components are allowed.
    case quotedDot
    /// The start of a quoted part.
    case quote
    case brackets(IndexExpression, spelling: String, Int)
    case alternatives([[Element]])
  }

  /// Braces multiply; more choices than this are a mistake.
  static let maximumPaths = 4096
  /// The pieces of all patterns together: a long selector may have fewer choices.
  static let maximumElements = 1 << 19
  private static let maximumNesting = 16

  init(_ text: String) {
    self.text = text
    self.scalars = Array(text.unicodeScalars)
  }

  private var current: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  func failure(_ problem: SelectorProblem, at offset: Int) -> SurgeryError {
    .selector(text, problem, at: offset)
  }

  /// The only selector.
  mutating func selector() throws(SurgeryError) -> Selector {
    guard !scalars.isEmpty else { throw failure(.empty, at: 0) }
    return try next()
  }

  /// Selectors with commas between them.
  mutating func list() throws(SurgeryError) -> [Selector] {
    guard !scalars.isEmpty else { throw failure(.empty, at: 0) }
    isList = true
    var selectors = [try next()]
    while current == "," {
      position += 1
      selectors.append(try next())
    }
    return selectors
  }

  private mutating func next() throws(SurgeryError) -> Selector {
    let start = position
    let isNegated = current == "!"
    if isNegated {
      position += 1
      guard current != nil else { throw failure(.emptyExclusion, at: start) }
      guard current != "!" else { throw failure(.doubledExclusion, at: start + 1) }
    }
    let pattern: Selector.Pattern
    if current == "/" {
      pattern = try regex()
    } else if filterName() != nil {
      pattern = .paths([[.anyDepth]])
    } else {
      let elements = try sequence(nesting: 0)
      var paths: [[Selector.Step]] = []
      for path in try expand(elements) { try paths.append(contentsOf: steps(path)) }
      pattern = .paths(paths)
    }
    var filters: [SelectorFilter] = []
    while let name = filterName() { try filters.append(filter(name)) }
    if let current, !isList || current != "," {
      throw failure(.unexpected(current), at: position)
    }
    return Selector(
      text: isList ? string(start..<position) : text, isNegated: isNegated, pattern: pattern,
      filters: filters)
  }

  // MARK: - Elements

  private mutating func sequence(nesting: Int) throws(SurgeryError) -> [Element] {
    var elements: [Element] = []
    while let scalar = current {
      if nesting > 0, scalar == "," || scalar == "}" { break }
      switch scalar {
      case ".":
        elements.append(.dot(position))
        position += 1
      case "*":
        let start = position
        while current == "*" { position += 1 }
        switch position - start {
        case 1: elements.append(.star)
        case 2: elements.append(.doubleStar(start))
        default: throw failure(.threeStars, at: start)
        }
      case "?":
        elements.append(.one)
        position += 1
      case "\"": try quotedPart(into: &elements)
      case "[": elements.append(try brackets())
      case "{": elements.append(try braces(nesting: nesting))
      case "]": throw failure(.openingMissing(close: "]", open: "["), at: position)
      case "}": throw failure(.openingMissing(close: "}", open: "{"), at: position)
      case ",":
        if isList, nesting == 0 { return elements }
        throw failure(.comma, at: position)
      case ":" where filterName() != nil:
        if nesting > 0 { throw failure(.filterInBraces, at: position) }
        return elements
      default:
        if scalar.properties.isWhitespace {
          throw failure(.space, at: position)
        }
        elements.append(.scalar(scalar))
        position += 1
      }
    }
    return elements
  }

  private mutating func quotedPart(into elements: inout [Element]) throws(SurgeryError) {
    let start = position
    position += 1
    elements.append(.quote)
    while let scalar = current {
      position += 1
      switch scalar {
      case "\"": return
      case "\\":
        guard let escaped = current, escaped == "\"" || escaped == "\\" else {
          throw failure(.escape, at: position - 1)
        }
        position += 1
        elements.append(.scalar(escaped))
      case ".":
        elements.append(.quotedDot)
        elements.append(.quote)
      default: elements.append(.scalar(scalar))
      }
    }
    throw failure(.quoteNotClosed, at: start)
  }

  private mutating func braces(nesting: Int) throws(SurgeryError) -> Element {
    let start = position
    guard nesting < SelectorParser.maximumNesting else {
      throw failure(.bracesTooDeep, at: start)
    }
    position += 1
    var alternatives: [[Element]] = []
    while true {
      alternatives.append(try sequence(nesting: nesting + 1))
      guard let current else { throw failure(.notClosed("{"), at: start) }
      position += 1
      if current == "}" { return .alternatives(alternatives) }
    }
  }

  private mutating func brackets() throws(SurgeryError) -> Element {
    let start = position
    position += 1
    let contents = position
    while let current, current != "]" { position += 1 }
    guard current == "]" else { throw failure(.notClosed("["), at: start) }
    let end = position
    position += 1
    var items: [IndexExpression.Item] = []
    var itemStart = contents
    for place in contents...end where place == end || scalars[place] == "," {
      try items.append(item(itemStart..<place))
      itemStart = place + 1
    }
    return .brackets(
      IndexExpression(items: items), spelling: string(contents..<end), start)
  }

  private func item(_ range: Range<Int>) throws(SurgeryError) -> IndexExpression.Item {
    let spelling = string(range)
    if spelling == "*" { return .slice(start: nil, stop: nil, step: 1) }
    let parts = scalars[range].split(separator: ":", omittingEmptySubsequences: false)
    var numbers: [Int?] = []
    for part in parts {
      let digits = trimmed(part)
      if digits.isEmpty {
        numbers.append(nil)
      } else if let number = integer(digits) {
        numbers.append(number)
      } else {
        throw failure(.brackets, at: part.startIndex)
      }
    }
    switch numbers.count {
    case 1:
      guard let number = numbers[0] else {
        throw failure(.emptyIndex, at: range.lowerBound)
      }
      return .index(number)
    case 2, 3:
      let step = numbers.count == 3 ? numbers[2] ?? 1 : 1
      guard step != 0 else { throw failure(.zeroStep, at: range.lowerBound) }
      return .slice(start: numbers[0], stop: numbers[1], step: step)
    default: throw failure(.colons, at: range.lowerBound)
    }
  }

  // MARK: - Regular expressions and filters

  private mutating func regex() throws(SurgeryError) -> Selector.Pattern {
    let start = position
    position += 1
    var expression = ""
    var inClass = false
    while let scalar = current, inClass || scalar != "/" {
      position += 1
      if scalar == "\\", let escaped = current {
        if escaped != "/" { expression.unicodeScalars.append(scalar) }
        expression.unicodeScalars.append(escaped)
        position += 1
        continue
      }
      if scalar == "[" { inClass = true }
      if scalar == "]" { inClass = false }
      expression.unicodeScalars.append(scalar)
    }
    guard current == "/" else {
      throw failure(.expressionNotClosed, at: start)
    }
    position += 1
    let regex: KeyExpression
    do {
      regex = try KeyExpression(expression, .typed)
    } catch {
      throw failure(.expression(error.reason), at: start + 1)
    }
    var rows: IndexExpression?
    if current == "[", case .brackets(let expression, _, _) = try brackets() { rows = expression }
    return .regex(regex, rows: rows)
  }

  /// The name of the filter that starts here, as in `:rank(`.
  private func filterName() -> String? {
    guard current == ":" else { return nil }
    var end = position + 1
    while end < scalars.count, scalars[end].properties.isAlphabetic { end += 1 }
    guard end > position + 1, end < scalars.count, scalars[end] == "(" else { return nil }
    return string(position + 1..<end)
  }

  private mutating func filter(_ name: String) throws(SurgeryError) -> SelectorFilter {
    let start = position
    let contents = position + 1 + name.unicodeScalars.count + 1
    position = contents
    while let current, current != ")" { position += 1 }
    guard current == ")" else { throw failure(.notClosed("("), at: contents - 1) }
    let arguments = string(contents..<position)
    position += 1
    do {
      return try SelectorFilter(
        name: name, arguments: arguments, spelling: string(start..<position))
    } catch {
      throw failure(error, at: start)
    }
  }

  // MARK: - Text

  private func string(_ range: Range<Int>) -> String {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars[range])
    return String(text)
  }

  private func trimmed(_ part: ArraySlice<Unicode.Scalar>) -> String {
    var part = part
    while part.first == " " { part.removeFirst() }
    while part.last == " " { part.removeLast() }
    return string(part.startIndex..<part.endIndex)
  }

  private func integer(_ text: String) -> Int? {
    text.hasPrefix("+") ? nil : Int(text)
  }
}
