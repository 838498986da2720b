/// Builds zip archives, sound ones and others.
struct ZipBytes {
  struct Record {
    var name: String
    var bytes: [UInt8]
    var method = 0
    var flags = 0
    var crc: UInt32 = 0
    /// What the directory says, when it lies.
    var centralName: String?
    var centralByteCount: Int?
    var centralCompressedByteCount: Int?
    var centralHeaderOffset: Int?
    var centralMethod: Int?
    var centralFlags: Int?
    /// What the local header says, when it says something else.
    var localByteCount: Int?
    var localCRC: UInt32?
    var extra: [UInt8] = []
    var centralExtra: [UInt8] = []
  }

  var records: [Record] = []
  var count: Int?
  var directoryOffset: Int?
  var directoryByteCount: Int?
  var comment: [UInt8] = []
  /// Whether the 64-bit end is there too.
  var isWide = false
  var betweenDirectoryAndEnd: [UInt8] = []

  init(_ records: [Record] = []) { self.records = records }

  /// A PyTorch file of `pickle` and the storages `0`, `1`, ….
  init(pickle: [UInt8], storages: [[UInt8]] = [], folder: String = "archive") {
    records = [Record(name: folder + "/data.pkl", bytes: pickle)]
    for (index, bytes) in storages.enumerated() {
      records.append(Record(name: "\(folder)/data/\(index)", bytes: bytes))
    }
    records.append(Record(name: folder + "/version", bytes: Array("3\n".utf8)))
  }

  var bytes: [UInt8] {
    var out: [UInt8] = []
    var offsets: [Int] = []
    for record in records {
      offsets.append(out.count)
      out += little(0x0403_4B50, 4) + little(20, 2) + little(record.flags, 2)
      out += little(record.method, 2) + little(0, 4) + little(Int(record.localCRC ?? record.crc), 4)
      let size = record.localByteCount ?? record.bytes.count
      out += little(size, 4) + little(record.localByteCount ?? realSize(record), 4)
      out += little(record.name.utf8.count, 2) + little(record.extra.count, 2)
      out += Array(record.name.utf8) + record.extra + record.bytes
    }
    let start = out.count
    for (record, offset) in zip(records, offsets) {
      let name = Array((record.centralName ?? record.name).utf8)
      out += little(0x0201_4B50, 4) + little(20, 2) + little(20, 2)
      out += little(record.centralFlags ?? record.flags, 2)
      out += little(record.centralMethod ?? record.method, 2) + little(0, 4)
      out += little(Int(record.crc), 4)
      out += little(record.centralCompressedByteCount ?? record.bytes.count, 4)
      out += little(record.centralByteCount ?? realSize(record), 4)
      out += little(name.count, 2) + little(record.centralExtra.count, 2) + little(0, 2)
      out += little(0, 2) + little(0, 6) + little(record.centralHeaderOffset ?? offset, 4)
      out += name + record.centralExtra
    }
    let size = out.count - start
    out += betweenDirectoryAndEnd
    let number = count ?? records.count
    if isWide {
      let end = out.count
      out += little(0x0606_4B50, 4) + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8)
      out += little(number, 8) + little(number, 8) + little(size, 8) + little(start, 8)
      out += little(0x0706_4B50, 4) + little(0, 4) + little(end, 8) + little(1, 4)
    }
    out += little(0x0605_4B50, 4) + little(0, 4)
    out += little(isWide ? 0xFFFF : number, 2) + little(isWide ? 0xFFFF : number, 2)
    out += little(isWide ? 0xFFFF_FFFF : directoryByteCount ?? size, 4)
    out += little(isWide ? 0xFFFF_FFFF : directoryOffset ?? start, 4)
    return out + little(comment.count, 2) + comment
  }

  private func realSize(_ record: Record) -> Int {
    record.centralByteCount ?? record.bytes.count
  }
}

/// `value` in `count` bytes, little-endian.
func little(_ value: Int, _ count: Int) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: $0 < 8 ? value >> (8 * $0) : 0) }
}
