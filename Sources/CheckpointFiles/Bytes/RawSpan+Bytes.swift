#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Whether two spans hold the same bytes. Pointers live as long as the call.
package func bytesAreEqual(_ a: RawSpan, _ b: RawSpan) -> Bool {
  guard a.byteCount == b.byteCount else { return false }
  return unsafe a.withUnsafeBytes { a in
    unsafe b.withUnsafeBytes { b in
      guard let x = a.baseAddress, let y = b.baseAddress else { return true }
      return unsafe memcmp(x, y, a.count) == 0
    }
  }
}

/// Whether two texts have the same UTF-8 bytes.
package func utf8AreEqual(_ a: String, _ b: String) -> Bool {
  let (a, b) = (a.utf8, b.utf8)
  guard a.count == b.count else { return false }
  let equal = unsafe a.withContiguousStorageIfAvailable { x in
    unsafe b.withContiguousStorageIfAvailable { y in
      guard let p = x.baseAddress, let q = y.baseAddress else { return true }
      return unsafe memcmp(p, q, x.count) == 0
    }
  }
  return (equal ?? nil) ?? a.elementsEqual(b)
}

/// Whether the UTF-8 bytes of `a` are ordered before those of `b`.
package func utf8Precedes(_ a: String, _ b: String) -> Bool {
  let (a, b) = (a.utf8, b.utf8)
  let precedes = unsafe a.withContiguousStorageIfAvailable { x in
    unsafe b.withContiguousStorageIfAvailable { y in
      guard let p = x.baseAddress, let q = y.baseAddress else { return x.count < y.count }
      let order = unsafe memcmp(p, q, min(x.count, y.count))
      return order == 0 ? x.count < y.count : order < 0
    }
  }
  return (precedes ?? nil) ?? a.lexicographicallyPrecedes(b)
}

extension Hasher {
  /// Feeds the bytes of a span.
  package mutating func combine(bytesOf span: RawSpan) {
    unsafe span.withUnsafeBytes { unsafe combine(bytes: $0) }
  }

  /// Feeds the UTF-8 bytes of a text.
  mutating func combine(utf8Of text: String) {
    let hashed: Void? = unsafe text.utf8.withContiguousStorageIfAvailable {
      unsafe combine(bytes: UnsafeRawBufferPointer($0))
    }
    if hashed == nil {
      for byte in text.utf8 { combine(byte) }
    }
  }
}
