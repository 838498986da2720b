internal import CEspalierZlib

/// Decompression of raw deflate streams, as zip archives hold them.
enum Inflate {
  /// The `byteCount` bytes that `compressed`, a raw deflate stream, stands for.
  ///
  /// - Throws: `CheckpointError` when the stream is broken, or has more bytes or fewer.
  static func bytes(
    of compressed: [UInt8], byteCount: Int
  ) throws(CheckpointError) -> OwnedBytes {
    let target = OwnedBytes(byteCount: byteCount)
    var stream = unsafe z_stream()
    guard unsafe espalier_inflate_init_raw(&stream) == Z_OK else {
      throw .zlibUnavailable
    }
    defer { unsafe inflateEnd(&stream) }
    var input = compressed
    var status = Z_OK
    var done = 0
    // zlib never writes to its input, but its interface needs it mutable.
    unsafe input.withUnsafeMutableBufferPointer { input in
      var taken = 0
      // One byte more than there should be, so that a stream that continues is seen.
      var spare: UInt8 = 0
      unsafe withUnsafeMutablePointer(to: &spare) { spare in
        while status == Z_OK {
          let available = min(input.count - taken, 1 << 30)
          let room = min(byteCount - done, 1 << 30)
          unsafe stream.next_in = input.baseAddress.map { unsafe $0 + taken }
          unsafe stream.avail_in = UInt32(available)
          let base = unsafe target.memory.baseAddress?.assumingMemoryBound(to: UInt8.self)
          unsafe stream.next_out = room > 0 ? base.map { unsafe $0 + done } : spare
          unsafe stream.avail_out = UInt32(max(room, 1))
          status = unsafe inflate(&stream, Z_NO_FLUSH)
          let read = available - Int(unsafe stream.avail_in)
          let written = max(room, 1) - Int(unsafe stream.avail_out)
          taken += read
          done += written
          if done > byteCount || (read == 0 && written == 0) { break }
        }
      }
    }
    guard status == Z_STREAM_END, done == byteCount else {
      throw .inflated(to: done, of: byteCount, isComplete: status == Z_STREAM_END)
    }
    return target
  }
}
