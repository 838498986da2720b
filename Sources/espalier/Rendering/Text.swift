/// `text` as it may be shown on a terminal: control and invisible characters, and the backslash that
/// stands for them, are escaped. The names come from files that anybody can write.
func shown(_ text: String) -> String {
  if text.utf8.span.isPlain { return text }
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    case "\r": result += "\\r"
    default:
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse,
        .unassigned:
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: result.unicodeScalars.append(scalar)
      }
    }
  }
  return result
}

/// The columns that `text` takes on a terminal.
func displayWidth(_ text: String) -> Int {
  if text.utf8.span.isASCII { return text.utf8.count }
  return text.unicodeScalars.reduce(0) { $0 + displayWidth($1) }
}

private func displayWidth(_ scalar: Unicode.Scalar) -> Int {
  switch scalar.properties.generalCategory {
  case .nonspacingMark, .enclosingMark: return 0
  default: break
  }
  switch scalar.value {
  case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
    0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF,
    0x20000...0x3FFFD:
    return 2
  default: return 1
  }
}

/// `text` cut to `width` columns, the last of them `…`.
func truncated(_ text: String, to width: Int) -> String {
  guard displayWidth(text) > width else { return text }
  guard width > 1 else { return width == 1 ? "…" : "" }
  var result = ""
  var columns = 0
  for character in text {
    let next = displayWidth(String(character))
    if columns + next > width - 1 { break }
    columns += next
    result.append(character)
  }
  return result + "…"
}

/// `text` with its middle cut out so that it takes `width` columns: both ends of a key tell what it
/// is.
func middleTruncated(_ text: String, to width: Int) -> String {
  guard displayWidth(text) > width else { return text }
  guard width >= 5 else { return truncated(text, to: width) }
  let tail = (width - 1) * 2 / 3
  var end = ""
  var columns = 0
  for character in text.reversed() {
    let next = displayWidth(String(character))
    if columns + next > tail { break }
    columns += next
    end.append(character)
  }
  return truncated(text, to: width - columns) + String(end.reversed())
}

/// `text` in lines of at most `width` columns, broken between words.
func wrapped(_ text: String, to width: Int) -> [String] {
  guard displayWidth(text) > width else { return [text] }
  var lines: [String] = []
  var line = ""
  for word in text.split(separator: " ", omittingEmptySubsequences: false) {
    if !line.isEmpty, displayWidth(line) + 1 + displayWidth(String(word)) > width {
      lines.append(line)
      line = String(word)
    } else {
      line += (line.isEmpty ? "" : " ") + word
    }
  }
  return lines + [line]
}

/// `text` at the right of a column of `width` characters.
func cell(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}

// Without an early exit these loops become vector instructions; most texts are what they hope for.
extension Span<UInt8> {
  /// Whether there is nothing but ASCII.
  var isASCII: Bool {
    var union: UInt8 = 0
    for index in indices { union |= self[index] }
    return union < 0x80
  }

  /// Whether all are visible characters of ASCII, or spaces, and none a backslash.
  fileprivate var isPlain: Bool {
    var others: UInt8 = 0
    for index in indices {
      let byte = self[index]
      others |= byte &- 0x20 > 0x5E || byte == UInt8(ascii: "\\") ? 1 : 0
    }
    return others == 0
  }
}
