internal import CheckpointFiles
internal import OrderedCollections

/// The settings of a trainer's configuration: the members at the top level of a YAML or JSON file.
///
/// A value of another form than its trainer expects is an error that names the setting; it is never replaced by a
/// default.
struct TrainerSettings {
  private enum Source {
    case json(OrderedDictionary<Key, JSONValue>)
    case yaml(YAMLSections)
  }

  private let source: Source

  /// Reads a JSON object, or the top level of a YAML document.
  ///
  /// - Throws: ``SurgeryError`` when the text is neither.
  init(_ bytes: [UInt8]) throws(SurgeryError) {
    let first = bytes.first { !" \t\r\n".utf8.contains($0) }
    if first == UInt8(ascii: "{") {
      self = try TrainerSettings(json: bytes)
    } else {
      source = .yaml(try YAMLSections(bytes))
    }
  }

  /// Reads a JSON object.
  ///
  /// - Throws: ``SurgeryError`` when the text is not one.
  init(json bytes: [UInt8]) throws(SurgeryError) {
    guard let members = try TrainerSettings.parse(bytes).object else {
      throw .notSettings
    }
    source = .json(members)
  }

  static func parse(_ bytes: [UInt8]) throws(SurgeryError) -> JSONValue {
    do { return try JSONParser.parse(bytes) } catch {
      throw .notJSON(error)
    }
  }

  /// The names of all settings, in order.
  var names: [String] {
    switch source {
    case .json(let members): members.keys.map(\.string)
    case .yaml(let sections): sections.names
    }
  }

  /// The value of a setting; `nil` when it is absent or null. Scalars of YAML are texts.
  ///
  /// - Throws: ``SurgeryError`` when its YAML cannot be read.
  func value(_ name: String) throws(SurgeryError) -> JSONValue? {
    switch source {
    case .json(let members):
      let value = members[Key(name)]
      return value == .null ? nil : value
    case .yaml(let sections):
      let value = try sections.value(name)
      if let text = value?.string, ["null", "Null", "NULL", "~"].contains(Key(text)) {
        return nil
      }
      return value
    }
  }

  /// A list of texts, or one text, which counts as a list of one.
  func texts(_ name: String) throws(SurgeryError) -> [String]? {
    guard let value = try value(name) else { return nil }
    if let text = value.string { return [text] }
    guard let elements = value.array, elements.allSatisfy({ $0.string != nil }) else {
      throw .setting(name, value, expected: "a list of texts")
    }
    return elements.compactMap(\.string)
  }

  /// One text.
  func text(_ name: String) throws(SurgeryError) -> String? {
    guard let value = try value(name) else { return nil }
    guard let text = value.string else {
      throw .setting(name, value, expected: "a text")
    }
    return text
  }

  /// An integer.
  func integer(_ name: String) throws(SurgeryError) -> Int? {
    guard let value = try value(name) else { return nil }
    guard let number = value.integer ?? (isYAML ? value.string.flatMap { Int($0) } : nil) else {
      throw .setting(name, value, expected: "an integer")
    }
    return number
  }

  /// A number.
  func number(_ name: String) throws(SurgeryError) -> Double? {
    guard let value = try value(name) else { return nil }
    guard let number = value.double ?? (isYAML ? value.string.flatMap { Double($0) } : nil) else {
      throw .setting(name, value, expected: "a number")
    }
    return number
  }

  /// A Boolean, in YAML's spellings too.
  func flag(_ name: String) throws(SurgeryError) -> Bool? {
    guard let value = try value(name) else { return nil }
    if let flag = value.bool { return flag }
    if isYAML, let word = value.string.map({ Key($0) }) {
      if TrainerSettings.trueWords.contains(word) { return true }
      if TrainerSettings.falseWords.contains(word) { return false }
    }
    throw .setting(name, value, expected: "true or false")
  }

  /// The spellings of a Boolean in YAML 1.1.
  private static let trueWords: Set<Key> = [
    "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON",
  ]
  private static let falseWords: Set<Key> = [
    "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF",
  ]

  private var isYAML: Bool { if case .yaml = source { true } else { false } }

  /// Whether a setting has a value that does not mean "no".
  private func isSet(_ name: String) -> Bool {
    guard let value = try? value(name) else { return false }
    switch value {
    case .null, .bool(false), .array([]): return false
    case .number(let text): return Double(text) != 0
    case .string(let text):
      return !["", "0", "false", "no", "off", "none"].contains(Key(text.lowercased()))
    case .object(let members): return !members.isEmpty
    default: return true
    }
  }

  /// Refuses settings that a trainer reads and that change what trains in a way that a mask cannot express.
  ///
  /// - Parameter reasons: names of settings, and what each of them does.
  func refuse(_ reasons: KeyValuePairs<String, String>) throws(SurgeryError) {
    for (name, reason) in reasons where try value(name) != nil && isSet(name) {
      throw .isSet(name, reason)
    }
  }

  /// Refuses every setting that is set, is not one of `known`, and whose name says that it is about
  /// what trains.
  func refuseUnknown(except known: Set<Key>, of trainer: String) throws(SurgeryError) {
    let words = [
      "freeze", "frozen", "trainable", "requires_grad", "lisa", "badam", "spectrum", "llama_pro",
    ]
    for name in names where !known.contains(Key(name)) {
      let lower = name.lowercased()
      guard words.contains(where: { lower.containsBytes(of: $0) }) else { continue }
      // What cannot be read is not taken for unset.
      if try value(name) != nil, isSet(name) {
        throw .unknownSetting(name, of: trainer)
      }
    }
  }
}
