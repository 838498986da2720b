/// Texts with separators that are made of texts which may hold them: a backslash before a separator makes it an ordinary
/// character. Other backslashes mean themselves.
struct SeparatedText {
  private static let backslash = UInt8(ascii: "\\")

  /// The separators; all are ASCII.
  private let separators: [UInt8]

  init(_ separators: String) { self.separators = Array(separators.utf8) }

  /// `text` as a part that a separator follows, or, as the last part, nothing.
  func escaped(_ text: String, isLast: Bool) -> String {
    var result: [UInt8] = []
    var run = 0
    for byte in text.utf8 {
      if separators.contains(byte) {
        result += [UInt8](repeating: SeparatedText.backslash, count: run + 1)
      }
      run = byte == SeparatedText.backslash ? run + 1 : 0
      result.append(byte)
    }
    if !isLast { result += [UInt8](repeating: SeparatedText.backslash, count: run) }
    return String(decoding: result, as: UTF8.self)
  }

  /// The text that ``escaped(_:isLast:)`` made `part` of.
  func unescaped(_ part: some Collection<UInt8>, isLast: Bool) -> String {
    var result: [UInt8] = []
    var run = 0
    for byte in part {
      if separators.contains(byte) { result.removeLast((run + 1) / 2) }
      run = byte == SeparatedText.backslash ? run + 1 : 0
      result.append(byte)
    }
    if !isLast { result.removeLast(run / 2) }
    return String(decoding: result, as: UTF8.self)
  }

  /// The parts between the separators that are not escaped, as they are written.
  func parts(_ text: some Collection<UInt8>) -> [[UInt8]] {
    var parts: [[UInt8]] = [[]]
    var run = 0
    for byte in text {
      if separators.contains(byte), run.isMultiple(of: 2) {
        parts.append([])
      } else {
        parts[parts.count - 1].append(byte)
      }
      run = byte == SeparatedText.backslash ? run + 1 : 0
    }
    return parts
  }

  /// The text in two at the first separator; `nil` when there is none.
  func halves(atFirst text: String) -> (String, rest: String)? {
    let parts = parts(text.utf8)
    guard parts.count > 1 else { return nil }
    let rest = text.utf8.dropFirst(parts[0].count + 1)
    return (unescaped(parts[0], isLast: false), String(decoding: rest, as: UTF8.self))
  }

  /// The text in two at the last separator, both as they are written; `nil` when there is none.
  func halves(atLast text: String) -> (String, rest: [UInt8])? {
    let parts = parts(text.utf8)
    guard parts.count > 1, let last = parts.last else { return nil }
    let first = text.utf8.dropLast(last.count + 1)
    return (String(decoding: first, as: UTF8.self), last)
  }
}

/// A number as it is typed: whole numbers have no fraction.
package func numberText(_ value: Double) -> String {
  if value == value.rounded(), abs(value) < 1e15, value != 0 || value.sign == .plus {
    return "\(Int(value))"
  }
  return "\(value)".replacing("e+", with: "e")
}

extension Substring {
  var trimmingSpaces: Substring {
    var text = unicodeScalars[...]
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return Substring(text)
  }
}

extension String {
  var trimmingSpaces: Substring { self[...].trimmingSpaces }
}
