// Nothing is executed, and no library that a file names is looked for.
extension ScanReport {
  /// Audits the file at `path`, all its shards when it is an index, or all files of a folder and its
  /// subfolders but plain text.
  ///
  /// - Parameters:
  ///   - path: a file, an index or a folder.
  ///   - unreadable: called for each file of a folder or an index that cannot be read, or that
  ///     has another format; without it, the first of them is thrown.
  ///   - progress: called with a file's path, how many of its bytes were read, and how many it
  ///     has.
  /// - Throws: `CheckpointError` when a file cannot be read at all. What is broken inside of it is a
  ///   finding.
  public static func scan(
    _ path: String,
    unreadable: (CheckpointError) throws(CheckpointError) -> Void = {
      (error) throws(CheckpointError) in
      throw error
    },
    progress: (_ path: String, _ read: Int, _ total: Int) -> Void = { _, _, _ in }
  ) throws(CheckpointError) -> [ScanReport] {
    if SystemCall.status(at: path)?.isDirectory == true {
      return try FolderScan(path).scan(unreadable, progress)
    }
    let file = try InputFile(path: path)
    if try Checkpoint.isIndex(file) {
      let files = try ShardIndex(file).files.map { Path.sibling($0, of: path) }
      return try scan(files, unreadable) { (file) throws(CheckpointError) in
        try scan(file, progress)
      }.reports
    }
    return [try scan(file, progress)]
  }

  /// What `body` reports of each file, and whether one of them could not be read.
  private static func scan(
    _ files: [String], _ unreadable: (CheckpointError) throws(CheckpointError) -> Void,
    _ body: (InputFile) throws(CheckpointError) -> ScanReport?
  ) throws(CheckpointError) -> (reports: [ScanReport], failed: Bool) {
    var reports: [ScanReport] = []
    var failed = false
    for path in files {
      do throws(CheckpointError) {
        if let report = try body(InputFile(path: path)) { reports.append(report) }
      } catch {
        try unreadable(error)
        failed = true
      }
    }
    return (reports, failed)
  }

  /// Audits one file, as every program that might load it would read it.
  ///
  /// - Throws: `CheckpointError` when it cannot be read, or has none of the formats.
  static func scan(
    _ file: InputFile, _ progress: (String, Int, Int) -> Void = { _, _, _ in }
  ) throws(CheckpointError) -> ScanReport {
    var report = ScanReport(path: file.path, format: "pickle")
    let start = try file.bytes(at: 0, count: min(file.byteCount, 512))
    if ZipEnd.isArchive(start) {
      // torch.load takes a file for a zip archive only when it begins with a record.
      if !start.starts(with: TorchZipReader.signature), TarScan.isArchive(start) {
        report.add(.danger, "a tar archive, too, which torch.load would read")
        TarScan(file).scan(&report)
      }
      ZipScan(file).scan(&report) { progress(file.path, $0, file.byteCount) }
      return report
    }
    let isSafetensors = try checkSafetensors(file, start, &report)
    let isTar = TarScan.isArchive(start)
    if isTar {
      if isSafetensors {
        report.add(.danger, "a tar archive, too, which torch.load would read")
      } else {
        report.format = "tar"
        report.add(.warning, "a tar archive: PyTorch's format before 2017, if any")
      }
      TarScan(file).scan(&report)
    }
    let isPickle = try checkStream(file, start, isSafetensors, &report)
    var isArray = false
    if NumpyScan.isArray(start) {
      isArray = true
      report.format = "npy"
      if !NumpyScan.scan(file, record: nil, depth: 0, &report) {
        report.add(.note, "an array of numbers")
      }
    }
    // The members of a tar archive were examined, and the last may be an archive.
    var hasTail = false
    if !isTar, try ZipEnd.isAtEnd(of: file) {
      hasTail = true
      report.add(.danger, "a zip archive, too, which begins after other bytes")
      ZipScan(file, depth: 1).scan(&report)
    }
    guard isSafetensors || isTar || isPickle || isArray || hasTail else {
      _ = try Checkpoint.open(part: file)
      throw .unknownFormat.located(path: file.path)
    }
    if isSafetensors, report.severity == .note {
      report.add(.note, "safe by construction: tensors and strings, no byte outside of them")
    }
    return report
  }

  /// Whether the file is safetensors, sound or not.
  private static func checkSafetensors(
    _ file: InputFile, _ start: [UInt8], _ report: inout ScanReport
  ) throws(CheckpointError) -> Bool {
    // It begins with a length and a brace.
    guard start.count > 8, start[8] == UInt8(ascii: "{"), start[4..<8].allSatisfy({ $0 == 0 })
    else { return false }
    report.format = "safetensors"
    do throws(CheckpointError) {
      _ = try SafetensorsReader.open(file)
    } catch { report.add(error) }
    return true
  }

  /// Whether the file is a pickle or PyTorch's format before zip, for a program that takes it for one.
  private static func checkStream(
    _ file: InputFile, _ start: [UInt8], _ isSafetensors: Bool, _ report: inout ScanReport
  ) throws(CheckpointError) -> Bool {
    var stream = StreamScan(file, record: nil, depth: 0, storedByteCount: nil)
    stream.isNamedAsPickle = FolderScan.isCheckpointName(file.path)
    let isExpected = start.first == 0x80 && !Checkpoint.isHeaderLength(start)
    guard try stream.scan(isExpected: isExpected, &report) else { return false }
    if isSafetensors {
      report.add(.danger, "a pickle, too, which a loader of pickles would run")
    } else {
      report.format = stream.isTorch ? "torch-legacy" : "pickle"
    }
    return true
  }
}
