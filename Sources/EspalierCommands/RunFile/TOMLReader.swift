import CheckpointFiles

/// Reads a ``TOMLDocument`` from its bytes, from the first to the last.
struct TOMLReader {
  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  private var count = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func at(_ offset: Int) -> UInt8? {
    position + offset < bytes.count ? bytes[position + offset] : nil
  }

  private func error(_ reason: TOMLError.Reason) -> TOMLError { TOMLError(reason, line: line) }

  // MARK: - Lines

  mutating func document() throws(TOMLError) -> [TOMLDocument.Table] {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    var tables = [TOMLDocument.Table(name: "", line: 1, members: [])]
    var places: [Key: Int] = [:]
    var names: [Key: Int] = [:]
    while true {
      skipBlanks()
      guard let byte = next else { return tables }
      switch byte {
      case UInt8(ascii: "#"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): break
      case UInt8(ascii: "["):
        let name = try heading()
        if let first = places.updateValue(line, forKey: Key(name)) {
          throw error(.duplicate(name, first))
        }
        tables.append(TOMLDocument.Table(name: name, line: line, members: []))
        names = [:]
      default:
        let (start, name) = (line, try key())
        if let first = names.updateValue(start, forKey: Key(name)) {
          throw error(.duplicate(name, first))
        }
        skipBlanks()
        guard next == UInt8(ascii: "=") else {
          throw error(
            next == UInt8(ascii: ".") ? .unsupported("a name with dots") : .missingEquals)
        }
        position += 1
        skipBlanks()
        let value = try value()
        tables[tables.count - 1].members.append(
          TOMLDocument.Member(name: name, value: value, line: start))
      }
      try endLine()
    }
  }

  private mutating func skipBlanks() {
    while let byte = next, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") {
      position += 1
    }
  }

  /// Skips a comment; the end of the line stays.
  private mutating func skipComment() throws(TOMLError) {
    guard next == UInt8(ascii: "#") else { return }
    let start = position
    while let byte = next, byte != UInt8(ascii: "\n") {
      if byte == UInt8(ascii: "\r"), at(1) == UInt8(ascii: "\n") { break }
      guard byte >= 0x20 && byte != 0x7F || byte == UInt8(ascii: "\t") else {
        throw error(.controlCharacter)
      }
      position += 1
    }
    guard String(validating: bytes[start..<position], as: UTF8.self) != nil else {
      throw error(.notUTF8)
    }
  }

  /// Takes the end of a line if it is next.
  private mutating func takeLineEnd() -> Bool {
    let isLong = next == UInt8(ascii: "\r") && at(1) == UInt8(ascii: "\n")
    guard isLong || next == UInt8(ascii: "\n") else { return false }
    position += isLong ? 2 : 1
    line += 1
    return true
  }

  private mutating func endLine() throws(TOMLError) {
    skipBlanks()
    try skipComment()
    guard next == nil || takeLineEnd() else {
      throw error(next == UInt8(ascii: "\r") ? .controlCharacter : .afterValue)
    }
  }

  private mutating func heading() throws(TOMLError) -> String {
    position += 1
    guard next != UInt8(ascii: "[") else { throw error(.unsupported("a list of tables")) }
    skipBlanks()
    let name = try key()
    skipBlanks()
    guard next == UInt8(ascii: "]") else {
      throw error(
        next == UInt8(ascii: ".") ? .unsupported("a table in a table") : .unfinishedHeading)
    }
    position += 1
    return name
  }

  private mutating func key() throws(TOMLError) -> String {
    if let byte = next, byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
      return try text(byte)
    }
    let word = self.word { TOMLReader.isKey($0) }
    guard !word.isEmpty else { throw error(.missingKey) }
    return word
  }

  private static func isKey(_ byte: UInt8) -> Bool {
    isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
      || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  /// The bytes that `belongs` accepts, all of them ASCII.
  private mutating func word(_ belongs: (UInt8) -> Bool) -> String {
    let start = position
    while let byte = next, belongs(byte) { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  // MARK: - Values

  private mutating func value() throws(TOMLError) -> TOMLDocument.Value {
    guard next == UInt8(ascii: "[") else { return try scalar() }
    let start = line
    position += 1
    var values: [TOMLDocument.Value] = []
    while true {
      try skipLines()
      if next == UInt8(ascii: "]") { break }
      guard next != UInt8(ascii: "[") else { throw error(.unsupported("a list in a list")) }
      guard next != nil else { throw error(.unfinishedList) }
      values.append(try scalar())
      try skipLines()
      if next == UInt8(ascii: ",") {
        position += 1
      } else if next != UInt8(ascii: "]") {
        throw error(next == nil ? .unfinishedList : .missingComma)
      }
    }
    position += 1
    return TOMLDocument.Value(kind: .list(values), line: start)
  }

  /// Skips blanks, comments and ends of lines in a list.
  private mutating func skipLines() throws(TOMLError) {
    repeat {
      skipBlanks()
      try skipComment()
    } while takeLineEnd()
  }

  private mutating func scalar() throws(TOMLError) -> TOMLDocument.Value {
    count += 1
    guard count <= TOMLDocument.maximumValues else { throw error(.tooLong) }
    let start = line
    guard let byte = next, byte != UInt8(ascii: "\n"), byte != UInt8(ascii: "\r"),
      byte != UInt8(ascii: "#")
    else { throw error(.missingValue) }
    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
      return TOMLDocument.Value(kind: .text(try text(byte)), line: start)
    }
    guard byte != UInt8(ascii: "{") else { throw error(.unsupported("a table in braces")) }
    let word = self.word {
      TOMLReader.isKey($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: ".")
        || $0 == UInt8(ascii: ":")
    }
    switch word {
    case "true", "false": return TOMLDocument.Value(kind: .flag(word == "true"), line: start)
    case "inf", "+inf", "-inf": return TOMLDocument.Value(kind: .float(word), line: start)
    default: return TOMLDocument.Value(kind: try number(word), line: start)
    }
  }

  private func number(_ word: String) throws(TOMLError) -> TOMLDocument.Value.Kind {
    let letters = Array(word.utf8)
    let digits = letters.drop { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
    guard let first = digits.first else { throw error(.unknownValue(rest(word))) }
    guard letters.count - digits.count <= 1 else { throw error(.wrongNumber(word)) }
    guard TOMLReader.isDigit(first) else { throw error(.unknownValue(rest(word))) }
    if digits.contains(UInt8(ascii: ":"))
      || digits.count >= 10 && digits.dropFirst(4).first == UInt8(ascii: "-")
    {
      throw error(.unsupported("a date or a time"))
    }
    let whole = digits.prefix { TOMLReader.isDigit($0) || $0 == UInt8(ascii: "_") }
    if digits.count > 1, first == UInt8(ascii: "0"), let second = digits.dropFirst().first,
      "xob".utf8.contains(second)
    {
      throw error(.unsupported("a number that is not decimal"))
    }
    var after = digits[whole.endIndex...]
    guard TOMLReader.isWhole(whole), first != UInt8(ascii: "0") || whole.count == 1 else {
      throw error(.wrongNumber(word))
    }
    let plain = word.replacing("_", with: "")
    if after.isEmpty { return .integer(plain) }
    if after.first == UInt8(ascii: ".") {
      let fraction = after.dropFirst().prefix {
        TOMLReader.isDigit($0) || $0 == UInt8(ascii: "_")
      }
      guard TOMLReader.isWhole(fraction) else { throw error(.wrongNumber(word)) }
      after = digits[fraction.endIndex...]
    }
    if let letter = after.first, letter | 0x20 == UInt8(ascii: "e") {
      var exponent = after.dropFirst()
      if let sign = exponent.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
        exponent = exponent.dropFirst()
      }
      guard TOMLReader.isWhole(exponent) else { throw error(.wrongNumber(word)) }
      after = []
    }
    guard after.isEmpty else { throw error(.wrongNumber(word)) }
    return .float(plain)
  }

  /// Whether digits have underscores only between two of them.
  private static func isWhole(_ digits: ArraySlice<UInt8>) -> Bool {
    guard let first = digits.first, let last = digits.last, isDigit(first), isDigit(last),
      digits.allSatisfy({ isDigit($0) || $0 == UInt8(ascii: "_") })
    else { return false }
    return !zip(digits, digits.dropFirst()).contains {
      $0 == UInt8(ascii: "_") && $1 == UInt8(ascii: "_")
    }
  }

  /// What stands in place of a value, for a message.
  private func rest(_ word: String) -> String {
    guard word.isEmpty else { return word }
    let end = bytes[position...].firstIndex { $0 <= 0x20 } ?? bytes.count
    return String(decoding: bytes[position..<min(end, position + 40)], as: UTF8.self)
  }

  // MARK: - Texts

  private mutating func text(_ quote: UInt8) throws(TOMLError) -> String {
    guard at(1) != quote || at(2) != quote else {
      throw error(.unsupported("a text over several lines"))
    }
    position += 1
    var text: [UInt8] = []
    while let byte = next, byte != UInt8(ascii: "\n") {
      position += 1
      if byte == quote {
        guard let valid = String(validating: text, as: UTF8.self) else { throw error(.notUTF8) }
        return valid
      }
      if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
        text += try escape()
        continue
      }
      guard byte >= 0x20 && byte != 0x7F || byte == UInt8(ascii: "\t") else {
        throw error(.controlCharacter)
      }
      text.append(byte)
    }
    throw error(.unfinishedText)
  }

  private mutating func escape() throws(TOMLError) -> [UInt8] {
    guard let letter = next else { throw error(.unfinishedText) }
    position += 1
    switch letter {
    case UInt8(ascii: "b"): return [8]
    case UInt8(ascii: "t"): return [9]
    case UInt8(ascii: "n"): return [10]
    case UInt8(ascii: "f"): return [12]
    case UInt8(ascii: "r"): return [13]
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): return [letter]
    case UInt8(ascii: "u"), UInt8(ascii: "U"):
      let count = letter == UInt8(ascii: "u") ? 4 : 8
      let digits = bytes[position..<min(position + count, bytes.count)]
      guard digits.count == count, digits.allSatisfy(TOMLReader.isHexadecimal),
        let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
      else { throw error(.unknownEscape) }
      guard let scalar = Unicode.Scalar(code) else { throw error(.notAScalar) }
      position += count
      return Array(String(Character(scalar)).utf8)
    default: throw error(.unknownEscape)
    }
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }
}
