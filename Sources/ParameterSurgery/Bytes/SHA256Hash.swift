internal import CEspalierKernels
internal import CheckpointFiles

/// An incremental SHA-256 (FIPS 180-4).
package struct SHA256Hash {
  private var hash = espalier_sha256()

  /// A hash of nothing yet. With `usingPlainKernel`, the processor's SHA instructions are not used:
  /// both kernels give the same digest, which the tests check.
  package init(usingPlainKernel: Bool = false) {
    unsafe espalier_sha256_begin(&hash, usingPlainKernel ? 1 : 0)
  }

  /// Feeds the bytes of a span.
  package mutating func update(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe espalier_sha256_update(&hash, bytes.baseAddress, bytes.count)
    }
  }

  /// Feeds bytes.
  package mutating func update(_ bytes: [UInt8]) { unsafe update(bytes.span.bytes) }

  /// Feeds the UTF-8 of a text.
  package mutating func update(_ text: String) { update(Array(text.utf8)) }

  /// The digest as 64 lower-case hexadecimal digits.
  package func hexadecimal() -> String {
    var finished = hash
    var digest = [UInt8](repeating: 0, count: 32)
    unsafe digest.withUnsafeMutableBufferPointer { digest in
      guard let base = digest.baseAddress else { return }
      unsafe espalier_sha256_finish(&finished, base)
    }
    return Text.hexadecimal(digest)
  }
}
