internal import OrderedCollections

extension JSONParser {
  /// A container that is not complete yet. Both sorts are in one struct, so that they are changed in place.
  private struct Container {
    let isObject: Bool
    var elements: [JSONValue] = []
    var members: OrderedDictionary<Key, JSONValue> = [:]
    /// The name of the member whose value is read, and where it is in the file.
    var name: Key = ""
    var offset = 0

    /// Adds the value that was read; `false` when the object has a member of its name.
    mutating func add(_ value: JSONValue) -> Bool {
      if isObject { return members.updateValue(value, forKey: name) == nil }
      elements.append(value)
      return true
    }
  }

  /// Reads any value into a tree.
  @_lifetime(self: copy self)
  package mutating func value() throws(CheckpointError) -> JSONValue {
    var open: [Container] = []
    while true {
      var value: JSONValue
      if current == UInt8(ascii: "{") || current == UInt8(ascii: "[") {
        let isObject = try enter(depth: open.count)
        if take(UInt8(ascii: isObject ? "}" : "]")) {
          value = isObject ? .object([:]) : .array([])
        } else {
          open.append(Container(isObject: isObject))
          if isObject {
            (open[open.count - 1].name, open[open.count - 1].offset) = try memberName()
          }
          continue
        }
      } else {
        value = try scalarValue()
      }
      // The value is complete, and with it perhaps the containers that it is the last element of.
      while true {
        try charge(JSONParser.memoryByteCount(of: value))
        guard let place = open.indices.last else { return value }
        guard open[place].add(value) else {
          throw CheckpointError.jsonDuplicateName(open[place].name.string)
            .located(offset: open[place].offset)
        }
        let isObject = open[place].isObject
        if try another(before: UInt8(ascii: isObject ? "}" : "]")) {
          if isObject { (open[place].name, open[place].offset) = try memberName() }
          break
        }
        let container = open.removeLast()
        value = isObject ? .object(container.members) : .array(container.elements)
      }
    }
  }

  /// Takes the name of a member and the colon after it; where it is in the file.
  @_lifetime(self: copy self)
  private mutating func memberName() throws(CheckpointError) -> (name: Key, offset: Int) {
    let offset = base + position
    guard current == UInt8(ascii: "\"") else { throw failure(.jsonNoName) }
    let name = Key(try string())
    try expect(UInt8(ascii: ":"))
    // A name, and its place in a table.
    try charge(48 + name.string.utf8.count)
    return (name, offset)
  }

  @_lifetime(self: copy self)
  private mutating func scalarValue() throws(CheckpointError) -> JSONValue {
    switch try scalar() {
    case .null: return .null
    case .bool(let value): return .bool(value)
    case .number(let range): return .number(text(in: range) ?? "")
    case .string(let range, let isEscaped):
      return .string(try string(in: range, isEscaped: isEscaped))
    }
  }

  /// The approximate memory that a value takes, without its elements.
  private static func memoryByteCount(of value: JSONValue) -> Int {
    // A place in an array that grows, and the header of an object.
    let place = 2 * MemoryLayout<JSONValue>.stride
    switch value {
    case .string(let text), .number(let text):
      return text.utf8.count < 16 ? place : place + 32 + text.utf8.count
    case .array, .object: return place + 64
    default: return place
    }
  }

  // MARK: Escapes

  /// The bytes of the string in `range`, with its escapes replaced.
  @_lifetime(self: copy self)
  mutating func unescaped(_ range: Range<Int>) throws(CheckpointError) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(range.count)
    var index = range.lowerBound
    while index < range.upperBound {
      let byte = bytes[index]
      index += 1
      guard byte == UInt8(ascii: "\\") else {
        text.append(byte)
        continue
      }
      // A backslash is never the last byte: the quotation mark after it would be escaped.
      let escape = bytes[index]
      index += 1
      switch escape {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escape)
      case UInt8(ascii: "b"): text.append(0x08)
      case UInt8(ascii: "f"): text.append(0x0C)
      case UInt8(ascii: "n"): text.append(0x0A)
      case UInt8(ascii: "r"): text.append(0x0D)
      case UInt8(ascii: "t"): text.append(0x09)
      case UInt8(ascii: "u"):
        var code = try hexadecimal(at: &index, before: range.upperBound)
        if code >= 0xD800, code < 0xDC00, range.upperBound - index >= 2,
          bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u")
        {
          index += 2
          let low = try hexadecimal(at: &index, before: range.upperBound)
          // A number that no scalar has, when the second half is missing.
          code =
            (0xDC00..<0xE000).contains(low)
            ? 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) : 0xD800
        }
        guard let scalar = Unicode.Scalar(code) else {
          throw failure(.jsonLoneSurrogate, at: index)
        }
        UTF8.encode(scalar).map { text.append(contentsOf: $0) }
      default: throw failure(.jsonUnknownEscape, at: index)
      }
    }
    return text
  }

  /// Takes four digits.
  @_lifetime(self: copy self)
  private mutating func hexadecimal(
    at index: inout Int, before end: Int
  ) throws(CheckpointError) -> UInt32 {
    guard end - index >= 4 else { throw failure(.jsonNoHexadecimal, at: index) }
    var value: UInt32 = 0
    for _ in 0..<4 {
      let byte = bytes[index]
      switch byte {
      case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
      case 0x41...0x46, 0x61...0x66: value = value << 4 | UInt32((byte | 0x20) - 0x61 + 10)
      default: throw failure(.jsonNoHexadecimal, at: index)
      }
      index += 1
    }
    return value
  }

  /// `error` at the byte `index` of the text.
  private func failure(_ error: CheckpointError, at index: Int) -> CheckpointError {
    error.located(offset: base + index)
  }
}
