internal import CheckpointFiles

/// One side of a ``KeyRewrite``, in pieces.
struct KeyTemplate: Sendable, Hashable {
  enum Piece: Sendable, Hashable {
    case text(Key)
    case one
    case any
    case anyDepth
    /// A named part of a component, plus a number when it is an index.
    case capture(Key, offset: Int)
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
    var rest = pattern.unicodeScalars[...]
    var text = String.UnicodeScalarView()
    while let scalar = rest.popFirst() {
      switch scalar {
      case "*" where rest.first == "*":
        rest.removeFirst()
        if rest.first == "." { rest.removeFirst() }
        flush(&text)
        pieces.append(.anyDepth)
      case "*":
        flush(&text)
        pieces.append(.any)
      case "?":
        flush(&text)
        pieces.append(.one)
      case "[":
        if !text.isEmpty || !pieces.isEmpty { text.append(".") }
      case "]": break
      case "{":
        guard let end = rest.firstIndex(of: "}") else {
          throw .braceNotClosed(rule)
        }
        flush(&text)
        pieces.append(try KeyTemplate.capture(rest[..<end], rule))
        rest = rest[rest.index(after: end)...]
      default: text.append(scalar)
      }
    }
    flush(&text)
  }

  /// The replacement of a regular expression: `$1` is a group, `$$` a dollar.
  init(replacement: String, _ rule: String) throws(SurgeryError) {
    var rest = replacement.unicodeScalars[...]
    var text = String.UnicodeScalarView()
    while let scalar = rest.popFirst() {
      guard scalar == "$" else {
        text.append(scalar)
        continue
      }
      switch rest.popFirst() {
      case "$": text.append("$")
      case let digit? where (48...57).contains(digit.value):
        flush(&text)
        pieces.append(.group(Int(digit.value - 48), offset: 0))
      default: throw .invalidReplacement(rule)
      }
    }
    flush(&text)
  }

  private mutating func flush(_ text: inout String.UnicodeScalarView) {
    if !text.isEmpty { pieces.append(.text(Key(String(text)))) }
    text = String.UnicodeScalarView()
  }

  private static func capture(
    _ text: Substring.UnicodeScalarView, _ rule: String
  ) throws(SurgeryError) -> Piece {
    let name = text.prefix { $0.properties.isAlphabetic || $0 == "_" }
    let rest = text[name.endIndex...]
    let offset = Int(String(rest))
    guard !name.isEmpty, rest.isEmpty || offset != nil && (rest.first == "+" || rest.first == "-")
    else { throw .invalidCapture(rule, String(text)) }
    return .capture(Key(String(name)), offset: offset ?? 0)
  }

  /// The text, when there is nothing else.
  var literal: String? {
    if pieces.isEmpty { return "" }
    if pieces.count == 1, case .text(let text) = pieces[0] { return text.string }
    return nil
  }

  /// This right-hand side with the groups of `source` in place of its wildcards and captures.
  func resolved(against source: KeyTemplate, _ rule: String) throws(SurgeryError) -> KeyTemplate {
    guard source.pieces.filter(\.isWildcard) == pieces.filter(\.isWildcard) else {
      throw .differentWildcards(rule)
    }
    var wildcards: [Int] = []
    var captures: [Key: Int] = [:]
    var group = 0
    for piece in source.pieces {
      if piece.isWildcard {
        group += 1
        wildcards.append(group)
      } else if case .capture(let name, let offset) = piece {
        guard offset == 0 else { throw .offsetOnTheLeft(rule) }
        guard captures[name] == nil else { throw .duplicateCapture(rule, name) }
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
        guard let group = captures[name] else { throw .unknownCapture(rule, name) }
        result.pieces[index] = .group(group, offset: offset)
      }
    }
    return result
  }

  /// A regular expression with a group for each wildcard and capture, and one for what lies below.
  var expression: String { KeyTemplate.expression(of: pieces) + "((?:\\..*)?)" }

  /// A regular expression with a group for each wildcard and capture of `pieces`.
  static func expression(of pieces: [Piece]) -> String {
    var result = ""
    for (index, piece) in pieces.enumerated() {
      switch piece {
      case .text(let text): result += KeyTemplate.escaped(text.string)
      case .one: result += "([^.])"
      case .any: result += "([^.]*)"
      case .capture: result += "([^.]+)"
      // At the end there is no dot to include.
      case .anyDepth: result += index == pieces.count - 1 ? "(.*)" : "((?:[^.]*\\.)*)"
      case .group: break
      }
    }
    return result
  }

  /// `text` as a regular expression that matches nothing else.
  static func escaped(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if scalar.isASCII, !scalar.properties.isAlphabetic, !(48...57).contains(scalar.value) {
        result.append("\\")
      }
      result.append(scalar)
    }
    return String(result)
  }

  /// The text with the groups of a match; group 0 is the whole.
  func filled(with groups: [String]) -> String { KeyTemplate.fill(pieces[...], with: groups) }

  static func fill(_ pieces: ArraySlice<Piece>, with groups: [String]) -> String {
    var result = ""
    for piece in pieces {
      switch piece {
      case .text(let text): result += text.string
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
