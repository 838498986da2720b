internal import CheckpointFiles

/// One element of a list of labels.
struct LabelElement {
  var text: String
  /// Whether it is 1 or 0, where it can be meant so.
  var bit: Bool?
  /// Whether it is a number of JSON that is not an integer.
  var isFraction = false

  /// An element of a cell, whose numbers cannot be distinguished from names.
  init(cell: String) {
    text = cell
    bit = LabelElement.bit(cell)
  }

  /// A string, which is a name, a number or a truth value; `nil` for anything else.
  init?(_ value: JSONValue) {
    switch value {
    // Lists of "0" and "1" that all have the same length are no names: every one would hold the same two.
    case .string(let text):
      (self.text, bit) = (text, text.isSame(as: "0") ? false : text.isSame(as: "1") ? true : nil)
    case .number(let text):
      (self.text, bit) = (text, LabelElement.bit(text))
      isFraction = LabelText.decimal(text).map { $0 != $0.rounded() } ?? false
    case .bool(let value): (text, bit) = (value ? "true" : "false", value)
    default: return nil
    }
  }

  /// The elements of an array; `nil` when one cannot be a label.
  static func all(_ array: [JSONValue]) -> [LabelElement]? {
    let elements = array.compactMap { LabelElement($0) }
    return elements.count == array.count ? elements : nil
  }

  /// Whether a cell says yes or no: 0 or 1 as a number, or a truth value as JSON, Python or Excel spells it.
  static func bit(_ text: String) -> Bool? {
    let text = LabelText.canonical(trimmedSpaces(text))
    // Comparing a long text with words takes time.
    guard text.utf8.count <= 5, text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
    return switch text {
    case "0", "false", "False", "FALSE": false
    case "1", "true", "True", "TRUE": true
    default: nil
    }
  }
}
