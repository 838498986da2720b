internal import OrderedCollections

/// The reader of JSON (RFC 8259): strict, forward-only, without recursion on what a document holds.
///
/// No byte-order mark, no trailing text, duplicate members refused, nesting bounded, numbers kept as spelled.
/// Large, flat documents such as safetensors headers and indices of shards are read member by member and make no
/// tree; ``value()`` makes one, whose memory is bounded by the size of the document.
///
/// Foundation's readers are not used: they silently keep one of two duplicate members, and not the same one.
package struct JSONParser: ~Escapable {
  package let bytes: Span<UInt8>
  /// The offset of the text in its file. Offsets in errors are those of the file.
  let base: Int
  package private(set) var position = 0
  /// Whether `NaN`, `Infinity` and `-Infinity` are numbers, as Python writes them.
  private let allowsNonFinite: Bool
  /// About how many bytes of memory values may still take.
  private var memory: Int

  /// The deepest nesting that is read: well-formed files of all known programs need less.
  static let maximumDepth = 64
  /// What values may take before the size of the document matters, and for each byte of it: names and short
  /// strings take about five times their text.
  private static let freeByteCount = 64 << 20
  private static let memoryFactor = 8

  @_lifetime(copy bytes)
  package init(_ bytes: Span<UInt8>, base: Int = 0, allowsNonFinite: Bool = false) {
    self.bytes = bytes
    self.base = base
    self.allowsNonFinite = allowsNonFinite
    memory = JSONParser.freeByteCount + JSONParser.memoryFactor * bytes.count
  }

  /// The document in `bytes`.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8 text.
  ///   - allowsNonFinite: whether `NaN`, `Infinity` and `-Infinity` are numbers.
  /// - Throws: `CheckpointError` with the byte offset.
  package static func parse(
    _ bytes: [UInt8], allowsNonFinite: Bool = false
  ) throws(CheckpointError) -> JSONValue {
    var parser = JSONParser(bytes.span, allowsNonFinite: allowsNonFinite)
    parser.skipSpace()
    let value = try parser.value()
    guard parser.isAtEnd else { throw parser.failure(.jsonTextAfterEnd) }
    return value
  }

  /// `error` at the place where the parser is.
  package func failure(_ error: CheckpointError) -> CheckpointError {
    error.located(offset: base + position)
  }

  // MARK: Marks

  @inline(__always)
  package var current: UInt8 { position < bytes.count ? bytes[position] : 0 }

  package var isAtEnd: Bool { position >= bytes.count }

  @inline(__always)
  @_lifetime(self: copy self)
  package mutating func skipSpace() {
    while position < bytes.count {
      let byte = bytes[position]
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
      position += 1
    }
  }

  /// Takes `byte` and the white space after it, if it comes next.
  @inline(__always)
  @_lifetime(self: copy self)
  package mutating func take(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    skipSpace()
    return true
  }

  @inline(__always)
  @_lifetime(self: copy self)
  package mutating func expect(_ byte: UInt8) throws(CheckpointError) {
    guard take(byte) else { throw failure(isAtEnd ? .jsonEndsEarly : .jsonExpected(byte)) }
  }

  /// After a member or element: whether another follows. Takes the comma or `end`.
  @inline(__always)
  @_lifetime(self: copy self)
  package mutating func another(before end: UInt8) throws(CheckpointError) -> Bool {
    if take(UInt8(ascii: ",")) { return true }
    try expect(end)
    return false
  }

  /// Whether the text that comes next is `word`.
  @inline(__always)
  private func isNext(_ word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    return bytes.count - position >= count && matches(position..<position + count, word)
  }

  /// Takes `word` and the white space after it, if it comes next.
  @_lifetime(self: copy self)
  package mutating func take(word: StaticString) -> Bool {
    guard isNext(word) else { return false }
    position += word.utf8CodeUnitCount
    skipSpace()
    return true
  }

  // MARK: Strings

  /// Takes a string and the white space after it; the range of its text between the quotes, and
  /// whether there are escapes in it.
  @inline(__always)
  @_lifetime(self: copy self)
  package mutating func quotedRange() throws(CheckpointError) -> (
    range: Range<Int>, isEscaped: Bool
  ) {
    guard current == UInt8(ascii: "\""), position < bytes.count else {
      throw failure(isAtEnd ? .jsonEndsEarly : .jsonNoText)
    }
    var index = position + 1
    let start = index
    var isEscaped = false
    while true {
      index = bytes.endOfPlainJSON(from: index)
      guard index < bytes.count else { break }
      switch bytes[index] {
      case UInt8(ascii: "\""):
        position = index + 1
        skipSpace()
        return (start..<index, isEscaped)
      case UInt8(ascii: "\\"):
        isEscaped = true
        index += 2
      default:
        position = index
        throw failure(.jsonControl)
      }
    }
    position = bytes.count
    throw failure(.jsonOpenString)
  }

  /// Takes a string.
  @_lifetime(self: copy self)
  package mutating func string() throws(CheckpointError) -> String {
    let (range, isEscaped) = try quotedRange()
    return try string(in: range, isEscaped: isEscaped)
  }

  /// The string of a range that ``quotedRange()`` took.
  @_lifetime(self: copy self)
  mutating func string(in range: Range<Int>, isEscaped: Bool) throws(CheckpointError) -> String {
    let text =
      isEscaped ? String(validating: try unescaped(range), as: UTF8.self) : text(in: range)
    if let text { return text }
    position = range.lowerBound - 1
    throw failure(.jsonNotUTF8)
  }

  /// The text in `range`, or `nil` when it is not UTF-8.
  @inline(__always)
  func text(in range: Range<Int>) -> String? {
    // Three times as fast as `String(validating:as:)`, which is generic inside.
    guard let text = try? UTF8Span(validating: bytes.extracting(range)) else { return nil }
    return String(copying: text)
  }

  /// Whether the bytes in `range` are the UTF-8 of `text`.
  package func matches(_ range: Range<Int>, _ text: String) -> Bool {
    unsafe bytesAreEqual(bytes.extracting(range).bytes, text.utf8.span.bytes)
  }

  /// Whether the bytes in `range` are those of `text`.
  @inline(__always)
  func matches(_ range: Range<Int>, _ text: StaticString) -> Bool {
    guard range.count == text.utf8CodeUnitCount else { return false }
    for index in 0..<range.count
    where unsafe bytes[range.lowerBound + index] != text.utf8Start[index] { return false }
    return true
  }

  /// Up to eight bytes of `range` as one number; 0 for longer ones.
  @inline(__always)
  func packed(_ range: Range<Int>) -> UInt64 {
    guard range.count <= 8 else { return 0 }
    var value: UInt64 = 0
    for index in range { value = value << 8 | UInt64(bytes[index]) }
    return value
  }

  // MARK: Numbers and words

  /// Takes a non-negative integer without sign, fraction, exponent or leading zero.
  @inline(__always)
  @_lifetime(self: copy self)
  package mutating func integer() throws(CheckpointError) -> Int {
    let start = position
    var value = 0
    while position < bytes.count {
      let digit = bytes[position] &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(digit))
      guard !overflow, !carry else { throw failure(.jsonNumberTooLarge) }
      value = sum
      position += 1
    }
    guard position > start, position == start + 1 || bytes[start] != UInt8(ascii: "0") else {
      position = start
      throw failure(.jsonNoInteger)
    }
    switch current {
    case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): throw failure(.jsonFraction)
    default: break
    }
    skipSpace()
    return value
  }

  @_lifetime(self: copy self)
  private mutating func digits() throws(CheckpointError) {
    let start = position
    while current &- UInt8(ascii: "0") < 10 { position += 1 }
    guard position > start else { throw failure(.jsonNoDigit) }
  }

  /// Takes a number and the white space after it; the range of its spelling.
  @_lifetime(self: copy self)
  private mutating func number() throws(CheckpointError) -> Range<Int> {
    let start = position
    if current == UInt8(ascii: "-") { position += 1 }
    if current == UInt8(ascii: "0") {
      position += 1
      guard current &- UInt8(ascii: "0") >= 10 else { throw failure(.jsonLeadingZero) }
    } else {
      try digits()
    }
    if current == UInt8(ascii: ".") {
      position += 1
      try digits()
    }
    if current | 0x20 == UInt8(ascii: "e") {
      position += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
      try digits()
    }
    let end = position
    skipSpace()
    return start..<end
  }

  // MARK: Values

  /// A value that is neither an array nor an object.
  enum Scalar {
    case null
    case bool(Bool)
    case number(Range<Int>)
    case string(Range<Int>, isEscaped: Bool)
  }

  @_lifetime(self: copy self)
  mutating func scalar() throws(CheckpointError) -> Scalar {
    guard !isAtEnd else { throw failure(.jsonEndsEarly) }
    let start = position
    switch current {
    case UInt8(ascii: "\""):
      let (range, isEscaped) = try quotedRange()
      return .string(range, isEscaped: isEscaped)
    case UInt8(ascii: "t"):
      if take(word: "true") { return .bool(true) }
      throw failure(.jsonExpected("true"))
    case UInt8(ascii: "f"):
      if take(word: "false") { return .bool(false) }
      throw failure(.jsonExpected("false"))
    case UInt8(ascii: "n"):
      if take(word: "null") { return .null }
      throw failure(.jsonExpected("null"))
    case UInt8(ascii: "N") where allowsNonFinite:
      if take(word: "NaN") { return .number(start..<start + 3) }
      throw failure(.jsonExpected("NaN"))
    case UInt8(ascii: "I") where allowsNonFinite:
      if take(word: "Infinity") { return .number(start..<start + 8) }
      throw failure(.jsonExpected("Infinity"))
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      if allowsNonFinite, take(word: "-Infinity") { return .number(start..<start + 9) }
      return .number(try number())
    default: throw failure(.jsonNoValue)
    }
  }

  /// Reads a value and discards it: members that a format does not know may be large. The grammar is
  /// checked as ``value()`` checks it, except that names may occur more than once.
  @_lifetime(self: copy self)
  package mutating func skipValue() throws(CheckpointError) {
    // Whether each container around the position is an object.
    var containers: [Bool] = []
    repeat {
      if current == UInt8(ascii: "{") || current == UInt8(ascii: "[") {
        let isObject = try enter(depth: containers.count)
        if !take(UInt8(ascii: isObject ? "}" : "]")) {
          containers.append(isObject)
          if isObject { try skipName() }
          continue
        }
      } else if current == UInt8(ascii: "\"") {
        try skipText()
      } else {
        _ = try scalar()
      }
      // A value ends here, and with it perhaps what it is the last element of.
      while let isObject = containers.last {
        if try another(before: UInt8(ascii: isObject ? "}" : "]")) {
          if isObject { try skipName() }
          break
        }
        containers.removeLast()
      }
    } while !containers.isEmpty
  }

  @_lifetime(self: copy self)
  private mutating func skipName() throws(CheckpointError) {
    try skipText()
    try expect(UInt8(ascii: ":"))
  }

  /// Takes a string and checks it, without a copy where there are no escapes.
  @_lifetime(self: copy self)
  private mutating func skipText() throws(CheckpointError) {
    let (range, isEscaped) = try quotedRange()
    if isEscaped {
      _ = try string(in: range, isEscaped: true)
    } else if (try? UTF8Span(validating: bytes.extracting(range))) == nil {
      position = range.lowerBound - 1
      throw failure(.jsonNotUTF8)
    }
  }

  /// Takes the bracket that begins a container inside of `depth` others; whether it is an object.
  @_lifetime(self: copy self)
  mutating func enter(depth: Int) throws(CheckpointError) -> Bool {
    guard depth < JSONParser.maximumDepth else {
      throw failure(.jsonTooDeep(JSONParser.maximumDepth))
    }
    if take(UInt8(ascii: "{")) { return true }
    try expect(UInt8(ascii: "["))
    return false
  }

  /// Counts what a value takes in memory.
  @_lifetime(self: copy self)
  mutating func charge(_ byteCount: Int) throws(CheckpointError) {
    memory -= byteCount
    guard memory >= 0 else { throw failure(.jsonTooManyValues(bytes.count)) }
  }
}
