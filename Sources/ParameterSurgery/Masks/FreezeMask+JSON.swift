internal import CheckpointFiles
internal import OrderedCollections

extension FreezeMask {
  static let formatName = "espalier-freeze-mask"
  static let formatVersion = 1

  /// The mask as the text of its file: one tensor a line, in key order, so that a change of mind is
  /// one line in `git diff`. The same mask is always the same text.
  public var jsonText: String {
    var text = "{\n"
    text += "  \"format\": \"\(FreezeMask.formatName)\",\n"
    text += "  \"version\": \(FreezeMask.formatVersion),\n"
    text += "  \"checkpoint\": {\"tensors\": \(states.count), \"layout_sha256\": "
    text += JSONValue.string(layoutDigest).text() + "},\n"
    text += "  \"rules\": ["
    for (index, rule) in rules.enumerated() {
      text += index == 0 ? "\n" : ",\n"
      text += "    {\"\(rule.kind.rawValue)\": " + JSONValue.string(rule.selector).text()
      text += ", \"matched\": \(rule.matched)}"
    }
    text += rules.isEmpty ? "],\n" : "\n  ],\n"
    text += "  \"tensors\": {"
    var isFirst = true
    for (key, state) in states {
      text += isFirst ? "\n" : ",\n"
      isFirst = false
      text += "    "
      JSONValue.writeString(key.string, to: &text)
      text += ": "
      switch state {
      case .trainable: text += "true"
      case .frozen: text += "false"
      case .rows(let rows):
        let ranges = rows.ranges.map { "[\($0.lowerBound), \($0.upperBound)]" }
        text += "{\"train_rows\": [" + ranges.joined(separator: ", ") + "]}"
      }
    }
    return text + (states.isEmpty ? "}\n}\n" : "\n  }\n}\n")
  }

  /// Reads the text of a mask file, strictly: what is not understood is an error.
  ///
  /// - Throws: ``SurgeryError`` naming the member, or the byte where the text is not JSON.
  public init(json bytes: [UInt8]) throws(SurgeryError) {
    let document: JSONValue
    do {
      document = try JSONParser.parse(bytes)
    } catch {
      throw SurgeryError("not a freeze mask: \(error.description)")
    }
    let members = try FreezeMask.members(
      of: document, "the file", ["format", "version", "checkpoint", "rules", "tensors"])
    guard members["format"] == .string(FreezeMask.formatName) else {
      throw SurgeryError("not a freeze mask: `format` is not \"\(FreezeMask.formatName)\"")
    }
    guard members["version"]?.integer == FreezeMask.formatVersion else {
      let found = members["version"]?.text() ?? "missing"
      throw SurgeryError(
        "freeze mask: version \(found) is not supported, only \(FreezeMask.formatVersion) is")
    }
    let checkpoint = try FreezeMask.members(
      of: members["checkpoint"] ?? .null, "`checkpoint`", ["tensors", "layout_sha256"])
    guard let digest = checkpoint["layout_sha256"]?.string, digest.utf8.count == 64,
      digest.utf8.allSatisfy({ "0123456789abcdef".utf8.contains($0) })
    else {
      throw SurgeryError("freeze mask: `layout_sha256` is not 64 lower-case hexadecimal digits")
    }
    guard let listed = members["tensors"]?.object else {
      throw SurgeryError("freeze mask: `tensors` is not an object")
    }
    guard let count = checkpoint["tensors"]?.integer, count == listed.count else {
      throw SurgeryError(
        "freeze mask: `checkpoint` says \(checkpoint["tensors"]?.text() ?? "nothing") tensors, "
          + "\(listed.count) are listed")
    }
    var states: OrderedDictionary<Key, State> = [:]
    states.reserveCapacity(listed.count)
    for (key, value) in listed { states[key] = try FreezeMask.state(value, of: key) }
    self.init(
      states: states, rules: try FreezeMask.rules(members["rules"]), layoutDigest: digest)
  }

  private static func members(
    of value: JSONValue, _ name: String, _ known: [String]
  ) throws(SurgeryError) -> JSONValue {
    guard let object = value.object else {
      throw SurgeryError("freeze mask: \(name) is not an object")
    }
    for key in object.keys where !known.contains(key.string) {
      throw SurgeryError("freeze mask: \(name) has an unknown member \(quoted(key.string))")
    }
    for name in known where object[Key(name)] == nil {
      throw SurgeryError("freeze mask: the member `\(name)` is missing")
    }
    return value
  }

  private static func rules(_ value: JSONValue?) throws(SurgeryError) -> [Rule] {
    guard let list = value?.array else {
      throw SurgeryError("freeze mask: `rules` is not an array")
    }
    return try list.enumerated().map { index, element throws(SurgeryError) in
      if let object = element.object, object.count == 2,
        let matched = element["matched"]?.integer, matched >= 0
      {
        if let selector = element["train"]?.string {
          return Rule(.train, selector, matched: matched)
        }
        if let selector = element["freeze"]?.string {
          return Rule(.freeze, selector, matched: matched)
        }
      }
      throw SurgeryError(
        "freeze mask: rule \(index) is not {\"train\": SELECTOR, \"matched\": N} "
          + "or {\"freeze\": SELECTOR, \"matched\": N}")
    }
  }

  private static func state(_ value: JSONValue, of key: Key) throws(SurgeryError) -> State {
    if let trains = value.bool { return trains ? .trainable : .frozen }
    let name = quoted(key.string)
    guard let object = value.object, object.count == 1, let list = value["train_rows"]?.array
    else {
      throw SurgeryError(
        "freeze mask: \(name) is neither true, false nor {\"train_rows\": [[FROM, TO], …]}")
    }
    var ranges: [Range<Int>] = []
    for pair in list {
      guard let bounds = pair.array, bounds.count == 2, let lower = bounds[0].integer,
        let upper = bounds[1].integer, lower >= 0, lower < upper
      else {
        throw SurgeryError(
          "freeze mask: \(name): \(pair.text()) is not a range [FROM, TO] with 0 ≤ FROM < TO")
      }
      if let last = ranges.last, lower < last.upperBound {
        throw SurgeryError(
          "freeze mask: \(name): the ranges of `train_rows` overlap or are not ascending")
      }
      ranges.append(lower..<upper)
    }
    guard !ranges.isEmpty else {
      throw SurgeryError("freeze mask: \(name): `train_rows` is empty; write false")
    }
    return .rows(RowSet(ranges))
  }
}
