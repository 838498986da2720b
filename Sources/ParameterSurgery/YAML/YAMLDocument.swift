internal import CheckpointFiles
internal import OrderedCollections

/// The part of YAML that recipes and trainers' settings need: block maps and lists, flow lists, plain and quoted texts,
/// comments. Anchors, tags, several documents and texts over several lines are refused with their line, never misread.
/// Every scalar is a text.
struct YAMLDocument {
  private typealias Line = YAMLLines.Line

  /// Values within values; a stack of this height fits every thread.
  private static let mostNested = 32
  /// More values are not read.
  private static let mostValues = 1 << 20

  private var lines: [Line]
  private var position = 0
  private var depth = 0
  private var valueCount = 0

  /// The value of a document.
  ///
  /// - Throws: ``SurgeryError`` with the line that cannot be read.
  static func parse(_ bytes: [UInt8]) throws(SurgeryError) -> JSONValue {
    let lines = try YAMLLines(bytes).lines
    guard let first = lines.first else { throw .yaml(.empty) }
    // A whole document in braces is JSON, over any number of lines.
    guard first.text.first != UInt8(ascii: "{") else {
      do {
        return try JSONParser.parse(bytes).withTexts
      } catch {
        throw .json(error)
      }
    }
    return try parse(lines)
  }

  /// The value of some lines of a document.
  static func parse(_ lines: [YAMLLines.Line]) throws(SurgeryError) -> JSONValue {
    guard let first = lines.first else { throw .yaml(.empty) }
    var document = YAMLDocument(lines: lines)
    let value = try document.block(indent: first.indent)
    if let line = document.current { throw .yaml(.indentation, line: line.number) }
    return value
  }

  private init(lines: [Line]) { self.lines = lines }

  private var current: Line? { position < lines.count ? lines[position] : nil }

  private mutating func count(_ value: JSONValue, _ line: Line) throws(SurgeryError) -> JSONValue {
    valueCount += 1
    guard valueCount <= YAMLDocument.mostValues else { throw .yaml(.tooLong, line: line.number) }
    return value
  }

  // MARK: - Blocks

  private mutating func block(indent: Int) throws(SurgeryError) -> JSONValue {
    guard let line = current else { throw .yaml(.missingValue) }
    depth += 1
    defer { depth -= 1 }
    guard depth < YAMLDocument.mostNested else { throw .yaml(.nesting, line: line.number) }
    return line.isElement ? try list(indent: indent) : try map(indent: indent)
  }

  private mutating func list(indent: Int) throws(SurgeryError) -> JSONValue {
    var elements: [JSONValue] = []
    while let line = current, line.indent == indent, line.isElement {
      let value = line.text.dropFirst().drop { $0 == .space }
      if value.isEmpty {
        position += 1
        elements.append(try below(line))
      } else if YAMLLines.member(value) != nil {
        // `- key: value` is a map whose lines are below the key.
        lines[position].indent = indent + (line.text.count - value.count)
        lines[position].text = value
        elements.append(try block(indent: lines[position].indent))
      } else {
        elements.append(try scalar(value))
      }
    }
    return .array(elements)
  }

  private mutating func map(indent: Int) throws(SurgeryError) -> JSONValue {
    var members: OrderedDictionary<Key, JSONValue> = [:]
    while let line = current, line.indent == indent {
      guard let (key, rest) = YAMLLines.member(line.text) else {
        throw .yaml(.neitherMemberNorElement, line: line.number)
      }
      let name = try YAMLDocument.name(key, line)
      let value: JSONValue
      if rest.isEmpty {
        position += 1
        value = try below(line)
      } else {
        value = try scalar(rest)
      }
      guard members.updateValue(value, forKey: name) == nil else {
        throw .yaml(.duplicateKey(name), line: line.number)
      }
    }
    return .object(members)
  }

  /// The key of a member, which is a text.
  static func name(
    _ text: ArraySlice<UInt8>, _ line: YAMLLines.Line
  ) throws(SurgeryError) -> Key {
    var document = YAMLDocument(
      lines: [Line(number: line.number, indent: line.indent, text: text)])
    guard case .string(let name) = try document.scalar(text) else {
      throw .yaml(.keyIsNotAText, line: line.number)
    }
    return Key(name)
  }

  /// The block below a line that ends in `:` or `-`. Lists may be at the indentation of their key.
  private mutating func below(_ line: Line) throws(SurgeryError) -> JSONValue {
    guard let next = current else { throw .yaml(.missingValue, line: line.number) }
    if next.indent > line.indent { return try block(indent: next.indent) }
    if next.indent == line.indent, next.isElement, !line.isElement {
      return try block(indent: next.indent)
    }
    throw .yaml(.missingValue, line: line.number)
  }

  // MARK: - Scalars and flow

  /// The value that begins with `text` on the current line, which it ends. A list in brackets may end on a later one.
  private mutating func scalar(_ text: ArraySlice<UInt8>) throws(SurgeryError) -> JSONValue {
    var rest = text
    let value = try flow(&rest, inFlow: false, depth: 0)
    guard rest.allSatisfy({ $0 == .space }) else {
      throw .yaml(.unexpected(String(decoding: rest, as: UTF8.self)), line: number)
    }
    position += 1
    return value
  }

  private var number: Int { current?.number ?? lines.last?.number ?? 0 }

  private mutating func flow(
    _ text: inout ArraySlice<UInt8>, inFlow: Bool, depth: Int
  ) throws(SurgeryError) -> JSONValue {
    text = text.drop { $0 == .space }
    guard depth < YAMLDocument.mostNested, let line = current else {
      throw .yaml(.nesting, line: number)
    }
    switch text.first {
    case UInt8(ascii: "["): return try flowList(&text, depth: depth)
    case .doubleQuote, .singleQuote: return try count(.string(try quotedText(&text)), line)
    case let first? where "{&|>!%@`".utf8.contains(first):
      throw .yaml(.form(first), line: line.number)
    case UInt8(ascii: "*"):
      // In YAML an alias; here almost certainly a selector, and other programs would read it as an alias.
      throw .yaml(.star, line: line.number)
    default:
      let end =
        inFlow ? text.firstIndex { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "]") } : nil
      let part = text[text.startIndex..<(end ?? text.endIndex)]
      let value = String(String(decoding: part, as: UTF8.self).trimmingSpaces)
      guard !value.isEmpty else { throw .yaml(.missingValue, line: line.number) }
      text = end.map { text[$0...] } ?? []
      return try count(.string(value), line)
    }
  }

  private mutating func flowList(
    _ text: inout ArraySlice<UInt8>, depth: Int
  ) throws(SurgeryError) -> JSONValue {
    let start = number
    text.removeFirst()
    var elements: [JSONValue] = []
    while true {
      try skipToText(&text, openedAt: start)
      if text.first == UInt8(ascii: "]") { break }
      elements.append(try flow(&text, inFlow: true, depth: depth + 1))
      try skipToText(&text, openedAt: start)
      if text.first == UInt8(ascii: ",") {
        text.removeFirst()
      } else if text.first != UInt8(ascii: "]") {
        throw .yaml(.bracketNotClosed, line: start)
      }
    }
    text.removeFirst()
    guard let line = current else { return .array(elements) }
    return try count(.array(elements), line)
  }

  /// Goes to the next text in brackets, on a later line if need be.
  private mutating func skipToText(
    _ text: inout ArraySlice<UInt8>, openedAt start: Int
  ) throws(SurgeryError) {
    text = text.drop { $0 == .space }
    while text.isEmpty {
      position += 1
      guard let line = current else { throw .yaml(.bracketNotClosed, line: start) }
      text = line.text
    }
  }

  private func quotedText(_ text: inout ArraySlice<UInt8>) throws(SurgeryError) -> String {
    let quote = text.removeFirst()
    var result: [UInt8] = []
    while let byte = text.popFirst() {
      if byte == quote {
        if quote == .singleQuote, text.first == .singleQuote {
          text.removeFirst()
          result.append(quote)
          continue
        }
        return String(decoding: result, as: UTF8.self)
      }
      guard byte == .backslash, quote == .doubleQuote else {
        result.append(byte)
        continue
      }
      switch text.popFirst() {
      case UInt8(ascii: "n"): result.append(.lineFeed)
      case UInt8(ascii: "t"): result.append(.tab)
      case let escaped? where "\\\"/".utf8.contains(escaped): result.append(escaped)
      default: throw .yaml(.escape, line: number)
      }
    }
    throw .yaml(.quoteNotClosed, line: number)
  }
}

extension JSONValue {
  /// The same with numbers and Booleans as texts, as ``YAMLDocument`` has them.
  fileprivate var withTexts: JSONValue {
    switch self {
    case .number(let text): .string(text)
    case .bool(let value): .string(value ? "true" : "false")
    case .array(let elements): .array(elements.map(\.withTexts))
    case .object(let members): .object(members.mapValues(\.withTexts))
    default: self
    }
  }
}
