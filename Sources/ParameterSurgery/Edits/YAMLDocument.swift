internal import CheckpointFiles
internal import OrderedCollections

/// The part of YAML that recipes and trainers' settings need: block maps and lists, flow lists and maps on one line, plain and
/// quoted texts, comments. Anchors, tags, several documents and texts over several lines are refused
/// with their line, never misread. Every scalar is a text.
struct YAMLDocument {
  private struct Line {
    var number: Int
    var indent: Int
    var text: Substring
  }

  private var lines: [Line]
  private var position = 0
  private var depth = 0

  static func parse(_ bytes: [UInt8]) throws(SurgeryError) -> JSONValue {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw SurgeryError("the file is not UTF-8")
    }
    var document = try YAMLDocument(text)
    guard let first = document.lines.first else { throw SurgeryError("the document is empty") }
    // A whole document in braces is JSON, over as many lines as it likes.
    if first.text.hasPrefix("{") {
      do {
        return try JSONParser.parse(bytes).withTexts
      } catch {
        throw SurgeryError("\(error.reason)")
      }
    }
    let value = try document.block(indent: first.indent)
    if let line = document.current {
      throw document.failure(line, "the indentation fits nothing above")
    }
    return value
  }

  private init(_ text: String) throws(SurgeryError) {
    lines = []
    for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      let indent = raw.prefix { $0 == " " }.count
      var content = YAMLDocument.withoutComment(raw.dropFirst(indent))
      while let last = content.last, last == " " || last == "\t" { content.removeLast() }
      if content.isEmpty || content == "---" && lines.isEmpty { continue }
      if content.hasPrefix("\t") {
        throw SurgeryError("line \(index + 1): YAML is indented by spaces, not tabs")
      }
      lines.append(Line(number: index + 1, indent: indent, text: content))
    }
  }

  /// The text before a `#` that is outside quotes and begins a word.
  static func withoutComment(_ text: Substring) -> Substring {
    var quote: Character?
    var before: Character = " "
    for index in text.indices {
      let character = text[index]
      if let open = quote {
        if character == open, !(open == "\"" && before == "\\") { quote = nil }
      } else if character == "#", before == " " || before == "\t" {
        return text[..<index]
      } else if character == "\"" || character == "'", " [{,:-".contains(before) {
        quote = character
      }
      before = character
    }
    return text
  }

  private var current: Line? { position < lines.count ? lines[position] : nil }

  private func failure(_ line: Line, _ reason: String) -> SurgeryError {
    SurgeryError("line \(line.number): \(reason)")
  }

  // MARK: - Blocks

  private mutating func block(indent: Int) throws(SurgeryError) -> JSONValue {
    guard let line = current else { throw SurgeryError("a value is missing at the end") }
    depth += 1
    defer { depth -= 1 }
    guard depth < 32 else { throw failure(line, "is nested too deeply") }
    return line.text == "-" || line.text.hasPrefix("- ")
      ? try list(indent: indent) : try map(indent: indent)
  }

  private mutating func list(indent: Int) throws(SurgeryError) -> JSONValue {
    var elements: [JSONValue] = []
    while let line = current, line.indent == indent, line.text == "-" || line.text.hasPrefix("- ") {
      let rest = line.text.dropFirst()
      let value = rest.drop { $0 == " " }
      if value.isEmpty {
        position += 1
        elements.append(try below(line))
      } else if YAMLDocument.member(value) != nil {
        // `- key: value` is a map whose lines stand below the key.
        lines[position].indent = indent + (line.text.count - value.count)
        lines[position].text = value
        elements.append(try block(indent: lines[position].indent))
      } else {
        position += 1
        elements.append(try scalar(value, line))
      }
    }
    return .array(elements)
  }

  private mutating func map(indent: Int) throws(SurgeryError) -> JSONValue {
    var members: OrderedDictionary<Key, JSONValue> = [:]
    while let line = current, line.indent == indent {
      guard let (key, rest) = YAMLDocument.member(line.text) else {
        throw failure(line, "is neither `key: value` nor `- element`")
      }
      position += 1
      guard case .string(let name) = try scalar(key, line) else {
        throw failure(line, "a key is a text")
      }
      let value = rest.isEmpty ? try below(line) : try scalar(rest, line)
      guard members.updateValue(value, forKey: Key(name)) == nil else {
        throw failure(line, "the key \(quoted(name)) stands twice")
      }
    }
    return .object(members)
  }

  /// The block below a line that ends in `:` or `-`. Lists may stand at the indentation of their key.
  private mutating func below(_ line: Line) throws(SurgeryError) -> JSONValue {
    guard let next = current else { throw failure(line, "a value is missing") }
    if next.indent > line.indent { return try block(indent: next.indent) }
    if next.indent == line.indent, next.text.hasPrefix("- "), !line.text.hasPrefix("-") {
      return try block(indent: next.indent)
    }
    throw failure(line, "a value is missing")
  }

  /// `key: value` in two; `nil` when there is no colon that ends a key.
  static func member(_ text: Substring) -> (key: Substring, rest: Substring)? {
    var index = text.startIndex
    if let quote = text.first, quote == "\"" || quote == "'" {
      guard let end = text.dropFirst().firstIndex(of: quote) else { return nil }
      index = text.index(after: end)
    } else if let first = text.first, "[{".contains(first) {
      return nil
    }
    while index < text.endIndex {
      if text[index] == ":" {
        let after = text.index(after: index)
        if after == text.endIndex || text[after] == " " {
          return (text[..<index], text[after...].drop { $0 == " " })
        }
      }
      index = text.index(after: index)
    }
    return nil
  }

  // MARK: - Scalars and flow

  private func scalar(_ text: Substring, _ line: Line) throws(SurgeryError) -> JSONValue {
    var rest = text
    let value = try flow(&rest, line, inFlow: false, depth: 0)
    guard rest.allSatisfy({ $0 == " " }) else {
      throw failure(line, "\(quoted(String(rest))) stands behind the value")
    }
    return value
  }

  private func flow(
    _ text: inout Substring, _ line: Line, inFlow: Bool, depth: Int
  ) throws(SurgeryError) -> JSONValue {
    text = text.drop { $0 == " " }
    guard depth < 32 else { throw failure(line, "is nested too deeply") }
    switch text.first {
    case "[":
      text.removeFirst()
      var elements: [JSONValue] = []
      while true {
        text = text.drop { $0 == " " }
        if text.first == "]" { break }
        elements.append(try flow(&text, line, inFlow: true, depth: depth + 1))
        text = text.drop { $0 == " " }
        if text.first == "," {
          text.removeFirst()
        } else if text.first != "]" {
          throw failure(line, "`[` is not closed on its line")
        }
      }
      text.removeFirst()
      return .array(elements)
    case "\"", "'": return .string(try quotedText(&text, line))
    case "{", "&", "|", ">", "!", "%", "@", "`":
      throw failure(
        line,
        "\(quoted(String(text.prefix(1)))) begins a form of YAML that is not read; put the text in quotes"
      )
    case "*":
      // In YAML an alias; here almost certainly a selector, and other programs would read it as one.
      throw failure(line, "a text that begins with `*` needs quotes")
    default:
      let end = inFlow ? text.firstIndex { $0 == "," || $0 == "]" } : nil
      let part = text[..<(end ?? text.endIndex)].trimmingSpaces
      guard !part.isEmpty else { throw failure(line, "a value is missing") }
      text = end.map { text[$0...] } ?? ""
      return .string(String(part))
    }
  }

  private func quotedText(
    _ text: inout Substring, _ line: Line
  ) throws(SurgeryError) -> String {
    let quote = text.removeFirst()
    var result = ""
    while let character = text.popFirst() {
      if character == quote {
        if quote == "'", text.first == "'" {
          text.removeFirst()
          result.append("'")
          continue
        }
        return result
      }
      guard character == "\\", quote == "\"" else {
        result.append(character)
        continue
      }
      switch text.popFirst() {
      case "n": result.append("\n")
      case "t": result.append("\t")
      case "\\": result.append("\\")
      case "\"": result.append("\"")
      case "/": result.append("/")
      default:
        throw failure(line, "an unknown escape; in 'single quotes' a backslash is a backslash")
      }
    }
    throw failure(line, "a quote is not closed on its line")
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
