internal import CheckpointFiles

/// A token that is looked for in the text itself, before it is split into words.
struct AddedToken: Sendable, Hashable {
  /// What it looks like.
  var content: String
  /// Its id.
  var id: Int32
  /// It counts only where no letter, digit or underscore touches it.
  var isSingleWord = false
  /// It swallows white space on its left.
  var stripsLeft = false
  /// It swallows white space on its right.
  var stripsRight = false
  /// It is looked for in the normalized text.
  var isNormalized = false
  /// It is one of the model's own tokens rather than a word.
  var isSpecial = false
}

/// Added tokens that are looked for together: the leftmost match wins, then the longest.
struct AddedTokens: Sendable {
  private struct Pattern {
    var bytes: [UInt8]
    var token: AddedToken
  }

  /// The patterns by first byte, the longest first.
  private var patterns: [[Pattern]] = []
  private let splitsSpecial: Bool
  private let tables = UnicodeTables.shared

  /// Whether there is nothing to look for.
  var isEmpty: Bool { patterns.isEmpty }

  /// - Parameters:
  ///   - path: the file to name in errors.
  ///   - splitsSpecial: whether special tokens in a text are read as plain text.
  ///   - normalized: what texts go through before the tokens are looked for in them.
  /// - Throws: `FineTuningError` when two tokens are one after that: the reference then takes either.
  init(
    _ tokens: [AddedToken], path: String, splitsSpecial: Bool,
    normalized: ([UInt8]) -> [UInt8] = { $0 }
  ) throws(FineTuningError) {
    self.splitsSpecial = splitsSpecial
    var known: [[UInt8]: String] = [:]
    for token in tokens {
      let bytes = normalized(Array(token.content.utf8))
      guard let first = bytes.first else { continue }
      if patterns.isEmpty { patterns = Array(repeating: [], count: 256) }
      if let other = known.updateValue(token.content, forKey: bytes) {
        throw .sameTokens(other, token.content, path: path)
      }
      patterns[Int(first)].append(Pattern(bytes: bytes, token: token))
    }
    for first in patterns.indices { patterns[first].sort { $0.bytes.count > $1.bytes.count } }
  }

  /// Calls `body` with every piece of `text[range]` in order: an added token with its id, or what
  /// stands between two.
  func forEachPiece(
    of text: [UInt8], _ range: Range<Int>, _ body: (Int32?, Range<Int>) -> Void
  ) {
    guard !isEmpty else { return body(nil, range) }
    var start = range.lowerBound
    var index = range.lowerBound
    while index < range.upperBound {
      guard let pattern = match(in: text, index..<range.upperBound) else {
        index += 1
        continue
      }
      let token = pattern.token
      var from = index
      var to = index + pattern.bytes.count
      index = to
      if splitsSpecial, token.isSpecial { continue }
      if token.isSingleWord,
        touchesWord(before: from, in: text, range) || touchesWord(after: to, in: text, range)
      {
        continue
      }
      if token.stripsLeft { from = max(spaceStart(before: from, in: text, range), start) }
      if token.stripsRight { to = spaceEnd(after: to, in: text, range) }
      if start < from { body(nil, start..<from) }
      body(token.id, from..<to)
      start = to
    }
    if start < range.upperBound { body(nil, start..<range.upperBound) }
  }

  private func match(in text: [UInt8], _ range: Range<Int>) -> Pattern? {
    let candidates = patterns[Int(text[range.lowerBound])]
    if candidates.isEmpty { return nil }
    return candidates.first { pattern in
      range.count >= pattern.bytes.count
        && text[range.lowerBound..<range.lowerBound + pattern.bytes.count]
          .elementsEqual(pattern.bytes)
    }
  }

  private func touchesWord(before end: Int, in text: [UInt8], _ range: Range<Int>) -> Bool {
    guard var index = scalarStart(before: end, in: text, range) else { return false }
    return tables[decodeScalar(text, &index)].contains(.word)
  }

  private func touchesWord(after start: Int, in text: [UInt8], _ range: Range<Int>) -> Bool {
    guard start < range.upperBound else { return false }
    var index = start
    return tables[decodeScalar(text, &index)].contains(.word)
  }

  private func spaceStart(before end: Int, in text: [UInt8], _ range: Range<Int>) -> Int {
    var end = end
    while let start = scalarStart(before: end, in: text, range) {
      var index = start
      guard tables[decodeScalar(text, &index)].contains(.whitespace) else { break }
      end = start
    }
    return end
  }

  private func spaceEnd(after start: Int, in text: [UInt8], _ range: Range<Int>) -> Int {
    var start = start
    while start < range.upperBound {
      var index = start
      guard tables[decodeScalar(text, &index)].contains(.whitespace) else { break }
      start = index
    }
    return start
  }

  private func scalarStart(before end: Int, in text: [UInt8], _ range: Range<Int>) -> Int? {
    guard end > range.lowerBound else { return nil }
    var index = end - 1
    while index > range.lowerBound, text[index] & 0xC0 == 0x80 { index -= 1 }
    return index
  }
}
