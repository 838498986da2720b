import CheckpointFiles

/// `text` as it may be shown on a terminal: control characters, invisible characters and the backslash are
/// escaped. The text comes from files that may be hostile.
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
  switch scalar.value {
  // Latin letters, dashes and dots, lines and bars, which this tool draws: looking up their properties would take
  // a third of the time of a long tree.
  case ..<0x300, 0x2010...0x2027, 0x2500...0x259F: return 1
  default: break
  }
  switch scalar.properties.generalCategory {
  case .nonspacingMark, .enclosingMark: return 0
  default: break
  }
  switch scalar.value {
  // Vowels and final consonants that join the syllable before them.
  case 0x1160...0x11FF: return 0
  // Halves of flags.
  case 0x1F1E6...0x1F1FF: return 1
  case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3,
    0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18DFF,
    0x1AFF0...0x1B2FF, 0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
    return 2
  default: return scalar.properties.isEmojiPresentation ? 2 : 1
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

/// `text` in lines of at most `width` columns, broken between words; all lines but the first begin with `continued`
/// spaces.
func wrapped(_ text: String, to width: Int, continued: Int = 0) -> [String] {
  guard displayWidth(text) > width else { return [text] }
  var lines: [String] = []
  var line = ""
  for word in text.split(separator: " ", omittingEmptySubsequences: false) {
    if !line.isEmpty, displayWidth(line) + 1 + displayWidth(String(word)) > width {
      lines.append(line)
      line = String(repeating: " ", count: continued) + word
    } else {
      line += (line.isEmpty ? "" : " ") + word
    }
  }
  return lines + [line]
}

/// `text` right-aligned in a column of `width` characters.
func cell(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}

extension Span<UInt8> {
  /// Whether all bytes are ASCII.
  var isASCII: Bool {
    // Without an early exit this loop is vectorised, and most texts are ASCII.
    var union: UInt8 = 0
    for index in indices { union |= self[index] }
    return union < 0x80
  }
}
