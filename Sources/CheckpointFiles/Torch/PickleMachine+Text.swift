/// Numbers and strings as protocol 0 spells them.
extension PickleMachine {
  func line(_ range: Range<Int>) throws(CheckpointError) -> String {
    guard let text = reader.text(range) else { throw failure(.notUTF8("a line")) }
    return text
  }

  func index(_ range: Range<Int>) throws(CheckpointError) -> Int {
    guard case .integer(let index)? = IntegerText.parse(reader.bytes[range], as: .decimal) else {
      throw failure(.memoWithoutNumber)
    }
    return index
  }

  /// The value of `INT` or `LONG`; `nil` when it has more digits than are read.
  func textInteger(_ range: Range<Int>, isLong: Bool) throws(CheckpointError) -> PickleNode? {
    var text = reader.bytes[range]
    if !isLong {
      if text.elementsEqual("00".utf8) { return .bool(false) }
      if text.elementsEqual("01".utf8) { return .bool(true) }
    }
    // Python 3 takes the letter away from LONG, Python 2 from INT, too.
    if text.last == UInt8(ascii: "L") { text.removeLast() }
    guard text.count <= IntegerText.longestText else { return nil }
    guard let value = IntegerText.parse(text, as: isLong ? .literal : .literalOrOctal) else {
      throw failure(.notAnInteger)
    }
    return switch value {
    case .integer(let value): .integer(value)
    case .large(let bytes): .bigInteger(bytes)
    }
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

  /// The text, and whether it has surrogates, which Python keeps and a `String` cannot.
  func rawUnicode(
    _ range: Range<Int>
  ) throws(CheckpointError) -> (text: String, hasSurrogates: Bool) {
    var text = ""
    var hasSurrogates = false
    var index = range.lowerBound
    while index < range.upperBound {
      let byte = reader.bytes[index]
      let next = index + 1 < range.upperBound ? reader.bytes[index + 1] : 0
      let digits = next == UInt8(ascii: "u") ? 4 : next == UInt8(ascii: "U") ? 8 : 0
      if byte == UInt8(ascii: "\\"), digits > 0 {
        let end = index + 2 + digits
        guard end <= range.upperBound, let hex = reader.text(index + 2..<end),
          let value = UInt32(hex, radix: 16), value <= 0x10FFFF
        else { throw failure(.brokenEscape) }
        let scalar = Unicode.Scalar(value)
        if scalar == nil { hasSurrogates = true }
        text.unicodeScalars.append(scalar ?? "\u{FFFD}")
        index = end
      } else if byte == UInt8(ascii: "\\"), next == byte {
        // A backslash after a backslash begins no escape.
        text += "\\\\"
        index += 2
      } else {
        text.unicodeScalars.append(Unicode.Scalar(byte))
        index += 1
      }
    }
    return (text, hasSurrogates)
  }

  func quotedString(_ range: Range<Int>) throws(CheckpointError) -> PickleNode {
    let line = reader.bytes[range]
    guard line.count >= 2, let quote = line.first, quote == line.last,
      quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
    else { throw failure(.missingQuotes) }
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
      guard index < end else { throw failure(.brokenEscape) }
      let escape = reader.bytes[index]
      index += 1
      switch escape {
      case UInt8(ascii: "n"): bytes.append(0x0A)
      case UInt8(ascii: "r"): bytes.append(0x0D)
      case UInt8(ascii: "t"): bytes.append(0x09)
      case UInt8(ascii: "a"): bytes.append(0x07)
      case UInt8(ascii: "b"): bytes.append(0x08)
      case UInt8(ascii: "f"): bytes.append(0x0C)
      case UInt8(ascii: "v"): bytes.append(0x0B)
      case UInt8(ascii: "0")...UInt8(ascii: "7"):
        var value = Int(escape - UInt8(ascii: "0"))
        var count = 1
        while count < 3, index < end,
          (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(reader.bytes[index])
        {
          value = value * 8 + Int(reader.bytes[index] - UInt8(ascii: "0"))
          index += 1
          count += 1
        }
        bytes.append(UInt8(truncatingIfNeeded: value))
      case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): bytes.append(escape)
      case UInt8(ascii: "x"):
        guard index + 2 <= end, let hex = reader.text(index..<index + 2),
          let value = UInt8(hex, radix: 16)
        else { throw failure(.brokenEscape) }
        bytes.append(value)
        index += 2
      // Python keeps the backslash of an escape that it does not know.
      default: bytes += [UInt8(ascii: "\\"), escape]
      }
    }
    return String(validating: bytes, as: UTF8.self).map { .string($0) } ?? .bytes(bytes)
  }
}
