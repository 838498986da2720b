/// Looks at a numpy array in a file: `numpy.load(allow_pickle=True)` executes the pickle of an object
/// array.
enum NumpyScan {
  private static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]

  static func isArray(_ start: [UInt8]) -> Bool { start.starts(with: magic) }

  /// - Returns: whether there is a pickle in it.
  static func scan(
    _ file: InputFile, record: String?, depth: Int, _ report: inout ScanReport
  ) -> Bool {
    do throws(CheckpointError) {
      var reader = ByteReader(file)
      _ = try reader.take(magic.count)
      let version = try reader.short() & 0xFF
      let count = version == 1 ? try reader.short() : try reader.word()
      let header = String(decoding: reader.bytes[try reader.take(count)], as: UTF8.self)
      // The descriptor is a Python expression, so that `O` may be spelled in other ways: whatever
      // follows is tried as a pickle.
      let hasObjects = ["|O", "'O", "\"O"].contains { header.utf8.contains($0) }
      let rest = try InputFile(
        part: file, at: reader.position, count: reader.remaining)
      var stream = StreamScan(rest, record: record, depth: depth, storedByteCount: nil)
      stream.allowsRest = !hasObjects
      guard try stream.scan(isExpected: hasObjects, &report) else { return false }
      report.add(
        .warning, "an array of objects: numpy.load(allow_pickle=True) executes it", record: record)
      return true
    } catch {
      report.add(error, record: record)
      return true
    }
  }
}
