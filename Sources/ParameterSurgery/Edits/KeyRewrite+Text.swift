// The text form of a rule, FROM=TO.
extension KeyRewrite: CustomStringConvertible {
  /// A rule written `FROM=TO`.
  ///
  /// The first `=` separates them, or, when the text begins with a slash, the first `/=`. A backslash before a `=` of
  /// FROM makes it an ordinary character.
  ///
  /// - Throws: ``SurgeryError`` when the text is not such a rule.
  public init(_ text: String) throws(SurgeryError) {
    guard let (from, to) = KeyRewrite.sides(of: text) else { throw .notARename(text) }
    try self.init(from: from, to: to)
  }

  /// The rule as `FROM=TO`.
  public var description: String { KeyRewrite.text(ofLeft: from) + "=" + to }

  private static let slash = UInt8(ascii: "/")
  private static let backslash = UInt8(ascii: "\\")

  /// The two sides of `FROM=TO`; `nil` when there is no separator.
  static func sides(of text: String) -> (from: String, to: String)? {
    let bytes = Array(text.utf8)
    if bytes.first == slash, let end = separator(afterExpression: bytes) {
      return (
        String(decoding: unescapedExpression(bytes[..<(end + 1)]), as: UTF8.self),
        String(decoding: bytes[(end + 2)...], as: UTF8.self)
      )
    }
    guard let (left, rest) = SeparatedText("=").halves(atFirst: text) else { return nil }
    // A backslash before a slash at the beginning: not a regular expression.
    let run = left.utf8.prefix { $0 == backslash }.count
    let isEscaped = run > 0 && left.utf8.dropFirst(run).first == slash
    return (isEscaped ? String(decoding: left.utf8.dropFirst(), as: UTF8.self) : left, rest)
  }

  /// The place of the slash that ends a regular expression: the first that a `=` follows.
  private static func separator(afterExpression bytes: [UInt8]) -> Int? {
    bytes.indices.dropFirst().dropLast().first {
      bytes[$0] == slash && bytes[$0 + 1] == UInt8(ascii: "=")
    }
  }

  /// The left-hand side as it is written in `FROM=TO`.
  static func text(ofLeft from: String) -> String {
    if isExpression(from) { return escapedExpression(from) }
    let text = SeparatedText("=").escaped(from, isLast: false)
    let run = text.utf8.prefix { $0 == backslash }.count
    return text.utf8.dropFirst(run).first == slash ? "\\" + text : text
  }

  /// A regular expression with a backslash more between a slash and a `=`.
  private static func escapedExpression(_ from: String) -> String {
    var result: [UInt8] = []
    var isAfterSlash = false
    for byte in from.utf8 {
      if byte == UInt8(ascii: "="), isAfterSlash { result.append(backslash) }
      if byte != backslash { isAfterSlash = byte == slash && !result.isEmpty }
      result.append(byte)
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static func unescapedExpression(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var isAfterSlash = false
    for byte in text {
      if byte == UInt8(ascii: "="), isAfterSlash, result.last == backslash { result.removeLast() }
      if byte != backslash { isAfterSlash = byte == slash && !result.isEmpty }
      result.append(byte)
    }
    return result
  }
}
