internal import CEspalierKernels

/// The CRC-32 of zip archives, computed piece by piece.
struct CRC32 {
  private(set) var value: UInt32 = 0

  mutating func update(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress, bytes.count > 0 else { return }
      value = unsafe espalier_crc32(value, base, bytes.count)
    }
  }

  mutating func update(_ bytes: [UInt8]) { unsafe update(bytes.span.bytes) }
}
