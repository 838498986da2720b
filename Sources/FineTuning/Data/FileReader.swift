#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Reads a file from its start to its end, a piece at a time.
struct FileReader: ~Copyable {
  private let path: String
  private let descriptor: Int32

  /// Opens a file.
  init(_ path: String) throws(FineTuningError) {
    self.path = path
    var opened: Int32
    var code: Int32
    repeat {
      opened = unsafe open(path, O_RDONLY | O_CLOEXEC)
      code = errno
    } while opened < 0 && code == EINTR
    descriptor = opened
    if opened < 0 { throw FineTuningError("\(path): \(unsafe String(cString: strerror(code)))") }
  }

  deinit { _ = close(descriptor) }

  /// Appends up to `count` more bytes; returns how many, 0 at the end of the file.
  func read(_ count: Int, onto bytes: inout [UInt8]) throws(FineTuningError) -> Int {
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: count))
    var got = 0
    var code: Int32 = 0
    unsafe bytes.withUnsafeMutableBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      repeat {
        got = unsafe systemRead(descriptor, base + start, count)
        code = errno
      } while got < 0 && code == EINTR
    }
    bytes.removeLast(count - max(got, 0))
    if got < 0 { throw FineTuningError("\(path): \(unsafe String(cString: strerror(code)))") }
    return got
  }

  /// The whole file, up to `limit` bytes.
  static func contents(
    of path: String, limit: Int = 256 << 20
  ) throws(FineTuningError) -> [UInt8] {
    let reader = try FileReader(path)
    var bytes: [UInt8] = []
    while try reader.read(1 << 16, onto: &bytes) > 0 {
      guard bytes.count <= limit else {
        throw FineTuningError("\(path): larger than \(limit) bytes, which no such file needs")
      }
    }
    return bytes
  }

  /// Whether a file can be read there.
  static func exists(_ path: String) -> Bool { unsafe access(path, R_OK) == 0 }
}

/// `read(2)`, under a name that methods do not hide.
private func systemRead(
  _ descriptor: Int32, _ buffer: UnsafeMutableRawPointer, _ count: Int
) -> Int {
  unsafe read(descriptor, buffer, count)
}

/// The offset of the first byte that is not part of well-formed UTF-8; `nil` when all is.
func firstInvalidUTF8(in bytes: [UInt8]) -> Int? {
  firstInvalidUTF8(in: bytes, bytes.indices)
}

/// The same within a range.
func firstInvalidUTF8(in bytes: [UInt8], _ range: Range<Int>) -> Int? {
  var index = range.lowerBound
  while index < range.upperBound {
    let first = bytes[index]
    if first < 0x80 {
      index += 1
      continue
    }
    let count: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch first {
    case 0xC2...0xDF: count = 2
    case 0xE0: (count, second) = (3, 0xA0...0xBF)
    case 0xED: (count, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: count = 3
    case 0xF0: (count, second) = (4, 0x90...0xBF)
    case 0xF4: (count, second) = (4, 0x80...0x8F)
    case 0xF1...0xF3: count = 4
    default: return index
    }
    guard index + count <= range.upperBound, second.contains(bytes[index + 1]) else { return index }
    for offset in 2..<max(count, 2) where bytes[index + offset] & 0xC0 != 0x80 { return index }
    index += count
  }
  return nil
}
