public import CheckpointFiles

extension Key {
  /// Whether this key precedes `other` when runs of digits count as numbers: `layer.2` before
  /// `layer.10`, and `a.b` before `a1`, because a component ends at a dot.
  ///
  /// Keys that differ in leading zeros only are ordered by their bytes, so that the order is total.
  public func naturallyPrecedes(_ other: Key) -> Bool {
    let a = string.utf8Span.span
    let b = other.string.utf8Span.span
    var i = 0
    var j = 0
    while i < a.count, j < b.count {
      if isDigit(a[i]), isDigit(b[j]) {
        let (endA, endB) = (endOfDigits(a, i), endOfDigits(b, j))
        while i < endA - 1, a[i] == UInt8(ascii: "0") { i += 1 }
        while j < endB - 1, b[j] == UInt8(ascii: "0") { j += 1 }
        if endA - i != endB - j { return endA - i < endB - j }
        while i < endA {
          if a[i] != b[j] { return a[i] < b[j] }
          i += 1
          j += 1
        }
      } else {
        if a[i] != b[j] { return rank(a[i]) < rank(b[j]) }
        i += 1
        j += 1
      }
    }
    if a.count - i != b.count - j { return a.count - i < b.count - j }
    return self < other
  }
}

private func isDigit(_ byte: UInt8) -> Bool {
  byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
}

private func endOfDigits(_ bytes: Span<UInt8>, _ start: Int) -> Int {
  var end = start
  while end < bytes.count, isDigit(bytes[end]) { end += 1 }
  return end
}

/// A dot sorts before everything: `a.x` belongs to `a`, which precedes `a-b`.
private func rank(_ byte: UInt8) -> Int { byte == UInt8(ascii: ".") ? -1 : Int(byte) }
