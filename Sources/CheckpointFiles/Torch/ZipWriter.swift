/// Writes a zip archive as PyTorch does, which its loader relies on for speed: records stored one
/// after the other, each beginning at a multiple of 64, checksums after the bytes.
struct ZipWriter {
  private struct Entry {
    let name: [UInt8]
    let flags: Int
    let crc: UInt32
    let byteCount: Int
    let headerOffset: Int
  }

  static let alignment = 64
  private static let wide = 0xFFFF_FFFF

  private let file: FileWriter
  private var entries: [Entry] = []

  init(_ file: FileWriter) { self.file = file }

  /// Appends a record of `byteCount` bytes, which `body` passes to its argument piece by piece.
  mutating func add(
    _ name: String, byteCount: Int, _ body: ((RawSpan) throws -> Void) throws -> Void
  ) throws {
    let offset = file.position
    let name = Array(name.utf8)
    // Checksum and size follow the bytes (8); names are UTF-8 (0x800).
    let flags = byteCount > 0 ? 0x808 : 0x800
    let isWide = byteCount >= ZipWriter.wide || offset >= ZipWriter.wide
    var extra = ByteBuilder()
    if isWide { extra.append(wideFields(byteCount, offset)) }
    let start = offset + 30 + name.count + extra.bytes.count + 4
    let padding = (ZipWriter.alignment - start % ZipWriter.alignment) % ZipWriter.alignment
    extra.short(0x4246)  // "FB"
    extra.short(padding)
    extra.append([UInt8](repeating: UInt8(ascii: "Z"), count: padding))

    var header = ByteBuilder()
    header.word(0x0403_4B50)
    header.short(isWide ? 45 : 20)
    header.short(flags)
    header.short(0)  // stored
    header.append(ZipWriter.date)
    header.word(0)
    header.word(0)
    header.word(0)
    header.short(name.count)
    header.short(extra.bytes.count)
    header.append(name)
    header.append(extra.bytes)
    try file.write(header.bytes)

    var crc = CRC32()
    let before = file.position
    try body { piece in
      crc.update(piece)
      try file.write(piece)
    }
    guard file.position - before == byteCount else {
      throw CheckpointError.wrongWrittenByteCount(file.position - before, stated: byteCount)
        .located(path: file.path, record: String(decoding: name, as: UTF8.self))
    }
    if byteCount > 0 {
      var descriptor = ByteBuilder()
      descriptor.word(0x0807_4B50)
      descriptor.word(Int(crc.value))
      for _ in 0..<2 {
        if isWide { descriptor.long(byteCount) } else { descriptor.word(byteCount) }
      }
      try file.write(descriptor.bytes)
    }
    entries.append(
      Entry(
        name: name, flags: flags, crc: crc.value, byteCount: byteCount, headerOffset: offset))
  }

  /// Appends a record that is in memory.
  mutating func add(_ name: String, _ bytes: [UInt8]) throws {
    try add(name, byteCount: bytes.count) { try unsafe $0(bytes.span.bytes) }
  }

  /// Appends the directory.
  func finish() throws {
    let start = file.position
    for entry in entries {
      let extra = wideFields(entry.byteCount, entry.headerOffset)
      var bytes = ByteBuilder()
      bytes.word(0x0201_4B50)
      bytes.short(20)
      bytes.short(extra.isEmpty ? 20 : 45)
      bytes.short(entry.flags)
      bytes.short(0)
      bytes.append(ZipWriter.date)
      bytes.word(Int(entry.crc))
      bytes.word(min(entry.byteCount, ZipWriter.wide))
      bytes.word(min(entry.byteCount, ZipWriter.wide))
      bytes.short(entry.name.count)
      bytes.short(extra.count)
      bytes.append([UInt8](repeating: 0, count: 10))
      bytes.word(min(entry.headerOffset, ZipWriter.wide))
      bytes.append(entry.name)
      bytes.append(extra)
      try file.write(bytes.bytes)
    }
    let end = file.position
    var bytes = ByteBuilder()
    bytes.word(0x0606_4B50)
    bytes.long(44)
    bytes.short(45)
    bytes.short(45)
    bytes.long(0)
    bytes.long(entries.count)
    bytes.long(entries.count)
    bytes.long(end - start)
    bytes.long(start)
    bytes.word(0x0706_4B50)
    bytes.word(0)
    bytes.long(end)
    bytes.word(1)
    bytes.word(0x0605_4B50)
    bytes.word(0)
    bytes.short(min(entries.count, 0xFFFF))
    bytes.short(min(entries.count, 0xFFFF))
    bytes.word(min(end - start, ZipWriter.wide))
    bytes.word(min(start, ZipWriter.wide))
    bytes.short(0)
    try file.write(bytes.bytes)
  }

  /// Midnight, the first of January 1980: zip cannot say "no time".
  private static let date: [UInt8] = [0, 0, 0x21, 0]

  /// The 64-bit numbers of a record, as miniz has them: both sizes when one is too large, the offset
  /// when it is.
  private func wideFields(_ byteCount: Int, _ offset: Int) -> [UInt8] {
    var fields = ByteBuilder()
    if byteCount >= ZipWriter.wide {
      fields.long(byteCount)
      fields.long(byteCount)
    }
    if offset >= ZipWriter.wide { fields.long(offset) }
    guard !fields.bytes.isEmpty else { return [] }
    var extra = ByteBuilder()
    extra.short(1)
    extra.short(fields.bytes.count)
    extra.append(fields.bytes)
    return extra.bytes
  }
}

/// Appends little-endian numbers.
struct ByteBuilder {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ more: [UInt8]) { bytes += more }
  mutating func byte(_ value: UInt8) { bytes.append(value) }
  mutating func short(_ value: Int) { number(UInt64(truncatingIfNeeded: value), 2) }
  mutating func word(_ value: Int) { number(UInt64(truncatingIfNeeded: value), 4) }
  mutating func long(_ value: Int) { number(UInt64(truncatingIfNeeded: value), 8) }

  private mutating func number(_ value: UInt64, _ count: Int) {
    for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
  }
}
