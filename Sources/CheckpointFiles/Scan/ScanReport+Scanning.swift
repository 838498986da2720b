// Nothing is executed, and no library that a file names is looked for.
extension ScanReport {
  /// Audits the file at `path`, all its shards when it is an index, or the files of a folder that are
  /// checkpoints by name or content.
  ///
  /// - Parameters:
  ///   - path: a file, an index or a folder.
  ///   - progress: called with a file's path, how many of its bytes were read, and how many it
  ///     has.
  /// - Throws: `CheckpointError` when a file cannot be read at all. What is broken inside of it is a
  ///   finding.
  public static func scan(
    _ path: String, progress: (_ path: String, _ read: Int, _ total: Int) -> Void = { _, _, _ in }
  ) throws(CheckpointError) -> [ScanReport] {
    if SystemCall.status(at: path)?.isDirectory == true {
      var reports: [ScanReport] = []
      for name in try SystemCall.entries(ofFolder: path).sorted()
      where SystemCall.status(at: Path.join(path, name))?.isRegular == true {
        let file = try InputFile(path: Path.join(path, name))
        if try isCandidate(file, name) { reports.append(try scan(file, progress)) }
      }
      guard !reports.isEmpty else {
        throw CheckpointError(path: path, "no checkpoint in this folder")
      }
      return reports
    }
    let file = try InputFile(path: path)
    if try Checkpoint.isIndex(file) {
      var reports: [ScanReport] = []
      for name in try ShardIndex(file).files {
        reports.append(try scan(InputFile(path: Path.sibling(name, of: path)), progress))
      }
      return reports
    }
    return [try scan(file, progress)]
  }

  private static let endings = [
    ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib",
  ]

  private static func isCandidate(
    _ file: InputFile, _ name: String
  ) throws(CheckpointError) -> Bool {
    if endings.contains(where: name.hasSuffix) { return true }
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
        _ = try SafetensorsHeader.read(file)
        report.format = "safetensors"
        report.add(.note, "safe by construction: tensors and strings, no byte outside of them")
      } catch {
        // An old pickle has no signature; text opcodes come first.
        try scanStream(file, &report)
        if report.globals.isEmpty, report.findings.contains(where: { $0.severity == .danger }) {
          throw error
        }
      }
    }
    return report
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
