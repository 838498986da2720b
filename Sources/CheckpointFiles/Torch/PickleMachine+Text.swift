/// Numbers and strings as protocol 0 spells them.
extension PickleMachine {
  func line(_ range: Range<Int>) throws(CheckpointError) -> String {
    guard let text = reader.text(range) else { throw failure("a line that is not UTF-8") }
    return text
  }

  func index(_ range: Range<Int>) throws(CheckpointError) -> Int {
    guard let index = Int(try line(range)) else { throw failure("a memo entry without a number") }
    return index
  }

  func textInteger(_ range: Range<Int>) throws(CheckpointError) -> PickleNode {
    var text = try line(range)
    if text == "00" { return .bool(false) }
    if text == "01" { return .bool(true) }
    if text.utf8.last == UInt8(ascii: "L") { text.removeLast() }
    guard let value = Int(text) else { throw failure("an integer that is none, or too large") }
    return .integer(value)
  }

  func integer(_ bytes: [UInt8]) -> PickleNode {
    guard bytes.count <= 8 else {
      // Padding with sign bytes is legal.
      let sign: UInt8 = bytes[7] & 0x80 == 0 ? 0 : 0xFF
      if bytes[8...].allSatisfy({ $0 == sign }) { return integer(Array(bytes[..<8])) }
      return .bigInteger(bytes)
    }
    var value: UInt64 = bytes.last.map { $0 & 0x80 == 0 ? 0 : UInt64.max } ?? 0
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    return .integer(Int(Int64(bitPattern: value)))
  }

  func rawUnicode(_ range: Range<Int>) throws(CheckpointError) -> String {
    var text = ""
    var index = range.lowerBound
    while index < range.upperBound {
      let byte = reader.bytes[index]
      let next = index + 1 < range.upperBound ? reader.bytes[index + 1] : 0
      let digits = next == UInt8(ascii: "u") ? 4 : next == UInt8(ascii: "U") ? 8 : 0
      if byte == UInt8(ascii: "\\"), digits > 0 {
        let end = index + 2 + digits
        guard end <= range.upperBound, let hex = reader.text(index + 2..<end),
          let scalar = UInt32(hex, radix: 16).flatMap(Unicode.Scalar.init)
        else { throw failure("a string with a broken escape") }
        text.unicodeScalars.append(scalar)
        index = end
      } else {
        text.unicodeScalars.append(Unicode.Scalar(byte))
        index += 1
      }
    }
    return text
  }

  func quotedString(_ range: Range<Int>) throws(CheckpointError) -> PickleNode {
    let line = reader.bytes[range]
    guard line.count >= 2, let quote = line.first, quote == line.last,
      quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
    else { throw failure("a string without quotes") }
    var bytes: [UInt8] = []
    var index = range.lowerBound + 1
    let end = range.upperBound - 1
    while index < end {
      let byte = reader.bytes[index]
      index += 1
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      guard index < end else { throw failure("a string with a broken escape") }
      let escape = reader.bytes[index]
      index += 1
      switch escape {
      case UInt8(ascii: "n"): bytes.append(0x0A)
      case UInt8(ascii: "r"): bytes.append(0x0D)
      case UInt8(ascii: "t"): bytes.append(0x09)
      case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): bytes.append(escape)
      case UInt8(ascii: "x"):
        guard index + 2 <= end, let hex = reader.text(index..<index + 2),
          let value = UInt8(hex, radix: 16)
        else { throw failure("a string with a broken escape") }
        bytes.append(value)
        index += 2
      default: throw failure("a string with an unknown escape")
      }
    }
    return String(validating: bytes, as: UTF8.self).map { .string($0) } ?? .bytes(bytes)
  }
}
