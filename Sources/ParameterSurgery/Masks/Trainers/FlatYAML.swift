internal import CheckpointFiles

/// The part of YAML that training configurations write their freeze settings in: `key: value` at the
/// start of a line, and lists as `[a, b]` or as indented `- item` lines. Everything else is skipped.
struct FlatYAML {
  private var lists: [String: [String]] = [:]

  init(_ text: String) {
    var open: String?
    for line in text.split(whereSeparator: \.isNewline) {
      let line = FlatYAML.withoutComment(line)
      let body = line.drop { $0 == " " || $0 == "\t" }
      if body.isEmpty { continue }
      if let key = open, body.hasPrefix("- ") {
        lists[key, default: []].append(FlatYAML.scalar(body.dropFirst(2)))
        continue
      }
      guard body.count == line.count, let colon = line.firstIndex(of: ":") else { continue }
      let key = String(line[..<colon])
      let value = FlatYAML.trimmed(line[line.index(after: colon)...])
      open = value.isEmpty ? key : nil
      if value.isEmpty { lists[key] = [] } else { lists[key] = FlatYAML.items(value) }
    }
  }

  /// The items of a list, or the one of a scalar; `nil` when there is no such key.
  subscript(key: String) -> [String]? { lists[key] }

  /// A scalar in single quotes.
  static func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }

  private static func items(_ value: Substring) -> [String] {
    guard value.hasPrefix("["), value.hasSuffix("]"), value.count >= 2 else {
      return [scalar(value)]
    }
    return value.dropFirst().dropLast().split(separator: ",").map { scalar($0) }
  }

  private static func scalar(_ text: Substring) -> String {
    let text = trimmed(text)
    guard let quote = text.first, quote == "'" || quote == "\"", text.last == quote, text.count > 1
    else { return String(text) }
    let inner = text.dropFirst().dropLast()
    if quote == "'" {
      return inner.split(separator: "''", omittingEmptySubsequences: false).joined(separator: "'")
    }
    var result = ""
    var escaped = false
    for character in inner {
      if character == "\\", !escaped {
        escaped = true
      } else {
        result.append(character)
        escaped = false
      }
    }
    return result
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop { $0 == " " || $0 == "\t" }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return text
  }

  /// `#` begins a comment at the start of a line and after a blank, outside of quotes.
  private static func withoutComment(_ line: Substring) -> Substring {
    var quote: Character?
    var previous: Character = " "
    for index in line.indices {
      let character = line[index]
      if let open = quote {
        if character == open { quote = nil }
      } else if character == "'" || character == "\"", " [,-".contains(previous) {
        quote = character
      } else if character == "#", previous == " " || previous == "\t" {
        return trimmed(line[..<index]).isEmpty ? "" : line[..<index]
      }
      previous = character
    }
    return line
  }
}
