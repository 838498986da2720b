internal import CheckpointFiles
internal import OrderedCollections

/// A YAML document as its top-level members, each of which is parsed when it is asked for.
///
/// Configurations of trainers hold much that is of no interest here, in forms that ``YAMLDocument`` does
/// not read. What is asked for is read or refused with its line; the rest is not looked at.
struct YAMLSections {
  private struct Section {
    var line: Int
    var key: Substring
    var rest: Substring
    var below: [Substring] = []
  }

  private var sections: OrderedDictionary<String, Section> = [:]
  private var duplicates: Set<String> = []

  /// - Throws: ``SurgeryError`` when the text is not UTF-8, or not a mapping at its top level.
  init(_ bytes: [UInt8]) throws(SurgeryError) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw SurgeryError("the file is not UTF-8")
    }
    var current: String?
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, raw) in lines.enumerated() {
      let line = YAMLDocument.withoutComment(raw).trimmingEnd
      guard let first = line.first else {
        if let current { sections[current]?.below.append("") }
        continue
      }
      if line == "---", sections.isEmpty { continue }
      if line.hasPrefix("---") || line == "..." || first == "%" {
        throw SurgeryError("line \(index + 1): more than one YAML document is not read")
      }
      let isNested =
        " \t]}".contains(first) || line == "-" || line.hasPrefix("- ")
      if isNested {
        guard let name = current else {
          throw SurgeryError(
            "line \(index + 1): expected `setting: value` at the start of the line")
        }
        sections[name]?.below.append(line)
        continue
      }
      guard let (key, rest) = YAMLDocument.member(line), key != "<<", !line.hasPrefix("? ") else {
        throw SurgeryError("line \(index + 1): expected `setting: value` at the start of the line")
      }
      let name = YAMLSections.unquoted(key)
      if sections[name] != nil { duplicates.insert(name) }
      sections[name] = Section(line: index + 1, key: key, rest: rest)
      current = name
    }
  }

  /// The names, in order.
  var names: [String] { Array(sections.keys) }

  /// The value of a member; `nil` when it is absent or has no value.
  ///
  /// - Throws: ``SurgeryError`` that names the line that cannot be read.
  func value(_ name: String) throws(SurgeryError) -> JSONValue? {
    guard let section = sections[name] else { return nil }
    guard !duplicates.contains(name) else {
      throw SurgeryError("line \(section.line): the setting \(quoted(name)) occurs twice")
    }
    var text = String(repeating: "\n", count: section.line - 1)
    if let first = section.rest.first, first == "[" || first == "{" {
      // A list in brackets may go on over several lines.
      text += "\(section.key): " + ([section.rest] + section.below).joined(separator: " ")
    } else {
      guard !section.rest.isEmpty || section.below.contains(where: { !$0.isEmpty }) else {
        return nil
      }
      text += ([section.key + ": " + section.rest] + section.below).joined(separator: "\n")
    }
    let document = try YAMLDocument.parse(Array(text.utf8))
    return document.object?.values.first
  }

  /// A scalar in single quotes.
  static func scalar(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }

  private static func unquoted(_ key: Substring) -> String {
    guard let quote = key.first, quote == "'" || quote == "\"", key.count > 1, key.last == quote
    else { return String(key) }
    return String(key.dropFirst().dropLast())
  }
}

extension Substring {
  /// Without blanks at the end.
  fileprivate var trimmingEnd: Substring {
    var text = self
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return text
  }
}
