internal import CheckpointFiles
internal import OrderedCollections

/// A YAML document as its top-level members, each of which is parsed when its value is needed.
///
/// Configurations of trainers hold many settings that a mask does not depend on, in forms that ``YAMLDocument`` does
/// not read. A setting that is needed is read or refused with its line; the others are not parsed.
struct YAMLSections {
  private struct Section {
    var line: Int
    var key: Substring
    var rest: Substring
    var below: [Substring] = []
  }

  private var sections: OrderedDictionary<Key, Section> = [:]
  private var duplicates: Set<Key> = []

  /// - Throws: ``SurgeryError`` when the text is not UTF-8, or not a mapping at its top level.
  init(_ bytes: [UInt8]) throws(SurgeryError) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .textIsNotUTF8
    }
    var current: Key?
    for (index, raw) in YAMLSections.lines(of: text).enumerated() {
      let line = YAMLDocument.withoutComment(raw).trimmingEnd
      guard let first = line.unicodeScalars.first else {
        if let current { sections[current]?.below.append("") }
        continue
      }
      if line.isExactly("---"), sections.isEmpty { continue }
      if line.beginsExactly(with: "---") || line.isExactly("...") || first == "%" {
        throw .severalDocuments(line: index + 1)
      }
      let isNested =
        " \t]}".unicodeScalars.contains(first) || line.isExactly("-")
        || line.beginsExactly(with: "- ")
      if isNested {
        guard let name = current else { throw .expectedSetting(line: index + 1) }
        sections[name]?.below.append(line)
        continue
      }
      guard let (key, rest) = YAMLDocument.member(line), !key.isExactly("<<"),
        !line.beginsExactly(with: "? ")
      else { throw .expectedSetting(line: index + 1) }
      let name = Key(YAMLSections.unquoted(key))
      if sections[name] != nil { duplicates.insert(name) }
      sections[name] = Section(line: index + 1, key: key, rest: rest)
      current = name
    }
  }

  /// The names, in order.
  var names: [String] { sections.keys.map(\.string) }

  /// The value of a member; `nil` when it is absent or has no value.
  ///
  /// - Throws: ``SurgeryError`` that names the line that cannot be read.
  func value(_ name: String) throws(SurgeryError) -> JSONValue? {
    guard let section = sections[Key(name)] else { return nil }
    guard !duplicates.contains(Key(name)) else {
      throw .duplicateSetting(name, line: section.line)
    }
    var text = String(repeating: "\n", count: section.line - 1)
    if section.rest.beginsExactly(with: "[") || section.rest.beginsExactly(with: "{") {
      // A list in brackets may extend over several lines.
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
    "'"
      + text.unicodeScalars.split(separator: "'", omittingEmptySubsequences: false)
      .map { String($0) }.joined(separator: "''") + "'"
  }

  private static func unquoted(_ key: Substring) -> String {
    let text = key.unicodeScalars
    guard let quote = text.first, quote == "'" || quote == "\"", text.count > 1, text.last == quote
    else { return String(key) }
    return String(text.dropFirst().dropLast())
  }

  /// The lines of a text; CR LF is one end of a line.
  private static func lines(of text: String) -> [Substring] {
    let scalars = text.unicodeScalars
    var lines: [Substring] = []
    var start = scalars.startIndex
    var index = start
    while index < scalars.endIndex {
      let scalar = scalars[index]
      let next = scalars.index(after: index)
      switch scalar.value {
      case 0x0A...0x0D, 0x85, 0x2028, 0x2029:
        lines.append(text[start..<index])
        start =
          scalar == "\r" && next < scalars.endIndex && scalars[next] == "\n"
          ? scalars.index(after: next) : next
        index = start
      default: index = next
      }
    }
    lines.append(text[start...])
    return lines
  }
}

extension Substring {
  /// Without blanks at the end.
  fileprivate var trimmingEnd: Substring {
    let bytes = utf8
    let end = bytes.lastIndex { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
    return end.map { self[...$0] } ?? self[..<startIndex]
  }
}
