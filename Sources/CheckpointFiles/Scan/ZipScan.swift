/// Audits a zip archive: its directory, every record, and the pickles among them.
enum ZipScan {
  /// - Parameter progress: called with the bytes that were read so far.
  static func scan(
    _ file: InputFile, _ report: inout ScanReport, _ progress: (Int) -> Void = { _ in }
  ) {
    report.format = "zip"
    let directory: ZipDirectory
    do throws(CheckpointError) {
      directory = try ZipDirectory(file)
    } catch { return report.add(error) }
    checkNames(directory, &report)
    checkGaps(directory, file, &report)
    for record in directory.records {
      checkRecord(record, directory, file, &report)
      progress(record.dataOffset + record.compressedByteCount)
    }

    let archive: TorchArchive
    do throws(CheckpointError) {
      archive = try TorchArchive(file)
      report.format = "torch-zip"
    } catch {
      if directory.records.contains(where: { $0.name.hasSuffix("/constants.pkl") }) {
        report.format = "torchscript"
        report.add(.warning, "a TorchScript program: torch.jit.load runs the code in it")
      } else {
        report.add(.warning, error.reason, record: error.record)
      }
      return
    }
    for record in directory.records where !record.name.hasPrefix(archive.prefix) {
      report.add(
        .danger, "outside of the archive's folder \(quoted(archive.prefix))", record: record.name)
    }
    checkTensors(archive, &report)
  }

  private static func checkNames(_ directory: ZipDirectory, _ report: inout ScanReport) {
    for record in directory.records {
      let parts = record.name.split(separator: "/", omittingEmptySubsequences: false)
      if record.name.hasPrefix("/") || record.name.contains("\\") || parts.contains("..") {
        report.add(
          .danger, "a name that leads out of a folder where it is unpacked", record: record.name)
      }
    }
    let folded = Dictionary(grouping: directory.records) { $0.name.lowercased() }
    for (_, same) in folded where same.count > 1 {
      report.add(
        .danger, "PyTorch does not tell this name from \(quoted(same[1].name))",
        record: same[0].name)
    }
  }

  /// Bytes that belong to no record.
  private static func checkGaps(
    _ directory: ZipDirectory, _ file: InputFile, _ report: inout ScanReport
  ) {
    let order = directory.records.sorted { $0.headerOffset < $1.headerOffset }
    var end = 0
    // What may follow the bytes of a streamed record: checksum and sizes, with or without signature.
    var allowed: Set<Int> = [0]
    for record in order {
      let gap = record.headerOffset - end
      if !allowed.contains(gap) {
        report.add(
          .warning, "\(gap) bytes that belong to no record", record: record.name, offset: end)
      }
      end = record.dataOffset + record.compressedByteCount
      allowed = record.flags & 8 != 0 ? [0, 12, 16, 20, 24] : [0]
    }
    if !allowed.contains(directory.offset - end) {
      report.add(
        .warning, "\(directory.offset - end) bytes that belong to no record", offset: end)
    }
    if directory.trailingByteCount > 0 {
      report.add(
        .warning, "\(directory.trailingByteCount) bytes after the end of the archive",
        offset: file.byteCount - directory.trailingByteCount)
    }
  }

  private static func checkRecord(
    _ record: ZipDirectory.Record, _ directory: ZipDirectory, _ file: InputFile,
    _ report: inout ScanReport
  ) {
    do throws(CheckpointError) {
      try ZipDirectory.checkReadable(record)
      if record.isStored {
        try ZipDirectory.verify(record, file)
      } else {
        _ = try ZipDirectory.loaded(record, file)
      }
      guard !record.name.contains("/data/"), record.byteCount > 4 else { return }
      let isNamed = [".pkl", ".pickle", ".debug_pkl"].contains(where: record.name.hasSuffix)
      let start =
        record.isStored
        ? try file.bytes(at: record.dataOffset, count: 4)
        : Array(try directory.bytes(of: record, file).prefix(4))
      if start == TorchZipReader.signature {
        report.add(.danger, "an archive inside of the archive", record: record.name)
      }
      guard isNamed || start[0] == 0x80 && (2...5).contains(start[1]) else { return }
      if !isNamed { report.add(.danger, "a pickle under another name", record: record.name) }
      var machine = PickleMachine(
        ByteReader(try directory.bytes(of: record, file)),
        storedByteCount: record.compressedByteCount)
      guard PickleScan.run(&machine, record: record.name, &report) != nil else { return }
      if machine.end < record.byteCount {
        report.add(
          .danger, "\(record.byteCount - machine.end) bytes after the end of the pickle",
          record: record.name, offset: machine.end)
      }
    } catch { report.add(error, record: record.name) }
  }

  /// Whether the tensors lie in their storages, and whether every storage is used.
  private static func checkTensors(_ archive: TorchArchive, _ report: inout ScanReport) {
    do throws(CheckpointError) {
      let (machine, root, pickle) = try archive.interpret()
      let structure = TorchStructure(machine, root: root, byteCount: pickle.byteCount)
      let storages = try archive.storages(of: structure)
      _ = try TorchLoader(file: archive.file, structure: structure, storages: storages)
        .checkpoint(format: .torchZip)
      let used = Set(structure.storages.map { archive.prefix + "data/" + $0.key })
      for record in archive.directory.records
      where record.name.hasPrefix(archive.prefix + "data/") && !used.contains(record.name) {
        report.add(
          .warning, "\(record.byteCount) bytes that no tensor uses", record: record.name)
      }
    } catch {
      // A broken pickle was reported when it was run.
      if error.record != archive.prefix + "data.pkl" { report.add(error) }
    }
  }
}
