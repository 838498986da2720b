// Nothing is executed, and no library that a file names is looked for.
extension ScanReport {
  /// Audits the file at `path`, all its shards when it is an index, or the files of a folder that are
  /// checkpoints by name or content.
  ///
  /// - Parameters:
  ///   - path: a file, an index or a folder.
  ///   - unreadable: called for each file of a folder or an index that cannot be read; without it, the
  ///     first of them is thrown.
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
      let names = try SystemCall.entries(ofFolder: path).sorted()
      let files = names.map { Path.join(path, $0) }
        .filter { SystemCall.status(at: $0)?.isRegular == true }
      let (reports, failed) = try scan(files, unreadable) { (file) throws(CheckpointError) in
        try isCandidate(file) ? try scan(file, progress) : nil
      }
      guard failed || !reports.isEmpty else {
        throw CheckpointError(path: path, "no checkpoint in this folder")
      }
      return reports
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

  private static let endings = [
    ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib",
  ]

  private static func isCandidate(_ file: InputFile) throws(CheckpointError) -> Bool {
    if endings.contains(where: file.path.hasSuffix) { return true }
    let start = try file.bytes(at: 0, count: min(file.byteCount, 4))
    return start == TorchZipReader.signature
      || start.count == 4 && start[0] == 0x80 && (2...5).contains(start[1])
  }

  static func scan(
    _ file: InputFile, _ progress: (String, Int, Int) -> Void = { _, _, _ in }
  ) throws(CheckpointError) -> ScanReport {
    var report = ScanReport(path: file.path, format: "pickle")
    let start = try file.bytes(at: 0, count: min(file.byteCount, 8))
    if start.starts(with: TorchZipReader.signature) {
      ZipScan.scan(file, &report) { progress(file.path, $0, file.byteCount) }
    } else if start.first == 0x80, !Checkpoint.isHeaderLength(start) {
      try scanStream(file, &report)
    } else {
      do throws(CheckpointError) {
        _ = try SafetensorsReader.open(file)
        report.format = "safetensors"
        report.add(.note, "safe by construction: tensors and strings, no byte outside of them")
      } catch {
        if try isSafetensors(file) {
          report.format = "safetensors"
          report.add(error)
          return report
        }
        // An old pickle has no signature; text opcodes come first.
        try scanStream(file, &report)
        if report.globals.isEmpty, report.findings.contains(where: { $0.severity == .danger }) {
          throw error
        }
      }
    }
    return report
  }

  /// Whether the file begins as a safetensors file does, and no pickle: with a length and a brace.
  private static func isSafetensors(_ file: InputFile) throws(CheckpointError) -> Bool {
    let start = try file.bytes(at: 0, count: min(file.byteCount, 9))
    return start.count == 9 && start[8] == UInt8(ascii: "{") && start[4..<8].allSatisfy { $0 == 0 }
  }

  /// A pickle, or the pickles and elements of PyTorch's format before zip.
  private static func scanStream(
    _ file: InputFile, _ report: inout ScanReport
  ) throws(CheckpointError) {
    var reader = ByteReader(file)
    var machines: [(machine: PickleMachine, root: NodeID)] = []
    for index in 0..<4 {
      var machine = PickleMachine(reader, storedByteCount: nil)
      guard let root = PickleScan.run(&machine, record: nil, &report) else { return }
      reader = machine.reader
      machines.append((machine, root))
      if index == 0, !TorchLegacyReader.isMagic(machine.node(root)) {
        report.add(.warning, "a pickle that torch.save did not write")
        if reader.remaining > 0 {
          report.add(
            .danger, "\(reader.remaining) bytes after the end of the pickle",
            offset: reader.position)
        }
        return
      }
    }
    report.format = "torch-legacy"
    guard let (machine, root) = machines.last else { return }
    do throws(CheckpointError) {
      let structure = TorchStructure(machine, root: root, byteCount: reader.position)
      let storages = try TorchLegacyReader.storages(of: structure, &reader, file)
      _ = try TorchLoader(file: file, structure: structure, storages: storages)
        .checkpoint(format: .torchLegacy)
      if reader.remaining > 0 {
        report.add(
          .danger, "\(reader.remaining) bytes after the last storage", offset: reader.position)
      }
    } catch { report.add(error) }
  }
}
