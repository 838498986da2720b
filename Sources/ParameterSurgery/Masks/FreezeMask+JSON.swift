internal import CheckpointFiles
internal import OrderedCollections

extension FreezeMask {
  static let formatName = "espalier-freeze-mask"
  static let formatVersion = 1

  /// The mask as the text of its file: one tensor a line, in key order, so that a change of one tensor is one line
  /// in `git diff`. The same mask is always the same text.
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
    self = try MaskFileReader.mask(in: bytes)
  }
}
