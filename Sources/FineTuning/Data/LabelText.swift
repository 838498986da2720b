internal import CheckpointFiles

/// How labels are spelled and compared. The same rules hold in training, evaluation and prediction: two
/// labels are the same when their UTF-8 bytes are, or when both spell the same number.
enum LabelText {
  /// The number that `text` spells in decimal digits, as `0`, `-2.5` or `1e3`; `nil` for anything else,
  /// such as hexadecimal digits, `nan` or `inf`.
  static func decimal(_ text: String) -> Double? {
    var rest = text.utf8[...]
    if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") {
      rest = rest.dropFirst()
    }
    var digits = 0
    func skipDigits() {
      while let byte = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
        rest = rest.dropFirst()
        digits += 1
      }
    }
    skipDigits()
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      skipDigits()
    }
    guard digits > 0 else { return nil }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest = rest.dropFirst()
      if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") {
        rest = rest.dropFirst()
      }
      digits = 0
      skipDigits()
      guard digits > 0 else { return nil }
    }
    guard rest.isEmpty, let value = Double(text), value.isFinite else { return nil }
    return value
  }

  /// The one spelling of all texts that are the same label: of a number the shortest, as `1` for `1.0`
  /// and `1e0`; of any other text, and of a number with leading zeros such as `007`, the text itself.
  static func canonical(_ text: String) -> String {
    let trimmed = trimmedSpaces(text)
    guard let value = decimal(trimmed) else { return text }
    let digits = trimmed.utf8.drop { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
    let whole = digits.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    if whole.count > 1, whole.first == UInt8(ascii: "0") { return text }
    if value == 0 { return "0" }
    // Integers may have more digits than a Double holds.
    if whole.count == digits.count {
      return trimmed.utf8.first == UInt8(ascii: "+") ? String(trimmed.dropFirst()) : trimmed
    }
    return value == value.rounded() && abs(value) < 0x1p53 ? String(Int(value)) : "\(value)"
  }

  /// Whether a cell holds several values as Python or numpy prints them, such as `('a', 'b')`, `[1 0 1]`,
  /// `{'a'}` and `tensor([1, 0])`, or 0 and 1 without commas, such as `1 0 1`.
  static func isList(_ text: String) -> Bool {
    let trimmed = trimmedSpaces(text)
    for name in ["tensor(", "array(", "frozenset(", "set("]
    where trimmed.begins(with: name) && trimmed.ends(with: ")") {
      return true
    }
    var rest = trimmed.utf8[...]
    let brackets: [UInt8: UInt8] = [0x5B: 0x5D, 0x28: 0x29, 0x7B: 0x7D]
    while rest.count > 1, let first = rest.first, let last = rest.last, brackets[first] == last {
      rest = rest.dropFirst().dropLast()
    }
    let parts = rest.split(whereSeparator: { " \t,;|".utf8.contains($0) }).map {
      String(Substring($0))
    }
    guard rest.count < trimmed.utf8.count else {
      let items = rest.split(separator: UInt8(ascii: ",")).map {
        trimmedSpaces(String(Substring($0))).utf8
      }
      if items.count > 1, items.allSatisfy({ $0.count > 1 && isQuoted($0.first, $0.last) }) {
        return true
      }
      return parts.count > 1 && !rest.contains(UInt8(ascii: ","))
        && parts.allSatisfy { $0.isSame(as: "0") || $0.isSame(as: "1") }
    }
    // Words in brackets, such as [music], are a name unless they are in quotes.
    guard let first = parts.first, let last = parts.last else { return true }
    if isQuoted(first.utf8.first, last.utf8.last) { return true }
    return parts.count > 1
      && parts.allSatisfy { decimal($0) != nil || $0.isSame(as: "True") || $0.isSame(as: "False") }
  }

  private static func isQuoted(_ first: UInt8?, _ last: UInt8?) -> Bool {
    first == last && (first == UInt8(ascii: "'") || first == UInt8(ascii: "\""))
  }

  /// A label that joins others by a bar or a semicolon, and the separator; `nil` when there is none.
  static func joined(_ labels: [String]) -> (label: String, separator: String)? {
    for separator in ["|", ";"] as [Unicode.Scalar] {
      let byte = UInt8(ascii: separator)
      var owners: [Key: String] = [:]
      for label in labels {
        for part in label.utf8.split(separator: byte) {
          let part = Key(trimmedSpaces(String(Substring(part))))
          // The same part in another label.
          if let other = owners.updateValue(label, forKey: part), !same(other, label) {
            let joined = label.utf8.contains(byte) ? label : other
            if joined.utf8.contains(byte) { return (joined, String(separator)) }
          }
        }
      }
    }
    return nil
  }

  /// The row of logits that a canonical label names, as `3` or as transformers' `LABEL_3`; `nil` for any other.
  static func row(_ canonical: String) -> Int? {
    let digits = canonical.begins(with: "LABEL_") ? String(canonical.dropFirst(6)) : canonical
    guard let number = Int(digits), number >= 0, String(number) == digits else { return nil }
    return number
  }

  /// Whether two labels or names of columns have the same bytes. `==` of `String` calls canonically
  /// equivalent spellings equal.
  static func same(_ a: String, _ b: String) -> Bool { a.isSame(as: b) }

  /// What labels have in common that only look alike.
  enum Folded: Hashable {
    /// Without capitals, blanks, invisible characters and leading zeros. Swift compares it by canonical equivalence,
    /// which leaves out Unicode composition.
    case alike(String)
    /// The label itself: it is too long to look like another one by mistake.
    case exact(Key)
  }

  /// Labels up to this many bytes are compared by their looks.
  private static let longestFolded = 512

  /// What a label has in common with those that look alike.
  static func folded(_ text: String) -> Folded {
    guard text.utf8.count <= longestFolded else { return .exact(Key(text)) }
    if let value = decimal(trimmedSpaces(text)) { return .alike("\(value)") }
    var scalars = String.UnicodeScalarView()
    for scalar in text.lowercased().unicodeScalars
    where !scalar.properties.isWhitespace && scalar.properties.generalCategory != .format {
      scalars.append(scalar)
    }
    return .alike(String(scalars))
  }

  /// The groups of labels that look alike, by their places, in the order of the first of each.
  static func lookalikes(_ labels: [String]) -> [[Int]] {
    var groups: [Folded: [Int]] = [:]
    var order: [Folded] = []
    for (index, label) in labels.enumerated() {
      let folded = folded(label)
      if groups[folded] == nil { order.append(folded) }
      groups[folded, default: []].append(index)
    }
    return order.compactMap { groups[$0] }.filter { $0.count > 1 }
  }
}

/// A text without spaces and tabs at its ends.
func trimmedSpaces(_ text: String) -> String {
  let space: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
  var rest = text.utf8[...].drop(while: space)
  while let last = rest.last, space(last) { rest.removeLast() }
  return String(Substring(rest))
}
