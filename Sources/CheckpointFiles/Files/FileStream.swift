/// Reads a file, or a pipe, from its start to its end, a piece at a time.
package struct FileStream: ~Copyable {
  private let path: String
  private let descriptor: Int32

  /// Opens a file.
  package init(_ path: String) throws(CheckpointError) {
    self.path = path
    descriptor = try SystemCall.openForReading(path)
  }

  deinit { SystemCall.close(descriptor) }

  /// Appends up to `count` more bytes; returns how many, 0 at the end of the file.
  package func read(_ count: Int, onto bytes: inout [UInt8]) throws(CheckpointError) -> Int {
    var failure: CheckpointError?
    let piece = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      do throws(CheckpointError) {
        unsafe initialized = try SystemCall.readSome(
          descriptor, into: UnsafeMutableRawBufferPointer(buffer), path)
      } catch { failure = error }
    }
    if let failure { throw failure }
    bytes.append(contentsOf: piece)
    return piece.count
  }
}

/// Writing to a descriptor that another part of the program opened, such as standard output.
package enum OpenDescriptor {
  /// Writes all of `bytes`; returns 0, or the system's error number.
  package static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    unsafe bytes.withUnsafeBytes { unsafe SystemCall.writeAll(descriptor, $0) }
  }
}
