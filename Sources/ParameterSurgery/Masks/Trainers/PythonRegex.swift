internal import CheckpointFiles

/// A regular expression of a Python program.
struct PythonRegex {
  private let regex: Regex<AnyRegexOutput>

  /// - Throws: ``SurgeryError`` that quotes an expression that cannot be read.
  init(_ pattern: String) throws(SurgeryError) {
    do {
      regex = try Regex(pattern).matchingSemantics(.unicodeScalar)
    } catch {
      throw SurgeryError("\(quoted(pattern)) is not a regular expression that can be read here")
    }
  }

  /// `re.match`: from the start, to anywhere.
  func match(_ text: String) -> Range<String.Index>? {
    (try? regex.prefixMatch(in: text))?.range
  }

  /// `re.search`: anywhere.
  func search(_ text: String) -> Range<String.Index>? {
    (try? regex.firstMatch(in: text))?.range
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

/// Names are compared byte by byte, as Python compares them.
extension String {
  /// Where `prefix` stands at the start.
  func rangeOfPrefix(_ prefix: String) -> Range<Index>? {
    guard utf8.starts(with: prefix.utf8) else { return nil }
    return startIndex..<utf8.index(startIndex, offsetBy: prefix.utf8.count)
  }

  func endsExactly(with suffix: String) -> Bool {
    utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }
}
