/// A forward-only reader of JSON text for the large, flat documents of checkpoints: safetensors
/// headers and shard indices. It makes no tree; as strict as ``JSONParser``.
///
/// Offsets in errors are relative to `base`.
struct JSONScanner: ~Escapable {
  let bytes: Span<UInt8>
  /// The offset of the text in its file.
  let base: Int
  private(set) var position = 0

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>, base: Int = 0) {
    self.bytes = bytes
    self.base = base
  }

  func failure(_ reason: String) -> CheckpointError {
    CheckpointError(offset: base + position, "invalid JSON: " + reason)
  }

  @inline(__always)
  var current: UInt8 { position < bytes.count ? bytes[position] : 0 }

  var isAtEnd: Bool { position >= bytes.count }

  @inline(__always)
  @_lifetime(self: copy self)
  mutating func skipSpace() {
    while position < bytes.count {
      let byte = bytes[position]
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
      position += 1
    }
  }

  /// Takes `byte` and the white space after it, if it stands here.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func take(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    skipSpace()
    return true
  }

  @inline(__always)
  @_lifetime(self: copy self)
  mutating func expect(_ byte: UInt8) throws(CheckpointError) {
    guard take(byte) else {
      throw failure(
        isAtEnd
          ? "the document ends early" : "expected '\(Character(Unicode.Scalar(byte)))'")
    }
  }

  /// After a member or element: whether another follows. Takes the comma or `end`.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func another(before end: UInt8) throws(CheckpointError) -> Bool {
    if take(UInt8(ascii: ",")) { return true }
    try expect(end)
    return false
  }

  /// Takes `null`, if it stands here.
  @_lifetime(self: copy self)
  mutating func takeNull() -> Bool {
    guard bytes.count - position >= 4, bytes[position] == UInt8(ascii: "n"),
      bytes[position + 1] == UInt8(ascii: "u"), bytes[position + 2] == UInt8(ascii: "l"),
      bytes[position + 3] == UInt8(ascii: "l")
    else { return false }
    position += 4
    skipSpace()
    return true
  }

  // MARK: Strings

  /// Takes a string and the white space after it; the range of its text between the quotes, and
  /// whether there are escapes in it.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func quotedRange() throws(CheckpointError) -> (range: Range<Int>, isEscaped: Bool) {
    guard current == UInt8(ascii: "\""), position < bytes.count else {
      throw failure(isAtEnd ? "the document ends early" : "expected a string")
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
        throw failure("a control character in a string")
      }
    }
    position = bytes.count
    throw failure("a string without an end")
  }

  /// Takes a string.
  @_lifetime(self: copy self)
  mutating func string() throws(CheckpointError) -> String {
    let (range, isEscaped) = try quotedRange()
    return try string(in: range, isEscaped: isEscaped)
  }

  /// The string of a range that ``quotedRange()`` took.
  @_lifetime(self: copy self)
  mutating func string(in range: Range<Int>, isEscaped: Bool) throws(CheckpointError) -> String {
    let start = range.lowerBound - 1
    if isEscaped {
      // Rare, so the slow reader may have it.
      let text = bytes.extracting(start..<range.upperBound + 1)
      do throws(CheckpointError) {
        if case .string(let string) = try JSONParser.parse(array(of: text)) { return string }
      } catch {
        throw CheckpointError(offset: base + start + (error.offset ?? 0), error.reason)
      }
    } else if let string = text(in: range) {
      return string
    }
    position = start
    throw failure("a string that is not UTF-8")
  }

  /// The text in `range`, or `nil` when it is not UTF-8.
  @inline(__always)
  func text(in range: Range<Int>) -> String? {
    // Three times as fast as `String(validating:as:)`, which is generic inside.
    guard let text = try? UTF8Span(validating: bytes.extracting(range)) else { return nil }
    return String(copying: text)
  }

  private func array(of span: Span<UInt8>) -> [UInt8] {
    unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
  }

  /// Whether the bytes in `range` are the UTF-8 of `text`.
  func matches(_ range: Range<Int>, _ text: String) -> Bool {
    unsafe CheckpointFiles.bytesAreEqual(bytes.extracting(range).bytes, text.utf8.span.bytes)
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

  // MARK: Other values

  /// Takes a non-negative integer without sign, fraction, exponent or leading zero.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func integer() throws(CheckpointError) -> Int {
    let start = position
    var value = 0
    while position < bytes.count {
      let digit = bytes[position] &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(digit))
      guard !overflow, !carry else { throw failure("a number that does not fit 63 bits") }
      value = sum
      position += 1
    }
    guard position > start, position == start + 1 || bytes[start] != UInt8(ascii: "0") else {
      position = start
      throw failure("expected a non-negative integer without leading zeros")
    }
    switch current {
    case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
      throw failure("expected an integer, without fraction or exponent")
    default: break
    }
    skipSpace()
    return value
  }

  /// Takes any value; its tree. For the small parts of a document.
  @_lifetime(self: copy self)
  mutating func value() throws(CheckpointError) -> JSONValue {
    let start = position
    var depth = 0
    repeat {
      switch current {
      case UInt8(ascii: "\""): _ = try quotedRange()
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        position += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        position += 1
      case UInt8(ascii: ","), UInt8(ascii: ":"):
        guard depth > 0 else { throw failure("expected a value") }
        position += 1
      default:
        guard !isAtEnd else { throw failure("the document ends early") }
        // A number or a word; the parser below judges it.
        let begin = position
        while position < bytes.count, !JSONScanner.isDelimiter(bytes[position]) { position += 1 }
        guard position > begin else { throw failure("expected a value") }
      }
      guard depth >= 0 else { throw failure("expected a value") }
      skipSpace()
    } while depth > 0
    do throws(CheckpointError) {
      return try JSONParser.parse(array(of: bytes.extracting(start..<position)))
    } catch {
      throw CheckpointError(offset: base + start + (error.offset ?? 0), error.reason)
    }
  }

  private static func isDelimiter(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x20, 0x0A, 0x0D, 0x09, UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "\""),
      UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"):
      true
    default: false
    }
  }
}
