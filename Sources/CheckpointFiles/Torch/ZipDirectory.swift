/// The central directory of a zip archive, checked against the local headers.
///
/// Invariant: the records follow one another without overlap, all before the directory; what a
/// local header says about its record is what the directory says, or left open; no name occurs twice.
struct ZipDirectory: Sendable {
  /// One record.
  struct Record: Sendable {
    let name: String
    let flags: Int
    let method: Int
    /// 0 when the writer computed none.
    let crc32: UInt32
    let compressedByteCount: Int
    let byteCount: Int
    let headerOffset: Int
    /// Where the bytes begin.
    var dataOffset = 0

    /// Whether the name leads out of a folder where the archive is unpacked.
    let leadsOut: Bool
    /// Whether the name has a capital letter of ASCII.
    let hasCapital: Bool

    var isStored: Bool { method == 0 }
  }

  /// The records in the order of the directory.
  private(set) var records: [Record] = []
  private var places: [Key: Int] = [:]
  /// Where the central directory begins.
  let offset: Int
  /// Bytes after the end of the archive.
  let trailingByteCount: Int

  /// The record called `name`.
  subscript(name: String) -> Record? { places[Key(name)].map { records[$0] } }

  /// Two records whose names differ in the case of ASCII letters alone: PyTorch does not tell them apart.
  var namesakes: [(String, String)] {
    // Names are unique: two that differ in case alone need a capital letter.
    guard records.contains(where: \.hasCapital) else { return [] }
    var first: [[UInt8]: Int] = [:]
    var result: [(String, String)] = []
    for (index, record) in records.enumerated() {
      let folded = record.name.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
      if let other = first[folded] {
        result.append((records[other].name, record.name))
      } else {
        first[folded] = index
      }
    }
    return result
  }

  private static let localHeaderByteCount = 30

  /// Reads the directory of `file`.
  init(_ file: InputFile) throws(CheckpointError) {
    let end = try ZipEnd(file)
    offset = end.directoryOffset
    trailingByteCount = end.trailingByteCount
    var reader = ByteReader(
      try file.bytes(at: end.directoryOffset, count: end.directoryByteCount))
    // A false directory must not reserve memory: an entry takes 46 bytes at least.
    records.reserveCapacity(min(end.count, end.directoryByteCount / 46))
    do throws(CheckpointError) {
      while reader.remaining > 0 {
        let record = try ZipDirectory.record(&reader)
        guard places.updateValue(records.count, forKey: Key(record.name)) == nil else {
          throw .duplicateRecord.located(record: record.name)
        }
        records.append(record)
      }
    } catch {
      var error = error
      if let place = error.offset { error.offset = end.directoryOffset + place }
      throw error
    }
    guard records.count == end.count else {
      throw .wrongRecordCount(records.count, stated: end.count)
    }
    try checkLocalHeaders(file)
  }

  private static func record(_ reader: inout ByteReader) throws(CheckpointError) -> Record {
    guard try reader.word() == 0x0201_4B50 else {
      throw reader.failure(.notADirectoryEntry)
    }
    _ = try reader.take(4)  // versions
    let flags = try reader.short()
    let method = try reader.short()
    _ = try reader.take(4)  // time and date
    let crc = try reader.number(UInt32.self)
    var compressed = try reader.word()
    var size = try reader.word()
    let nameLength = try reader.short()
    let extraLength = try reader.short()
    let commentLength = try reader.short()
    let disk = try reader.short()
    _ = try reader.take(6)  // attributes
    var header = try reader.word()
    let nameBytes = reader.bytes[try reader.take(nameLength)]
    let name = String(decoding: nameBytes, as: UTF8.self)
    guard !nameBytes.contains(0) else {
      throw .zeroInName.located(record: name)
    }
    let extra = try reader.take(extraLength)
    _ = try reader.take(commentLength)
    var fields = ByteReader(Array(reader.bytes[extra]))
    var hasWide = false
    while fields.remaining >= 4 {
      let kind = try fields.short()
      let length = try fields.short()
      guard length <= fields.remaining else {
        throw .fieldOutsideDirectory.located(record: name)
      }
      let field = try fields.take(length)
      guard kind == 1, !hasWide else { continue }
      hasWide = true
      // Only the numbers that did not fit are there.
      var wide = ByteReader(Array(fields.bytes[field]))
      do throws(CheckpointError) {
        if size == 0xFFFF_FFFF { size = try wide.long() }
        if compressed == 0xFFFF_FFFF { compressed = try wide.long() }
        if header == 0xFFFF_FFFF { header = try wide.long() }
      } catch {
        throw .brokenWideSizes.located(record: name)
      }
    }
    guard disk == 0 || disk == 0xFFFF else {
      throw .severalParts.located(record: name)
    }
    return Record(
      name: name, flags: flags, method: method, crc32: crc, compressedByteCount: compressed,
      byteCount: size, headerOffset: header, leadsOut: leadsOut(nameBytes),
      hasCapital: nameBytes.contains { (0x41...0x5A).contains($0) })
  }

  /// Whether a name begins with a slash, has a backslash, or has a part that is `..`.
  private static func leadsOut(_ name: ArraySlice<UInt8>) -> Bool {
    if name.first == UInt8(ascii: "/") || name.contains(UInt8(ascii: "\\")) { return true }
    // Most names have no two dots in a row.
    let dot = UInt8(ascii: ".")
    guard zip(name, name.dropFirst()).contains(where: { $0 == dot && $1 == dot }) else {
      return false
    }
    return name.split(separator: UInt8(ascii: "/")).contains { $0.elementsEqual([dot, dot]) }
  }

  // MARK: Local headers

  private mutating func checkLocalHeaders(_ file: InputFile) throws(CheckpointError) {
    let order = records.indices.sorted { records[$0].headerOffset < records[$1].headerOffset }
    var end = 0
    var last = ""
    for index in order {
      let record = records[index]
      do throws(CheckpointError) {
        guard record.headerOffset >= end else {
          throw .overlappingRecords(last)
        }
        let dataOffset = try localHeader(of: record, file)
        let (dataEnd, overflow) = dataOffset.addingReportingOverflow(record.compressedByteCount)
        guard !overflow, dataEnd <= offset else {
          throw .recordOutsideArchive(record.compressedByteCount)
        }
        guard !record.isStored || record.compressedByteCount == record.byteCount else {
          throw .twoSizes(record.compressedByteCount, record.byteCount)
        }
        records[index].dataOffset = dataOffset
        end = dataEnd
        last = record.name
      } catch { throw error.located(record: record.name) }
    }
  }

  /// Where the record's bytes begin.
  private func localHeader(
    of record: Record, _ file: InputFile
  ) throws(CheckpointError) -> Int {
    guard record.headerOffset <= offset - ZipDirectory.localHeaderByteCount else {
      throw .headerOutsideArchive
    }
    // The names are the same if the archive is sound, so one read gets header and name.
    let nameLength = record.name.utf8.count
    var reader = ByteReader(
      try file.bytes(
        at: record.headerOffset,
        count: min(
          ZipDirectory.localHeaderByteCount + nameLength, offset - record.headerOffset)))
    guard try reader.word() == 0x0403_4B50 else {
      throw .noRecordHeader
    }
    _ = try reader.take(2)
    let flags = try reader.short()
    let method = try reader.short()
    _ = try reader.take(4)
    let crc = try reader.number(UInt32.self)
    let compressed = try reader.word()
    let size = try reader.word()
    let localNameLength = try reader.short()
    let extraLength = try reader.short()
    guard localNameLength == nameLength, reader.remaining == nameLength,
      reader.bytes[try reader.take(nameLength)].elementsEqual(record.name.utf8)
    else { throw .otherRecordName }
    guard method == record.method, (flags ^ record.flags) & 0x2041 == 0 else {
      throw .otherCompression
    }
    // Streaming writers leave sizes and checksum open (0), 64-bit ones write all ones.
    for (own, listed) in [(size, record.byteCount), (compressed, record.compressedByteCount)]
    where own != listed && own != 0xFFFF_FFFF && !(own == 0 && flags & 8 != 0) {
      throw .otherByteCount(own, listed: listed)
    }
    guard crc == record.crc32 || crc == 0 else {
      throw .otherChecksum
    }
    return record.headerOffset + ZipDirectory.localHeaderByteCount + nameLength + extraLength
  }

  // MARK: Reading

  /// The bytes of a whole record, inflated and checked.
  func bytes(of record: Record, _ file: InputFile) throws(CheckpointError) -> [UInt8] {
    do throws(CheckpointError) {
      return try ZipDirectory.loaded(record, file).array
    } catch { throw error.located(path: file.path, record: record.name) }
  }

  /// The bytes of a record in memory of their own, inflated and checked.
  static func loaded(
    _ record: Record, _ file: InputFile
  ) throws(CheckpointError) -> OwnedBytes {
    try checkReadable(record)
    let stored = try file.bytes(at: record.dataOffset, count: record.compressedByteCount)
    let bytes =
      record.isStored
      ? OwnedBytes(copying: stored) : try Inflate.bytes(of: stored, byteCount: record.byteCount)
    try compare(bytes.crc32, record)
    return bytes
  }

  /// Compares the checksum of a stored record, piece by piece.
  static func verify(_ record: Record, _ file: InputFile) throws(CheckpointError) {
    guard record.crc32 != 0 else { return }
    var crc = CRC32()
    var done = 0
    while done < record.byteCount {
      let count = min(1 << 20, record.byteCount - done)
      crc.update(try file.bytes(at: record.dataOffset + done, count: count))
      done += count
    }
    try compare(crc.value, record)
  }

  /// Refuses what Espalier does not read, and bombs.
  static func checkReadable(_ record: Record) throws(CheckpointError) {
    guard record.flags & 0x2041 == 0 else { throw .encrypted }
    guard record.method == 0 || record.method == 8 else {
      throw .unknownCompression(record.method)
    }
    guard record.byteCount <= 1 << 26 || record.byteCount / 100 <= record.compressedByteCount
    else {
      throw .zipBomb(record.compressedByteCount, inflated: record.byteCount)
    }
  }

  private static func compare(_ crc: UInt32, _ record: Record) throws(CheckpointError) {
    guard record.crc32 == 0 || crc == record.crc32 else {
      throw .damaged(crc, stated: record.crc32)
    }
  }
}
