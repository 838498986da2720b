/// The digits of integers that may be larger than `Int`.
enum IntegerText {
  /// Longer integers are written in base 16: converting them to base 10 takes time that grows with the
  /// square of their length.
  private static let longestDecimal = 256

  /// The digits of a two's complement integer, little-endian, without redundant bytes or with them.
  static func text(twosComplement bytes: [UInt8]) -> String {
    let isNegative = bytes.last.map { $0 & 0x80 != 0 } ?? false
    guard isNegative else { return text(magnitude: bytes, isNegative: false) }
    var magnitude = bytes.map { ~$0 }
    for index in magnitude.indices {
      magnitude[index] &+= 1
      if magnitude[index] != 0 { break }
    }
    // The negation of the least integer of a width does not fit it: all its bytes are then 0.
    if magnitude.allSatisfy({ $0 == 0 }) { magnitude.append(1) }
    return text(magnitude: magnitude, isNegative: true)
  }

  /// The digits of a whole number that is stored as a `Double`; `nil` for any other.
  static func text(whole value: Double) -> String? {
    guard value.isFinite, value == value.rounded(.towardZero) else { return nil }
    if let small = Int(exactly: value) { return String(small) }
    // At least 2^63 in size, so all bits of the significand are left of the point.
    let significand = value.significandBitPattern | 1 << 52
    let shift = Int(value.exponent) - 52
    var magnitude = [UInt8](repeating: 0, count: shift / 8)
    let (low, high) = (significand << (shift % 8), significand >> (64 - shift % 8))
    for index in 0..<8 { magnitude.append(UInt8(truncatingIfNeeded: low >> (8 * index))) }
    magnitude.append(UInt8(truncatingIfNeeded: shift % 8 == 0 ? 0 : high))
    return text(magnitude: magnitude, isNegative: value < 0)
  }

  private static func text(magnitude bytes: [UInt8], isNegative: Bool) -> String {
    let sign = isNegative ? "-" : ""
    let significant = bytes.count - bytes.reversed().prefix { $0 == 0 }.count
    guard significant <= longestDecimal else {
      return sign + "0x" + Text.hexadecimal(bytes[..<significant].reversed())
    }
    // Groups of nine digits, the lowest first.
    var groups: [UInt64] = [0]
    for byte in bytes[..<significant].reversed() {
      var carry = UInt64(byte)
      for index in groups.indices {
        let value = groups[index] << 8 | carry
        groups[index] = value % 1_000_000_000
        carry = value / 1_000_000_000
      }
      if carry > 0 { groups.append(carry) }
    }
    var text = sign + String(groups.last ?? 0)
    for group in groups.dropLast().reversed() {
      let digits = String(group)
      text += String(repeating: "0", count: 9 - digits.utf8.count) + digits
    }
    return text
  }

  // MARK: Reading

  /// How an integer is spelled.
  enum Spelling {
    /// Digits of base 10.
    case decimal
    /// A literal of Python: a prefix gives the base, and a number other than 0 does not begin with 0.
    case literal
    /// A literal of Python or of C, where a number that begins with 0 is octal.
    case literalOrOctal
  }

  enum Value: Equatable {
    case integer(Int)
    /// In two's complement, little-endian.
    case large([UInt8])
  }

  /// Texts of more digits than this are not read: Python refuses them in base 10.
  static let longestText = 4300

  /// The integer that Python's `int` reads, with blanks around it, a sign, and underscores between digits;
  /// `nil` when Python refuses the text.
  static func parse(_ text: ArraySlice<UInt8>, as spelling: Spelling) -> Value? {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    var text = text.drop(while: isBlank)
    while let last = text.last, isBlank(last) { text.removeLast() }
    let isNegative = text.first == UInt8(ascii: "-")
    if isNegative || text.first == UInt8(ascii: "+") { text.removeFirst() }
    guard text.count <= longestText, let first = text.first else { return nil }
    var radix: UInt64 = 10
    if spelling != .decimal, first == UInt8(ascii: "0"), text.count > 1 {
      switch text[text.startIndex + 1] | 0x20 {
      case UInt8(ascii: "x"): radix = 16
      case UInt8(ascii: "o"): radix = 8
      case UInt8(ascii: "b"): radix = 2
      default:
        let isZero = text.allSatisfy { $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: "_") }
        if !isZero {
          guard spelling == .literalOrOctal, !text.contains(UInt8(ascii: "_")) else { return nil }
          radix = 8
          text.removeFirst()
        }
      }
      if radix != 10, let mark = text.first, text.count > 1, mark == UInt8(ascii: "0"),
        !(0x30...0x39).contains(text[text.startIndex + 1])
      {
        text = text.dropFirst(2)
        if text.first == UInt8(ascii: "_") { text.removeFirst() }
      }
    }
    return magnitude(text, radix).map { value($0, isNegative: isNegative) }
  }

  /// The words of the number that the digits make, the lowest first.
  private static func magnitude(_ digits: ArraySlice<UInt8>, _ radix: UInt64) -> [UInt32]? {
    var words: [UInt32] = [0]
    var wasDigit = false
    for byte in digits {
      if byte == UInt8(ascii: "_") {
        guard wasDigit else { return nil }
        wasDigit = false
        continue
      }
      let digit: UInt64
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt64(byte - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt64(byte - UInt8(ascii: "a")) + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = UInt64(byte - UInt8(ascii: "A")) + 10
      default: return nil
      }
      guard digit < radix else { return nil }
      var carry = digit
      for index in words.indices {
        let value = UInt64(words[index]) * radix + carry
        words[index] = UInt32(truncatingIfNeeded: value)
        carry = value >> 32
      }
      if carry > 0 { words.append(UInt32(carry)) }
      wasDigit = true
    }
    return wasDigit ? words : nil
  }

  private static func value(_ magnitude: [UInt32], isNegative: Bool) -> Value {
    var bytes: [UInt8] = magnitude.flatMap { word in
      (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    bytes.append(0)
    if isNegative {
      var carry = true
      for index in bytes.indices {
        bytes[index] = ~bytes[index]
        if carry { (bytes[index], carry) = bytes[index].addingReportingOverflow(1) }
      }
    }
    // Bytes that only repeat the sign are left out.
    let sign: UInt8 = isNegative && bytes.contains { $0 != 0 } ? 0xFF : 0
    while bytes.count > 1, bytes.last == sign, (bytes[bytes.count - 2] ^ sign) & 0x80 == 0 {
      bytes.removeLast()
    }
    guard bytes.count <= 8 else { return .large(bytes) }
    var value: UInt64 = sign == 0 ? 0 : UInt64.max
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    return .integer(Int(Int64(bitPattern: value)))
  }
}
