internal import OrderedCollections

/// A strict JSON reader (RFC 8259): no byte-order mark, no trailing text, duplicate members refused,
/// nesting bounded, numbers kept as spelled.
///
/// Foundation's readers are not used: they silently keep one of two duplicate members, and not the
/// same one.
package struct JSONParser {
  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  /// Deep enough for any honest document, shallow enough for any thread's stack.
  static let maximumDepth = 64

  private let allowsNonFinite: Bool

  private init(bytes: [UInt8], allowsNonFinite: Bool) {
    self.bytes = bytes
    self.allowsNonFinite = allowsNonFinite
  }

  /// The document in `bytes`.
  ///
  /// - Throws: `CheckpointError` with the byte offset.
  package static func parse(_ bytes: [UInt8]) throws(CheckpointError) -> JSONValue {
    try parse(bytes, allowsNonFinite: false)
  }

  /// The document in `bytes`, which Python may have written.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8 text.
  ///   - allowsNonFinite: whether `NaN`, `Infinity` and `-Infinity` are numbers.
  /// - Throws: `CheckpointError` with the byte offset.
  package static func parse(
    _ bytes: [UInt8], allowsNonFinite: Bool
  ) throws(CheckpointError) -> JSONValue {
    var parser = JSONParser(bytes: bytes, allowsNonFinite: allowsNonFinite)
    parser.skipSpace()
    let value = try parser.value()
    parser.skipSpace()
    guard parser.position == bytes.count else {
      throw parser.failure("text after the end of the JSON document")
    }
    return value
  }

  private func failure(_ reason: String) -> CheckpointError {
    CheckpointError(offset: position, "invalid JSON: " + reason)
  }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  private mutating func expect(_ byte: UInt8) throws(CheckpointError) {
    guard current == byte else {
      throw failure("expected '\(Character(Unicode.Scalar(byte)))'")
    }
    position += 1
  }

  private mutating func value() throws(CheckpointError) -> JSONValue {
    guard let current else { throw failure("the document ends early") }
    switch current {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "N") where allowsNonFinite: return try word("NaN", .number("NaN"))
    case UInt8(ascii: "I") where allowsNonFinite: return try word("Infinity", .number("Infinity"))
    case UInt8(ascii: "-")
    where allowsNonFinite && position + 1 < bytes.count && bytes[position + 1] == UInt8(ascii: "I"):
      return try word("-Infinity", .number("-Infinity"))
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw failure("expected a value")
    }
  }

  private mutating func word(
    _ text: StaticString, _ value: JSONValue
  ) throws(CheckpointError) -> JSONValue {
    let letters = Array("\(text)".utf8)
    guard bytes.count - position >= letters.count,
      bytes[position..<position + letters.count].elementsEqual(letters)
    else { throw failure("expected \(text)") }
    position += letters.count
    return value
  }

  private mutating func enter() throws(CheckpointError) {
    depth += 1
    guard depth <= JSONParser.maximumDepth else {
      throw failure("nested deeper than \(JSONParser.maximumDepth) levels")
    }
    position += 1
    skipSpace()
  }

  private mutating func object() throws(CheckpointError) -> JSONValue {
    try enter()
    var members: OrderedDictionary<Key, JSONValue> = [:]
    if current != UInt8(ascii: "}") {
      while true {
        guard current == UInt8(ascii: "\"") else { throw failure("expected a member's name") }
        let start = position
        let key = Key(try string())
        skipSpace()
        try expect(UInt8(ascii: ":"))
        skipSpace()
        let value = try value()
        guard members.updateValue(value, forKey: key) == nil else {
          position = start
          throw failure("the name \(quoted(key.string)) stands twice in one object")
        }
        skipSpace()
        if current == UInt8(ascii: "}") { break }
        try expect(UInt8(ascii: ","))
        skipSpace()
      }
    }
    position += 1
    depth -= 1
    return .object(members)
  }

  private mutating func array() throws(CheckpointError) -> JSONValue {
    try enter()
    var elements: [JSONValue] = []
    if current != UInt8(ascii: "]") {
      while true {
        elements.append(try value())
        skipSpace()
        if current == UInt8(ascii: "]") { break }
        try expect(UInt8(ascii: ","))
        skipSpace()
      }
    }
    position += 1
    depth -= 1
    return .array(elements)
  }

  private mutating func digits() throws(CheckpointError) {
    let start = position
    while let byte = current, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
      position += 1
    }
    guard position > start else { throw failure("expected a digit") }
  }

  private mutating func number() throws(CheckpointError) -> JSONValue {
    let start = position
    if current == UInt8(ascii: "-") { position += 1 }
    if current == UInt8(ascii: "0") { position += 1 } else { try digits() }
    if current == UInt8(ascii: ".") {
      position += 1
      try digits()
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      position += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
      try digits()
    }
    return .number(String(decoding: bytes[start..<position], as: UTF8.self))
  }

  private mutating func string() throws(CheckpointError) -> String {
    position += 1
    var start = position
    var text: [UInt8] = []
    while true {
      guard let byte = current else { throw failure("a string without an end") }
      switch byte {
      case UInt8(ascii: "\""):
        text.append(contentsOf: bytes[start..<position])
        position += 1
        guard let string = String(validating: text, as: UTF8.self) else {
          throw failure("a string that is not UTF-8")
        }
        return string
      case UInt8(ascii: "\\"):
        text.append(contentsOf: bytes[start..<position])
        position += 1
        try escape(into: &text)
        start = position
      case 0..<0x20: throw failure("a control character in a string")
      default: position += 1
      }
    }
  }

  private mutating func escape(into text: inout [UInt8]) throws(CheckpointError) {
    guard let byte = current else { throw failure("a string without an end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if code >= 0xD800, code < 0xDC00 {
        guard current == UInt8(ascii: "\\"), position + 1 < bytes.count,
          bytes[position + 1] == UInt8(ascii: "u")
        else { throw failure("half of a surrogate pair") }
        position += 2
        let low = try hexadecimal()
        guard low >= 0xDC00, low < 0xE000 else { throw failure("half of a surrogate pair") }
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw failure("half of a surrogate pair") }
      text.append(contentsOf: Array(String(Character(scalar)).utf8))
    default: throw failure("an unknown escape")
    }
  }

  private mutating func hexadecimal() throws(CheckpointError) -> UInt32 {
    guard bytes.count - position >= 4,
      bytes[position..<position + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let value = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
    else { throw failure("expected four hexadecimal digits") }
    position += 4
    return value
  }
}
