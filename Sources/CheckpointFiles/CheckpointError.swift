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
    return text
  }
}

/// `text` in double quotes with control characters escaped, so that a hostile name cannot write to
/// the terminal or break the line.
package func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars.prefix(200) {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    case "\r": result += "\\r"
    default:
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: result.unicodeScalars.append(scalar)
      }
    }
  }
  if text.unicodeScalars.count > 200 { result += "…" }
  return result + "\""
}
