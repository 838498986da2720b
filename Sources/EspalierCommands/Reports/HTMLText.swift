import CheckpointFiles

/// A piece of a page. Text that is inserted with `\(…)` is escaped, so that no text from a file can become part of the
/// page's markup; only literals of the source and other pieces are markup.
struct HTML: ExpressibleByStringInterpolation, Sendable {
  /// The markup.
  private(set) var text: String

  init(stringLiteral value: String) { text = value }

  init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

  /// Collects the parts of a literal.
  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var text = ""

    init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }

    mutating func appendLiteral(_ literal: String) { text += literal }
    mutating func appendInterpolation(_ value: String) { text += escaped(value) }
    mutating func appendInterpolation(_ value: HTML) { text += value.text }
    mutating func appendInterpolation(_ value: Int) { text += String(value) }
  }

  static func + (a: HTML, b: HTML) -> HTML { "\(a)\(b)" }
  static func += (a: inout HTML, b: HTML) { a.text += b.text }

  /// A text of a few words that is markup of the program itself, such as a style sheet.
  static func trusted(_ text: String) -> HTML { HTML(stringLiteral: text) }
}

extension Sequence<HTML> {
  /// The pieces one after another.
  func joined(separator: String = "") -> HTML {
    .trusted(map(\.text).joined(separator: separator))
  }
}

/// `text` as it is written in the text or an attribute of a page.
///
/// Characters that would turn or break the text around them, or that cannot be seen, are replaced. A text does not
/// begin with a combining mark, which Unicode normalization would join with the `>` before it, and has at most
/// eight of them in a row, which would otherwise be drawn over the lines around them.
func escaped(_ text: String) -> String {
  var out = ""
  var marks = 0
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": out += "&amp;"
    case "<": out += "&lt;"
    case ">": out += "&gt;"
    case "\"": out += "&quot;"
    case "'": out += "&#39;"
    case " "..."~": out.unicodeScalars.append(scalar)
    // Joiners, which emoji and some scripts need.
    case "\u{200C}", "\u{200D}": out.unicodeScalars.append(scalar)
    default:
      switch scalar.properties.generalCategory {
      case .nonspacingMark, .enclosingMark:
        marks += 1
        if marks == 1, out.isEmpty {
          out += "&#x\(String(scalar.value, radix: 16));"
        } else if marks <= maximumMarks {
          out.unicodeScalars.append(scalar)
        } else if marks == maximumMarks + 1 {
          out += "\u{FFFD}"
        }
        continue
      case _ where scalar.isUnprintable: out += "\u{FFFD}"
      default: out.unicodeScalars.append(scalar)
      }
    }
    marks = 0
  }
  return out
}

private let maximumMarks = 8

/// At most `limit` scalars of `text`, its start and its end when it is longer.
func clipped(_ text: String, to limit: Int = 240) -> String {
  // No text of so few bytes has more scalars.
  guard text.utf8.count > limit, text.unicodeScalars.count > limit else { return text }
  let half = (limit - 1) / 2
  return text.scalars(upTo: half) + "…"
    + String(String.UnicodeScalarView(text.unicodeScalars.suffix(limit - 1 - half)))
}

/// A text of a data file on one line, of at most `limit` scalars.
func excerpt(_ text: String, to limit: Int = 400) -> String {
  var line = String.UnicodeScalarView()
  for scalar in text.unicodeScalars.prefix(limit) {
    line.append("\n\r\t".unicodeScalars.contains(scalar) ? " " : scalar)
  }
  return String(line) + (line.count < text.unicodeScalars.count ? "…" : "")
}

/// A key for a page: escaped, of bounded length, with places where its line may break after dots and underscores.
func keyText(_ key: String) -> HTML { breakable(shown(key)) }

/// The same for a text that a terminal may show as it is.
func breakable(_ text: String) -> HTML {
  var pieces: [HTML] = []
  var piece = String.UnicodeScalarView()
  for scalar in clipped(text).unicodeScalars {
    piece.append(scalar)
    if scalar == "." || scalar == "_" {
      pieces.append("\(String(piece))")
      piece = String.UnicodeScalarView()
    }
  }
  return (pieces + ["\(String(piece))"]).joined(separator: "<wbr>")
}

/// A command of the program as a user types it. A short word is not broken into two lines.
func commandText(_ words: [String]) -> HTML {
  let parts = (["espalier"] + words.prefix(400)).map { word -> HTML in
    let text = clipped(Advice.shellWord(shown(word)), to: 300)
    return text.utf8.count <= 36 ? "<span class=\"word\">\(text)</span>" : "\(text)"
  }
  return "<pre><code>\(parts.joined(separator: " "))\(words.count > 400 ? " …" : "")</code></pre>"
}
