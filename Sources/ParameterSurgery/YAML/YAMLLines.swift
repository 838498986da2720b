/// The lines of a YAML document that hold something, without comments.
///
/// Everything is bytes: Swift's characters would join a quote and a mark that follows it.
struct YAMLLines {
  /// A line and where it is.
  struct Line {
    var number: Int
    var indent: Int
    var text: ArraySlice<UInt8>

    /// Whether the line is an element of a list.
    var isElement: Bool { text.first == .dash && (text.count == 1 || text.second == .space) }
  }

  /// More lines are not read: each costs more memory than it has bytes.
  private static let mostLines = 1 << 20

  var lines: [Line] = []

  /// - Throws: ``SurgeryError`` when the text is not UTF-8, is indented by tabs, or has a second document.
  init(_ bytes: [UInt8]) throws(SurgeryError) {
    guard String(validating: bytes, as: UTF8.self) != nil else { throw .notUTF8 }
    var number = 0
    var start = bytes.startIndex
    while start <= bytes.endIndex {
      number += 1
      var end = start
      while end < bytes.endIndex, bytes[end] != .lineFeed, bytes[end] != .carriageReturn {
        end += 1
      }
      let indent = bytes[start..<end].prefix { $0 == .space }.count
      let text = YAMLLines.content(bytes[(start + indent)..<end])
      try append(Line(number: number, indent: indent, text: text))
      let isPair = end + 1 < bytes.endIndex && bytes[end] == .carriageReturn
      start = end + (isPair && bytes[end + 1] == .lineFeed ? 2 : 1)
    }
  }

  private mutating func append(_ line: Line) throws(SurgeryError) {
    let text = line.text
    if text.isEmpty { return }
    if text.first == .tab { throw .yaml(.tab, line: line.number) }
    if line.indent == 0 {
      let isStart = text.starts(with: "---".utf8)
      if isStart, text.count == 3, lines.isEmpty { return }
      if isStart || text.elementsEqual("...".utf8) || text.first == UInt8(ascii: "%") {
        throw .yaml(.secondDocument, line: line.number)
      }
    }
    guard lines.count < YAMLLines.mostLines else { throw .yaml(.tooLong, line: line.number) }
    lines.append(line)
  }

  /// The text before a `#` that is outside quotes and begins a word, without blanks at its end.
  private static func content(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var quote: UInt8?
    var before = UInt8.space
    var end = text.endIndex
    scan: for index in text.indices {
      let byte = text[index]
      if let open = quote {
        if byte == open, !(open == .doubleQuote && before == .backslash) { quote = nil }
      } else if byte == UInt8(ascii: "#"), before == .space || before == .tab {
        end = index
        break scan
      } else if byte == .doubleQuote || byte == .singleQuote, " [{,:-".utf8.contains(before) {
        quote = byte
      }
      before = byte
    }
    while end > text.startIndex, text[end - 1] == .space || text[end - 1] == .tab { end -= 1 }
    return text[text.startIndex..<end]
  }

  /// `key: value` in two; `nil` when there is no colon that ends a key.
  static func member(
    _ text: ArraySlice<UInt8>
  ) -> (key: ArraySlice<UInt8>, rest: ArraySlice<UInt8>)? {
    var index = text.startIndex
    if let quote = text.first, quote == .doubleQuote || quote == .singleQuote {
      guard let end = text.dropFirst().firstIndex(of: quote) else { return nil }
      index = end + 1
    } else if let first = text.first, "[{".utf8.contains(first) {
      return nil
    }
    while index < text.endIndex {
      if text[index] == UInt8(ascii: ":"), index + 1 == text.endIndex || text[index + 1] == .space {
        return (text[text.startIndex..<index], text[(index + 1)...].drop { $0 == .space })
      }
      index += 1
    }
    return nil
  }
}

extension UInt8 {
  static let space = UInt8(ascii: " ")
  static let tab = UInt8(ascii: "\t")
  static let lineFeed = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let dash = UInt8(ascii: "-")
  static let doubleQuote = UInt8(ascii: "\"")
  static let singleQuote = UInt8(ascii: "'")
  static let backslash = UInt8(ascii: "\\")
}

extension ArraySlice<UInt8> {
  /// The element after the first.
  var second: UInt8? { count > 1 ? self[startIndex + 1] : nil }
}
