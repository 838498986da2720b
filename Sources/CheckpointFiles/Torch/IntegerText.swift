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
      let digits = bytes[..<significant].reversed().map { byte in
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
      return sign + "0x" + digits.joined()
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
}
