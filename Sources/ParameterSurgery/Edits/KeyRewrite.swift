public import CheckpointFiles

/// A rule that gives keys new names: `FROM=TO`.
///
///     encoder=transformer              the node and everything below it, on component boundaries
///     bert=                            the component goes
///     **.gamma=**.weight               each wildcard of TO takes what the same one of FROM matched
///     layer[{i}].**=block[{i}].**      captures have names and may move; {i+6} adds to an index
///     /(.*)LayerNorm\.gamma/=$1LayerNorm.weight    a regular expression for the whole key
///
/// Wildcards are those of ``Selector``: `*` and `?` inside a component, `**` across components. `TO`
/// has the same wildcards in the same order. `{name}` is one component, or a part of one.
public struct KeyRewrite: Sendable, Hashable, CustomStringConvertible {
  /// The pattern for old keys.
  public let from: String
  /// The pattern for new keys.
  public let to: String

  private let target: KeyTemplate
  /// The regular expression of a pattern that is more than a path.
  private let expression: KeyExpression?
  /// A path without wildcards, with dots for brackets.
  private let path: String
  /// Whether the last group of the expression is what lies below the node.
  private let hasRest: Bool

  /// A rule from two patterns.
  ///
  /// - Throws: ``SurgeryError`` when `from` is empty, the wildcards differ, or a capture is unknown.
  public init(from: String, to: String) throws(SurgeryError) {
    let rule = "rename \(quoted(from + "=" + to))"
    guard !from.isEmpty else { throw SurgeryError.form("\(rule): nothing to rename") }
    self.from = from
    self.to = to
    if from.count > 1, from.hasPrefix("/"), from.hasSuffix("/") {
      let body = String(from.dropFirst().dropLast())
      do {
        expression = try KeyExpression(body, .typed)
      } catch {
        throw SurgeryError.form("\(rule): \(error.reason)")
      }
      target = try KeyTemplate(replacement: to, rule)
      hasRest = false
      path = ""
      return
    }
    let source = try KeyTemplate(pattern: from, rule)
    target = try KeyTemplate(pattern: to, rule).resolved(against: source, rule)
    hasRest = true
    let text = source.literal
    path = text ?? ""
    do {
      expression = text == nil ? try KeyExpression(source.expression, .typed) : nil
    } catch {
      throw SurgeryError.form("\(rule): \(error.reason)")
    }
  }

  /// A rule written `FROM=TO`.
  ///
  /// - Throws: ``SurgeryError`` when it is not.
  public init(_ text: String) throws(SurgeryError) {
    let separator: Range<String.Index>? =
      if text.hasPrefix("/"), let end = text.dropFirst().firstRange(of: "/=") {
        text.index(after: end.lowerBound)..<end.upperBound
      } else {
        text.firstRange(of: "=")
      }
    guard let separator else { throw SurgeryError.form("rename \(quoted(text)) is not FROM=TO") }
    try self.init(
      from: String(text[..<separator.lowerBound]), to: String(text[separator.upperBound...]))
  }

  /// The rule as `FROM=TO`.
  public var description: String { from + "=" + to }

  /// The new key, or `nil` when the rule is not about this one.
  public func apply(to key: Key) -> Key? { apply(to: [key])[0] }

  /// The new keys; `nil` for those that the rule is not about. The expression is compiled once.
  public func apply(to keys: some Collection<Key>) -> [Key?] {
    guard let expression else { return keys.map { applyPath(to: $0) } }
    var regex = expression.matcher(keepsGroups: true)
    return keys.map { key in
      guard let match = regex.groups(of: key.string, .whole) else { return nil }
      var groups = match.map { $0.map { String(key.string[$0]) } ?? "" }
      let rest = hasRest ? groups.popLast() ?? "" : ""
      return join(target.filled(with: groups), rest)
    }
  }

  private func applyPath(to key: Key) -> Key? {
    let bytes = key.string.utf8
    guard bytes.starts(with: path.utf8) else { return nil }
    let rest = bytes.dropFirst(path.utf8.count)
    guard rest.isEmpty || rest.first == UInt8(ascii: ".") else { return nil }
    return join(target.filled(with: []), String(Substring(rest)))
  }

  /// The head and the rest, which is empty or begins with a dot.
  private func join(_ head: String, _ rest: String) -> Key {
    Key(head.isEmpty && rest.hasPrefix(".") ? String(rest.dropFirst()) : head + rest)
  }
}

/// One side of a ``KeyRewrite``, in pieces.
struct KeyTemplate: Sendable, Hashable {
  enum Piece: Sendable, Hashable {
    case text(String)
    case one
    case any
    case anyDepth
    /// A named part of a component, plus a number when it is an index.
    case capture(String, offset: Int)
    /// A group of the expression, plus a number.
    case group(Int, offset: Int)

    var isWildcard: Bool {
      switch self {
      case .one, .any, .anyDepth: true
      default: false
      }
    }
  }

  private(set) var pieces: [Piece] = []

  /// A pattern with wildcards, captures and brackets.
  init(pattern: String, _ rule: String) throws(SurgeryError) {
    var rest = pattern[...]
    var text = ""
    func flush(_ pieces: inout [Piece]) {
      if !text.isEmpty { pieces.append(.text(text)) }
      text = ""
    }
    while let character = rest.first {
      if rest.hasPrefix("**") {
        flush(&pieces)
        pieces.append(.anyDepth)
        rest = rest.dropFirst(rest.hasPrefix("**.") ? 3 : 2)
        continue
      }
      rest = rest.dropFirst()
      switch character {
      case "*":
        flush(&pieces)
        pieces.append(.any)
      case "?":
        flush(&pieces)
        pieces.append(.one)
      case "[":
        if !text.isEmpty || !pieces.isEmpty { text.append(".") }
      case "]": break
      case "{":
        guard let end = rest.firstIndex(of: "}") else {
          throw SurgeryError.form("\(rule): `{` is not closed")
        }
        flush(&pieces)
        pieces.append(try KeyTemplate.capture(rest[..<end], rule))
        rest = rest[rest.index(after: end)...]
      default: text.append(character)
      }
    }
    flush(&pieces)
  }

  /// The replacement of a regular expression: `$1` is a group, `$$` a dollar.
  init(replacement: String, _ rule: String) throws(SurgeryError) {
    var rest = replacement[...]
    var text = ""
    while let character = rest.popFirst() {
      guard character == "$" else {
        text.append(character)
        continue
      }
      if rest.first == "$" {
        text.append("$")
        rest = rest.dropFirst()
        continue
      }
      guard let number = rest.first?.wholeNumberValue, number < 10 else {
        throw SurgeryError.form("\(rule): `$` is followed by the number of a group, or by `$`")
      }
      rest = rest.dropFirst()
      if !text.isEmpty { pieces.append(.text(text)) }
      text = ""
      pieces.append(.group(number, offset: 0))
    }
    if !text.isEmpty { pieces.append(.text(text)) }
  }

  private static func capture(_ text: Substring, _ rule: String) throws(SurgeryError) -> Piece {
    let name = text.prefix { $0.isLetter || $0 == "_" }
    let rest = text.dropFirst(name.count)
    guard !name.isEmpty, rest.isEmpty || Int(rest) != nil && "+-".contains(rest.first ?? " ") else {
      throw SurgeryError.form(
        "\(rule): {\(text)} is no capture: write {i}, or {i+6} on the right-hand side")
    }
    return .capture(String(name), offset: Int(rest) ?? 0)
  }

  /// The text, when there is nothing else.
  var literal: String? {
    if pieces.isEmpty { return "" }
    if pieces.count == 1, case .text(let text) = pieces[0] { return text }
    return nil
  }

  /// This right-hand side with the groups of `source` for its wildcards and captures.
  func resolved(against source: KeyTemplate, _ rule: String) throws(SurgeryError) -> KeyTemplate {
    guard source.pieces.filter(\.isWildcard) == pieces.filter(\.isWildcard) else {
      throw SurgeryError.form("\(rule): both sides need the same wildcards in the same order")
    }
    var wildcards: [Int] = []
    var captures: [String: Int] = [:]
    var group = 0
    for piece in source.pieces {
      if piece.isWildcard {
        group += 1
        wildcards.append(group)
      } else if case .capture(let name, let offset) = piece {
        guard offset == 0 else {
          throw SurgeryError.form("\(rule): numbers are added on the right-hand side")
        }
        guard captures[name] == nil else {
          throw SurgeryError.form("\(rule): {\(name)} stands twice on the left-hand side")
        }
        group += 1
        captures[name] = group
      }
    }
    var result = self
    var next = wildcards.makeIterator()
    for (index, piece) in pieces.enumerated() {
      if piece.isWildcard, let group = next.next() {
        result.pieces[index] = .group(group, offset: 0)
      } else if case .capture(let name, let offset) = piece {
        guard let group = captures[name] else {
          throw SurgeryError.form("\(rule): {\(name)} does not stand on the left-hand side")
        }
        result.pieces[index] = .group(group, offset: offset)
      }
    }
    return result
  }

  /// A regular expression with a group for each wildcard and capture, and one for what lies below.
  var expression: String {
    var result = ""
    for (index, piece) in pieces.enumerated() {
      switch piece {
      case .text(let text):
        for character in text {
          if !character.isLetter, !character.isNumber, character.isASCII { result += "\\" }
          result.append(character)
        }
      case .one: result += "([^.])"
      case .any: result += "([^.]*)"
      case .capture: result += "([^.]+)"
      // At the end there is no dot to take along.
      case .anyDepth: result += index == pieces.count - 1 ? "(.*)" : "((?:[^.]*\\.)*)"
      case .group: break
      }
    }
    return result + "((?:\\..*)?)"
  }

  /// The text with the groups of a match; group 0 is the whole.
  func filled(with groups: [String]) -> String {
    var result = ""
    for piece in pieces {
      switch piece {
      case .text(let text): result += text
      case .group(let number, let offset):
        guard number < groups.count else { continue }
        if offset != 0, let index = Int(groups[number]) {
          result += String(index.addingReportingOverflow(offset).partialValue)
        } else {
          result += groups[number]
        }
      default: break
      }
    }
    return result
  }
}
