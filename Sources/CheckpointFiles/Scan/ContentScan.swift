/// Looks at the bytes of a record, a member or a string: is there anything in them that a loader would
/// run?
///
/// What the bytes are is found by trying, and never by the name.
enum ContentScan {
  /// Where the bytes come from, which decides what is expected of them.
  enum Place {
    /// They are called a pickle.
    case pickle
    /// Elements of a tensor: nothing but elements is expected.
    case storage
    /// Anything else.
    case other
  }

  static let maximumDepth = 4

  /// Looks at `bytes`, which are in memory.
  ///
  /// - Returns: whether they are something that a loader would run.
  @discardableResult
  static func inner(
    _ bytes: [UInt8], name: String, place: Place = .other, depth: Int, _ report: inout ScanReport
  ) -> Bool {
    guard depth <= maximumDepth else {
      report.add(.danger, "files inside of files, nested too deeply to be examined", record: name)
      return true
    }
    do throws(CheckpointError) {
      let file = try InputFile(
        start: bytes, byteCount: bytes.count, path: report.path, shardName: nil)
      return scan(file, name: name, place: place, depth: depth, &report)
    } catch {
      report.add(error, record: name)
      return true
    }
  }

  /// Looks at a whole file or a part of one.
  ///
  /// - Parameter storedByteCount: what the bytes take where they are stored, deflated perhaps.
  /// - Returns: whether it is something that a loader would run.
  @discardableResult
  static func scan(
    _ file: InputFile, name: String, place: Place = .other, storedByteCount: Int? = nil,
    depth: Int, _ report: inout ScanReport
  ) -> Bool {
    guard file.byteCount > 0 else {
      if case .pickle = place { report.add(.warning, "an empty pickle", record: name) }
      return false
    }
    do throws(CheckpointError) {
      let start = try file.bytes(at: 0, count: min(file.byteCount, 16))
      if ZipEnd.isArchive(start) {
        report.add(.warning, "an archive inside of the archive", record: name)
        return try archive(file, name, depth, &report)
      }
      if NumpyScan.isArray(start) {
        return NumpyScan.scan(file, record: name, depth: depth, &report)
      }
      if let kind = executable(start), !isStorage(place) {
        report.add(.danger, "\(kind), which a loader may run", record: name)
        return true
      }
      var stream = StreamScan(file, record: name, depth: depth, storedByteCount: storedByteCount)
      if try stream.scan(isExpected: isPickle(place), &report) { return true }
      // torch.jit.load and torch.export.load look for the end of an archive alone.
      if !isStorage(place), try ZipEnd.isAtEnd(of: file) {
        report.add(.danger, "an archive after other bytes", record: name)
        return try archive(file, name, depth, &report)
      }
      return false
    } catch {
      report.add(error, record: name)
      return true
    }
  }

  private static func archive(
    _ file: InputFile, _ name: String, _ depth: Int, _ report: inout ScanReport
  ) throws(CheckpointError) -> Bool {
    guard depth < maximumDepth else {
      report.add(
        .danger, "archives inside of archives, nested too deeply to be examined", record: name)
      return true
    }
    ZipScan(file, prefix: name + "!", depth: depth + 1).scan(&report)
    return true
  }

  private static func isStorage(_ place: Place) -> Bool {
    if case .storage = place { true } else { false }
  }

  private static func isPickle(_ place: Place) -> Bool {
    if case .pickle = place { true } else { false }
  }

  /// The kind of program or library that begins so.
  private static func executable(_ start: [UInt8]) -> String? {
    if start.starts(with: [0x7F, 0x45, 0x4C, 0x46]) { return "a program or library (ELF)" }
    if start.starts(with: [0x4D, 0x5A]), start.count >= 16 { return "a program or library (PE)" }
    for magic: [UInt8] in [
      [0xCF, 0xFA, 0xED, 0xFE], [0xCE, 0xFA, 0xED, 0xFE], [0xCA, 0xFE, 0xBA, 0xBE],
    ] where start.starts(with: magic) {
      return "a program or library (Mach-O)"
    }
    return nil
  }
}
