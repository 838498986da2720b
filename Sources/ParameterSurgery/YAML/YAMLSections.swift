internal import CheckpointFiles
internal import OrderedCollections

/// A YAML document as its top-level members, each of which is parsed when it is asked for.
///
/// Configurations of trainers hold much that is of no interest here, in forms that ``YAMLDocument`` does
/// not read. What is asked for is read or refused with its line; the rest is not looked at.
struct YAMLSections {
  private var sections: OrderedDictionary<Key, [YAMLLines.Line]> = [:]
  private var duplicates: Set<Key> = []

  /// - Throws: ``SurgeryError`` when the text is not UTF-8, or not a mapping at its top level.
  init(_ bytes: [UInt8]) throws(SurgeryError) {
    var current: Key?
    for line in try YAMLLines(bytes).lines {
      let isNested =
        line.indent > 0 || line.isElement || "]}".utf8.contains(line.text.first ?? .space)
      if isNested {
        guard let current else { throw .yaml(.notASetting, line: line.number) }
        sections[current]?.append(line)
        continue
      }
      guard let (key, _) = YAMLLines.member(line.text), !key.elementsEqual("<<".utf8),
        !line.text.starts(with: "? ".utf8)
      else { throw .yaml(.notASetting, line: line.number) }
      let name = YAMLSections.unquoted(key)
      if sections[name] != nil { duplicates.insert(name) }
      sections[name] = [line]
      current = name
    }
  }

  /// The names, in order.
  var names: [String] { sections.keys.map(\.string) }

  /// The value of a member; `nil` when it is absent or has no value.
  ///
  /// - Throws: ``SurgeryError`` that names the line that cannot be read.
  func value(_ name: String) throws(SurgeryError) -> JSONValue? {
    guard let lines = sections[Key(name)], let first = lines.first else { return nil }
    guard !duplicates.contains(Key(name)) else {
      throw .yaml(.duplicateSetting(Key(name)), line: first.number)
    }
    if lines.count == 1, YAMLLines.member(first.text)?.rest.isEmpty ?? true { return nil }
    return try YAMLDocument.parse(lines).object?.values.first
  }

  /// A scalar in single quotes.
  static func scalar(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }

  private static func unquoted(_ key: ArraySlice<UInt8>) -> Key {
    let isQuoted =
      key.count > 1 && key.first == key.last
      && (key.first == .doubleQuote || key.first == .singleQuote)
    return Key(String(decoding: isQuoted ? key.dropFirst().dropLast() : key, as: UTF8.self))
  }
}
