/// `text` in double quotes with control characters escaped, so that a hostile name cannot write to
/// the terminal or break the line.
package func quoted(_ text: String) -> String {
  guard text.unicodeScalars.count > 200 else { return quotedInFull(text) }
  var beginning = ""
  beginning.unicodeScalars.append(contentsOf: text.unicodeScalars.prefix(200))
  return quotedInFull(beginning).dropLast() + "…\""
}

/// The same, however long `text` is.
func quotedInFull(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    default:
      if let escape = scalar.controlEscape {
        result += escape
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
  }
  return result + "\""
}

/// `sentence` on one line, whatever it repeats of a file or a command: control characters are escaped.
package func oneLine(_ sentence: String) -> String {
  guard sentence.unicodeScalars.contains(where: { $0.controlEscape != nil }) else {
    return sentence
  }
  var result = ""
  for scalar in sentence.unicodeScalars {
    if let escape = scalar.controlEscape {
      result += escape
    } else {
      result.unicodeScalars.append(scalar)
    }
  }
  return result
}

extension Unicode.Scalar {
  /// Whether the scalar moves a terminal's cursor, ends a line, reverses the direction of text or cannot be
  /// seen. Printed as it is, it could make a text look like another one.
  package var isUnprintable: Bool {
    if (0x20...0x7E).contains(value) { return false }
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: return true
    default: return false
    }
  }

  /// What is printed in place of a scalar.
  fileprivate var controlEscape: String? {
    switch self {
    case "\n": return "\\n"
    case "\t": return "\\t"
    case "\r": return "\\r"
    default: return isUnprintable ? "\\u{" + String(value, radix: 16) + "}" : nil
    }
  }
}
