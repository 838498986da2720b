public import CheckpointFiles

/// A rule that gives keys new names: `FROM=TO`.
///
///     let rule = try KeyRewrite("**.gamma=**.weight")
///     print(rule.apply(to: "encoder.LayerNorm.gamma") ?? "no match")
///
/// | rule | meaning |
/// |---|---|
/// | `encoder=transformer` | the node and everything below it, on component boundaries |
/// | `bert=` | the component is removed |
/// | `**.gamma=**.weight` | each wildcard of TO takes what the same wildcard of FROM matched |
/// | `layer[{i}].**=block[{i}].**` | captures have names and may move; `{i+6}` adds to an index |
/// | `/(.*)LayerNorm\.gamma/=$1LayerNorm.weight` | a regular expression for the whole key |
///
/// Wildcards are those of ``Selector``: `*` and `?` inside a component, `**` across components. `TO`
/// has the same wildcards in the same order. `{name}` is one component, or a part of one.
public struct KeyRewrite: Sendable {
  /// The pattern for old keys.
  public let from: String
  /// The pattern for new keys.
  public let to: String

  /// The pattern for old keys in pieces; `nil` for a regular expression.
  let source: KeyTemplate?
  /// The pattern for new keys in pieces, as it was written.
  let pattern: KeyTemplate?
  /// The same with the groups of a match in place of wildcards and captures.
  let target: KeyTemplate
  /// The regular expression of a pattern that is more than a path.
  private let expression: KeyExpression?
  /// A path without wildcards, with dots in place of brackets.
  private let path: String

  /// A rule from two patterns.
  ///
  /// - Throws: ``SurgeryError`` when `from` is empty, the wildcards differ, or a capture is unknown.
  public init(from: String, to: String) throws(SurgeryError) {
    let rule = "rename \(quoted(from + "=" + to))"
    guard !from.isEmpty else { throw .emptyRename(rule) }
    self.from = from
    self.to = to
    if KeyRewrite.isExpression(from) {
      let body = String(decoding: from.utf8.dropFirst().dropLast(), as: UTF8.self)
      do {
        expression = try KeyExpression(body, .typed)
      } catch {
        throw .invalidRename(rule, error.reason)
      }
      target = try KeyTemplate(replacement: to, rule)
      (source, pattern) = (nil, nil)
      path = ""
      return
    }
    let source = try KeyTemplate(pattern: from, rule)
    let pattern = try KeyTemplate(pattern: to, rule)
    target = try pattern.resolved(against: source, rule)
    (self.source, self.pattern) = (source, pattern)
    let text = source.literal
    path = text ?? ""
    do {
      expression = text == nil ? try KeyExpression(source.expression, .typed) : nil
    } catch {
      throw .invalidRename(rule, error.reason)
    }
  }

  /// Whether a pattern is a regular expression: it begins and ends with a slash.
  static func isExpression(_ pattern: String) -> Bool {
    let slash = UInt8(ascii: "/")
    return pattern.utf8.count > 1 && pattern.utf8.first == slash && pattern.utf8.last == slash
  }

  /// The new key, or `nil` when the rule is not about this one.
  public func apply(to key: Key) -> Key? { apply(to: [key])[0] }

  /// The new keys; `nil` for those that the rule is not about. The expression is compiled once.
  public func apply(to keys: some Collection<Key>) -> [Key?] {
    guard let expression else { return keys.map { applyPath(to: $0) } }
    var regex = expression.matcher(keepsGroups: true)
    return keys.map { key in
      guard let match = regex.groups(of: key.string, .whole) else { return nil }
      var groups = match.map { $0.map { String(key.string[$0]) } ?? "" }
      let rest = source == nil ? "" : groups.popLast() ?? ""
      return KeyRewrite.join(target.filled(with: groups), rest)
    }
  }

  private func applyPath(to key: Key) -> Key? {
    let bytes = key.string.utf8
    guard bytes.starts(with: path.utf8) else { return nil }
    let rest = bytes.dropFirst(path.utf8.count)
    guard rest.isEmpty || rest.first == UInt8(ascii: ".") else { return nil }
    return KeyRewrite.join(target.filled(with: []), String(Substring(rest)))
  }

  /// The head and the rest, which is empty or begins with a dot.
  private static func join(_ head: String, _ rest: String) -> Key {
    Key(head.isEmpty ? String(decoding: rest.utf8.dropFirst(), as: UTF8.self) : head + rest)
  }
}

extension KeyRewrite: Hashable {
  /// Whether both patterns are spelled the same, byte for byte.
  public static func == (a: KeyRewrite, b: KeyRewrite) -> Bool {
    Key(a.from) == Key(b.from) && Key(a.to) == Key(b.to)
  }

  /// Feeds the patterns.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(Key(from))
    hasher.combine(Key(to))
  }
}
