internal import CheckpointFiles

/// A regular expression of a Python program.
struct PythonRegex {
  private var matcher: KeyExpression.Matcher

  /// - Throws: ``SurgeryError`` that quotes an expression that cannot be read.
  init(_ pattern: String) throws(SurgeryError) {
    do {
      matcher = try KeyExpression(pattern, .typed).matcher(keepsGroups: true)
    } catch {
      throw .invalidExpression(pattern, error.reason)
    }
  }

  /// `re.match`: from the start, to anywhere.
  mutating func match(_ text: String) -> Range<String.Index>? { matcher.range(in: text, .prefix) }

  /// `re.search`: anywhere.
  mutating func search(_ text: String) -> Range<String.Index>? {
    matcher.range(in: text, .anywhere)
  }

  /// `re.fullmatch`: from the start to the end.
  mutating func fullMatch(_ text: String) -> Bool { matcher.matches(text, .whole) }

  /// The text of the first group of `re.match`.
  mutating func firstGroup(_ text: String) -> Substring? {
    guard let groups = matcher.groups(of: text, .prefix), groups.count > 1 else { return nil }
    return groups[1].map { text[$0] }
  }

  /// The expression that matches `text` alone.
  static func escaped(_ text: String, dots: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if "\\^$*+?{}[]|()".unicodeScalars.contains(scalar) || (dots && scalar == ".") {
        result += "\\"
      }
      result.unicodeScalars.append(scalar)
    }
    return result
  }
}
