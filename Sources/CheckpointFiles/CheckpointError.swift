/// Why a checkpoint could not be read or written, and where.
///
/// The description is the sentence that a user reads: `FILE: what is wrong, where`. Its wording may
/// change; ``path``, ``key``, ``record`` and ``offset`` are for programs.
public struct CheckpointError: Error, Sendable, Hashable {
  /// The file, as the caller spelled it.
  public var path: String
  /// The tensor concerned, if it is about one.
  public var key: Key?
  /// The record of a zip archive concerned, such as `archive/data/0`.
  public var record: String?
  /// The byte offset in the file (or record), if known.
  public var offset: Int?
  /// What is wrong, in words.
  public var reason: String

  package init(
    path: String = "", key: Key? = nil, record: String? = nil, offset: Int? = nil, _ reason: String
  ) {
    self.path = path
    self.key = key
    self.record = record
    self.offset = offset
    self.reason = reason
  }
}

extension CheckpointError: CustomStringConvertible {
  /// `FILE: what is wrong (where)`, on one line.
  public var description: String {
    var text = path.isEmpty ? reason : "\(path): \(reason)"
    var places: [String] = []
    if let key { places.append("key \(quoted(key.string))") }
    if let record { places.append("record \(quoted(record))") }
    if let offset { places.append("byte \(offset)") }
    if !places.isEmpty { text += " (\(places.joined(separator: ", ")))" }
    return oneLine(text)
  }
}

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

  /// What stands for a scalar that is not printed as it is.
  fileprivate var controlEscape: String? {
    switch self {
    case "\n": return "\\n"
    case "\t": return "\\t"
    case "\r": return "\\r"
    default: return isUnprintable ? "\\u{" + String(value, radix: 16) + "}" : nil
    }
  }
}
