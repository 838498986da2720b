public import OrderedCollections

/// A JSON document as a value, with object members in their order.
///
/// Numbers keep their spelling: `1`, `1.0` and `1e0` are three different texts, so a format that
/// allows only integers can distinguish them.
///
///     let settings: JSONValue = .members(["layers": 12, "name": "bert"])
///     print(settings["layers"]?.integer ?? 0, settings.text(indent: 2))
public enum JSONValue: Sendable {
  case null
  case bool(Bool)
  /// A number as it is spelled.
  case number(String)
  case string(String)
  case array([JSONValue])
  case object(OrderedDictionary<Key, JSONValue>)

  /// An integer.
  public static func integer(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }

  /// A floating-point number in the shortest spelling that reads back the same; `null` when it is
  /// not finite, because JSON cannot express it.
  public static func real(_ value: Double) -> JSONValue {
    value.isFinite ? .number("\(value)") : .null
  }

  /// The member `key` of an object; `nil` for other values and absent members.
  public subscript(key: String) -> JSONValue? {
    if case .object(let members) = self { members[Key(key)] } else { nil }
  }

  /// The text of a string.
  public var string: String? { if case .string(let text) = self { text } else { nil } }

  /// The value of a number spelled as an integer that fits `Int`.
  public var integer: Int? { if case .number(let text) = self { Int(text) } else { nil } }

  /// The value of a number.
  public var double: Double? { if case .number(let text) = self { Double(text) } else { nil } }

  /// The value of `true` and `false`.
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

  /// The elements of an array.
  public var array: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }

  /// The members of an object.
  public var object: OrderedDictionary<Key, JSONValue>? {
    if case .object(let members) = self { members } else { nil }
  }
}

extension JSONValue: Hashable {
  /// Whether the values are the same, strings and numbers byte by byte, members in the same order.
  public static func == (a: JSONValue, b: JSONValue) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.number(let a), .number(let b)), (.string(let a), .string(let b)): utf8AreEqual(a, b)
    case (.array(let a), .array(let b)): a == b
    case (.object(let a), .object(let b)): a == b
    default: false
    }
  }

  /// Feeds the value; strings and numbers by their bytes.
  public func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0)
    case .bool(let value): hasher.combine(value)
    case .number(let text), .string(let text): hasher.combine(Key(text))
    case .array(let elements): hasher.combine(elements)
    case .object(let members): hasher.combine(members)
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral
{
  /// A string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// A number.
  public init(integerLiteral value: Int) { self = .integer(value) }
  /// `true` or `false`.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// An array.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

  /// An object with the given members, in order. Of two members with one name the last stays.
  public static func members(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
    .object(pairs: members.map { ($0.key, $0.value) })
  }

  /// An object with the given members, in order. Of two members with one name the last stays.
  public static func object(pairs: [(String, JSONValue)]) -> JSONValue {
    .object(OrderedDictionary(pairs.map { (Key($0.0), $0.1) }, uniquingKeysWith: { $1 }))
  }
}

// MARK: - Writing

extension JSONValue {
  /// The document as text.
  ///
  /// In strings `"`, `\`, and what no reader could see or what would move a terminal's cursor are escaped.
  ///
  /// - Parameter indent: spaces for each level; `nil` writes one line without spaces.
  public func text(indent: Int? = nil) -> String {
    var out = ""
    write(to: &out, indent: indent, level: 0)
    return out
  }

  private func write(to out: inout String, indent: Int?, level: Int) {
    func newline(_ level: Int) {
      guard let indent else { return }
      out += "\n"
      out += String(repeating: " ", count: indent * level)
    }
    switch self {
    case .null: out += "null"
    case .bool(let value): out += value ? "true" : "false"
    case .number(let text): out += text
    case .string(let text): JSONValue.writeString(text, to: &out)
    case .array(let elements):
      out += "["
      // Arrays of scalars stay on one line: shapes and row ranges read better so.
      let flat = elements.allSatisfy { if case .object = $0 { false } else { true } }
      for (index, element) in elements.enumerated() {
        if index > 0 { out += flat && indent != nil ? ", " : "," }
        if !flat { newline(level + 1) }
        element.write(to: &out, indent: flat ? nil : indent, level: level + 1)
      }
      if !flat, !elements.isEmpty { newline(level) }
      out += "]"
    case .object(let members):
      out += "{"
      for (index, member) in members.enumerated() {
        if index > 0 { out += "," }
        newline(level + 1)
        JSONValue.writeString(member.key.string, to: &out)
        out += indent == nil ? ":" : ": "
        member.value.write(to: &out, indent: indent, level: level + 1)
      }
      if !members.isEmpty { newline(level) }
      out += "}"
    }
  }

  /// Which scalars of a string are escaped, beside `"` and `\`.
  package enum Escapes {
    /// Control characters of ASCII below the space, as the reference implementation of safetensors does.
    case reference
    /// Everything that is not printed as it is: `Unicode.Scalar.isUnprintable`.
    case unprintable
  }

  /// Appends `text` as a JSON string with its quotes.
  package static func writeString(
    _ text: String, escaping escapes: Escapes = .unprintable, to out: inout String
  ) {
    let bytes = text.utf8.span
    out += "\""
    if bytes.endOfPlainJSON(from: 0) == bytes.count, escapes == .reference || bytes.isPlain {
      out += text
    } else {
      writeEscaped(text, escapes, to: &out)
    }
    out += "\""
  }

  private static func writeEscaped(_ text: String, _ escapes: Escapes, to out: inout String) {
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22: out += "\\\""
      case 0x5C: out += "\\\\"
      case 0x08: out += "\\b"
      case 0x0C: out += "\\f"
      case 0x0A: out += "\\n"
      case 0x0D: out += "\\r"
      case 0x09: out += "\\t"
      case 0..<0x20: writeUnits(of: scalar, to: &out)
      default:
        if escapes == .unprintable, scalar.isUnprintable {
          writeUnits(of: scalar, to: &out)
        } else {
          out.unicodeScalars.append(scalar)
        }
      }
    }
  }

  /// Appends the UTF-16 of a scalar as escapes of four hexadecimal digits.
  private static func writeUnits(of scalar: Unicode.Scalar, to out: inout String) {
    for unit in String(scalar).utf16 { out += "\\u" + Text.hexadecimal(unit) }
  }
}
