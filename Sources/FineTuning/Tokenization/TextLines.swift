internal import CheckpointFiles

/// The lines of a text file that a vocabulary is changed by, with their numbers from 1. Empty lines are left out, and a
/// carriage return before a line feed does not belong to the line.
struct TextLines: Sendable {
  private(set) var lines: [(number: Int, text: String)] = []

  /// The most tokens that are added at once. Added tokens are looked for one by one at each place of a text.
  static let mostTokens = 10_000
  /// The longest token, in bytes.
  static let longestToken = 256
  /// The most bytes of a file with texts.
  private static let mostBytes = 1 << 30

  /// Texts, one on each line.
  ///
  /// - Throws: `FineTuningError` when the file cannot be read, has no text, or is not UTF-8.
  init(textsIn path: String) throws(FineTuningError) {
    let bytes = try FileReader.contents(of: path, limit: TextLines.mostBytes)
    try read(bytes, path, most: .max)
    guard !lines.isEmpty else { throw .noTexts(path) }
  }

  /// Tokens, one on each line.
  ///
  /// - Throws: `FineTuningError` that names a line which is not a token, or occurs twice.
  init(tokensIn path: String) throws(FineTuningError) {
    let bytes = try FileReader.contents(of: path, limit: TextLines.mostBytes)
    try read(bytes, path, most: TextLines.mostTokens + 1)
    guard !lines.isEmpty else { throw .noTokens(path) }
    guard lines.count <= TextLines.mostTokens else {
      throw .tooManyTokens(path, most: TextLines.mostTokens)
    }
    var known: [Key: Int] = [:]
    for (number, token) in lines {
      guard token.utf8.count <= TextLines.longestToken else {
        throw .longToken(path, line: number, most: TextLines.longestToken)
      }
      if token.unicodeScalars.contains(where: TextLines.isControl) {
        throw .controlInToken(token, path, line: number)
      }
      let scalars = token.unicodeScalars
      if scalars.first?.properties.isWhitespace == true
        || scalars.last?.properties.isWhitespace == true
      {
        throw .spaceAroundToken(token, path, line: number)
      }
      if let other = known.updateValue(number, forKey: Key(token)) {
        throw .duplicateToken(token, path, line: number, other)
      }
    }
  }

  /// Characters that move a cursor, reorder text or cannot be seen.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
    default: false
    }
  }

  private mutating func read(
    _ bytes: [UInt8], _ path: String, most: Int
  ) throws(FineTuningError) {
    if let bad = firstInvalidUTF8(in: bytes) {
      throw .linesNotUTF8(path, line: bytes[..<bad].count { $0 == 0x0A } + 1)
    }
    var start = bytes.startIndex
    var number = 0
    while start < bytes.endIndex, lines.count < most {
      let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.endIndex
      var line = bytes[start..<end]
      if line.last == 0x0D { line.removeLast() }
      number += 1
      if !line.isEmpty { lines.append((number, String(decoding: line, as: UTF8.self))) }
      start = end + 1
    }
  }
}
