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

/// `text` with a part cut out so that it takes `width` columns: for a key the least informative part, which is
/// near its start and not its numbers or its end; for any other text the middle.
func middleTruncated(_ text: String, to width: Int) -> String {
  guard displayWidth(text) > width else { return text }
  guard width >= 5 else { return truncated(text, to: width) }
  let characters = Array(text)
  let widths = characters.map { displayWidth(String($0)) }
  let costs = elisionCosts(characters)
  let excess = widths.reduce(0, +) - width + 1
  // Of all shortest parts that are wide enough, the cheapest; of equal ones, the one nearest to the middle.
  var best: (range: Range<Int>, cost: Int, distance: Int)?
  var (end, cut, cost) = (0, 0, 0)
  for start in characters.indices {
    while cut < excess, end < characters.count {
      cut += widths[end]
      cost += costs[end]
      end += 1
    }
    guard cut >= excess else { break }
    let distance = abs(start + end - characters.count)
    if best.map({ (cost, distance) < ($0.cost, $0.distance) }) ?? true {
      best = (start..<end, cost, distance)
    }
    cut -= widths[start]
    cost -= costs[start]
  }
  guard let range = best?.range else { return truncated(text, to: width) }
  return String(characters[..<range.lowerBound]) + "…" + String(characters[range.upperBound...])
}

/// The cost of leaving out each character: for a key, highest at the end and lowest before its first number.
private func elisionCosts(_ characters: [Character]) -> [Int] {
  var costs = [Int](repeating: 1, count: characters.count)
  guard characters.contains(".") else { return costs }
  let firstNumber = characters.firstIndex { $0.isNumber || $0 == "[" } ?? 0
  var distance = 0
  var end = characters.count
  for index in characters.indices.reversed() where index == 0 || characters[index] == "." {
    let part = characters[index..<end].drop { $0 == "." }
    let isNumber = part.first == "[" || !part.isEmpty && part.allSatisfy(\.isNumber)
    let middle = index < firstNumber ? 1 : 3
    let cost = distance == 0 ? 40 : isNumber ? 6 : distance == 1 ? 10 : middle
    for place in part.indices { costs[place] = cost }
    distance += 1
    end = index
  }
  // The branches of a tree, and the arrow between two keys.
  for (index, character) in characters.enumerated() where "│├└─ =>".contains(character) {
    costs[index] = 50
  }
  return costs
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
