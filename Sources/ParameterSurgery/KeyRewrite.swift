public import CheckpointFiles

/// A rule that gives keys new names: `FROM=TO`.
///
///     encoder=transformer          the node and everything below it, on component boundaries
///     bert=                        the component goes
///     **.gamma=**.weight           each wildcard of TO takes what the same one of FROM matched
///
/// Wildcards are those of ``Selector``: `*` and `?` inside a component, `**` across components. `TO`
/// has the same wildcards in the same order.
public struct KeyRewrite: Sendable, Hashable, CustomStringConvertible {
  /// The pattern for old keys.
  public let from: String
  /// The pattern for new keys.
  public let to: String

  private enum Piece: Sendable, Hashable {
    case text(String)
    case one
    case any
    case anyDepth

    var isWildcard: Bool { if case .text = self { false } else { true } }
  }

  private let source: [Piece]
  private let target: [Piece]
  /// The regular expression of a pattern with wildcards.
  private let expression: String?

  /// A rule from two patterns.
  ///
  /// - Throws: ``SurgeryError`` when `from` is empty or the wildcards differ.
  public init(from: String, to: String) throws(SurgeryError) {
    guard !from.isEmpty else { throw SurgeryError("rename \(quoted("=" + to)): nothing to rename") }
    self.from = from
    self.to = to
    source = KeyRewrite.pieces(from)
    target = KeyRewrite.pieces(to)
    guard source.filter(\.isWildcard) == target.filter(\.isWildcard) else {
      throw SurgeryError(
        "rename \(quoted(from + "=" + to)): both sides need the same wildcards in the same order")
    }
    expression = source.contains(where: \.isWildcard) ? KeyRewrite.expression(source) : nil
  }

  /// A rule written `FROM=TO`.
  ///
  /// - Throws: ``SurgeryError`` when it is not.
  public init(_ text: String) throws(SurgeryError) {
    guard let equals = text.firstIndex(of: "=") else {
      throw SurgeryError("rename \(quoted(text)) is not FROM=TO")
    }
    try self.init(
      from: String(text[..<equals]), to: String(text[text.index(after: equals)...]))
  }

  /// The rule as `FROM=TO`.
  public var description: String { from + "=" + to }

  /// The new key, or `nil` when the rule is not about this one.
  public func apply(to key: Key) -> Key? {
    guard let expression else {
      let bytes = key.string.utf8
      guard bytes.starts(with: from.utf8) else { return nil }
      let rest = bytes.dropFirst(from.utf8.count)
      guard rest.isEmpty || rest.first == UInt8(ascii: ".") else { return nil }
      return join(to, String(Substring(rest)))
    }
    guard let regex = try? Regex(expression).matchingSemantics(.unicodeScalar),
      let match = try? regex.wholeMatch(in: key.string)
    else { return nil }
    var captured = match.output.dropFirst().map { String($0.substring ?? "") }
    let rest = captured.popLast() ?? ""
    var result = ""
    for piece in target {
      if case .text(let text) = piece {
        result += text
      } else if !captured.isEmpty {
        result += captured.removeFirst()
      }
    }
    return join(result, rest)
  }

  /// The head and the rest, which is empty or begins with a dot.
  private func join(_ head: String, _ rest: String) -> Key {
    Key(head.isEmpty && rest.hasPrefix(".") ? String(rest.dropFirst()) : head + rest)
  }

  private static func pieces(_ text: String) -> [Piece] {
    var pieces: [Piece] = []
    var literal = ""
    func flush() {
      if !literal.isEmpty { pieces.append(.text(literal)) }
      literal = ""
    }
    var rest = text[...]
    while let character = rest.first {
      if rest.hasPrefix("**") {
        flush()
        pieces.append(.anyDepth)
        rest = rest.dropFirst(rest.hasPrefix("**.") ? 3 : 2)
        continue
      }
      switch character {
      case "*":
        flush()
        pieces.append(.any)
      case "?":
        flush()
        pieces.append(.one)
      default: literal.append(character)
      }
      rest = rest.dropFirst()
    }
    flush()
    return pieces
  }

  private static func expression(_ pieces: [Piece]) -> String {
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
      // At the end there is no dot to take along.
      case .anyDepth: result += index == pieces.count - 1 ? "(.*)" : "((?:[^.]*\\.)*)"
      }
    }
    return result + "((?:\\..*)?)"
  }
}
