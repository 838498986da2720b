internal import Crypto

/// A SHA-256 that is fed piece by piece.
package struct SHA256Hash {
  private var hash = SHA256()

  /// A hash of nothing yet.
  package init() {}

  /// Feeds the bytes of a span.
  package mutating func update(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
  }

  /// Feeds bytes.
  package mutating func update(_ bytes: [UInt8]) { hash.update(data: bytes) }

  /// Feeds the UTF-8 of a text.
  package mutating func update(_ text: String) { update(Array(text.utf8)) }

  /// The digest as 64 lower-case hexadecimal digits.
  package func hexadecimal() -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for byte in hash.finalize() {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}
