/// Bytes that a pickle spells as text and the name of an encoding.
extension PickleMachine {
  /// `text.encode(codec)`; `nil` for an encoding that Espalier does not have.
  ///
  /// - Throws: `CheckpointError` when the encoding has no bytes for the text.
  mutating func encoded(
    _ text: String, as codec: String
  ) throws(CheckpointError) -> [UInt8]? {
    try charge(text.utf8.count)
    guard codec.utf8.count <= 32, codec.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
    var name = codec.lowercased()
    name.replace("_", with: "-")
    switch name {
    case "latin1", "latin-1", "iso-8859-1", "iso8859-1", "latin", "l1":
      return try narrow(text, limit: 0xFF, codec)
    case "ascii", "us-ascii": return try narrow(text, limit: 0x7F, codec)
    case "utf8", "utf-8": return Array(text.utf8)
    case "utf-16", "utf16": return [0xFF, 0xFE] + wide(text.utf16, isLittle: true)
    case "utf-16le", "utf-16-le": return wide(text.utf16, isLittle: true)
    case "utf-16be", "utf-16-be": return wide(text.utf16, isLittle: false)
    case "utf-32", "utf32":
      return [0xFF, 0xFE, 0, 0] + wide(text.unicodeScalars.map(\.value), isLittle: true)
    case "utf-32le", "utf-32-le": return wide(text.unicodeScalars.map(\.value), isLittle: true)
    case "utf-32be", "utf-32-be": return wide(text.unicodeScalars.map(\.value), isLittle: false)
    default: return nil
    }
  }

  private func narrow(
    _ text: String, limit: UInt32, _ codec: String
  ) throws(CheckpointError) -> [UInt8] {
    var bytes: [UInt8] = []
    for scalar in text.unicodeScalars {
      guard scalar.value <= limit else {
        throw failure(.notEncodable(codec))
      }
      bytes.append(UInt8(truncatingIfNeeded: scalar.value))
    }
    return bytes
  }

  private func wide<Unit: FixedWidthInteger>(
    _ units: some Sequence<Unit>, isLittle: Bool
  ) -> [UInt8] {
    let count = Unit.bitWidth / 8
    return units.flatMap { unit in
      (0..<count).map { index in
        UInt8(truncatingIfNeeded: unit >> (8 * (isLittle ? index : count - 1 - index)))
      }
    }
  }
}
