/// Audits a zip archive: its directory and every record, whatever it is called.
struct ZipScan {
  private let file: InputFile
  /// What precedes the names of records: the record that this archive is, and `!`.
  private let prefix: String
  private let depth: Int
  /// Records of this size or less are searched for code.
  private static let longestCode = 1 << 26
  /// The pickles of PyTorch's archives that name storages.
  private static let tensorPickles = ["data.pkl", "constants.pkl", "attributes.pkl"]

  init(_ file: InputFile, prefix: String = "", depth: Int = 0) {
    self.file = file
    self.prefix = prefix
    self.depth = depth
  }

  /// - Parameter progress: called with the bytes that were read so far.
  func scan(_ report: inout ScanReport, _ progress: (Int) -> Void = { _ in }) {
    if depth == 0 { report.format = "zip" }
    let directory: ZipDirectory
    do throws(CheckpointError) {
      directory = try ZipDirectory(file)
    } catch {
      // An archive that is damaged in the middle of a record is of no use; its pickle may be.
      return add(error, nil, &report)
    }
    let kind = ArchiveKind(directory)
    if depth == 0 { report.format = kind.rawValue }
    checkNames(directory, &report)
    checkGaps(directory, &report)
    var used: Set<Key> = []
    var code = ScriptScan()
    // Pickles come first: they say which records are storages.
    let order = directory.records.sorted { isPickle($0) && !isPickle($1) }
    for record in order {
      check(record, directory, kind, &used, &code, &report)
      progress(record.dataOffset + record.compressedByteCount)
    }
    code.check(&report)
    switch kind {
    case .torch: checkTorch(directory, used, &report)
    case .script:
      report.add(.warning, "a TorchScript program: calling it runs the code in it")
    case .export:
      report.add(.warning, "a program of torch.export: calling it runs the operations in it")
    case .arrays: break
    case .other:
      report.add(.warning, "is a zip archive without data.pkl: not a PyTorch file")
    }
  }

  private func add(_ error: CheckpointError, _ record: String?, _ report: inout ScanReport) {
    var error = error
    error.record = (error.record ?? record).map { prefix + $0 }
    report.add(error, record: error.record ?? (prefix.isEmpty ? nil : prefix))
  }

  // MARK: The directory

  private func checkNames(_ directory: ZipDirectory, _ report: inout ScanReport) {
    for record in directory.records where record.leadsOut {
      report.add(
        .danger, "a name that leads out of a folder where it is unpacked",
        record: prefix + record.name)
    }
    for (name, other) in directory.namesakes {
      report.add(
        .danger, "PyTorch does not tell this name from \(quoted(other))", record: prefix + name)
    }
  }

  /// Bytes that belong to no record.
  private func checkGaps(_ directory: ZipDirectory, _ report: inout ScanReport) {
    let order = directory.records.sorted { $0.headerOffset < $1.headerOffset }
    var end = 0
    // What may follow the bytes of a streamed record: checksum and sizes, with or without signature.
    var allowed: Set<Int> = [0]
    for record in order {
      let gap = record.headerOffset - end
      if !allowed.contains(gap) {
        report.add(
          .warning, "\(gap) bytes that belong to no record", record: prefix + record.name,
          offset: end)
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

  // MARK: Records

  private func isPickle(_ record: ZipDirectory.Record) -> Bool {
    [".pkl", ".pickle", ".debug_pkl"].contains { record.name.utf8.hasEnding($0) }
  }

  private func check(
    _ record: ZipDirectory.Record, _ directory: ZipDirectory, _ kind: ArchiveKind,
    _ used: inout Set<Key>, _ code: inout ScriptScan, _ report: inout ScanReport
  ) {
    let name = prefix + record.name
    do throws(CheckpointError) {
      try ZipDirectory.checkReadable(record)
      let content: InputFile
      if record.isStored {
        // PyTorch does not check: a record with a wrong checksum is examined anyway.
        do throws(CheckpointError) {
          try ZipDirectory.verify(record, file)
        } catch { add(error, record.name, &report) }
        content = try InputFile(part: file, at: record.dataOffset, count: record.byteCount)
      } else {
        let bytes = try directory.bytes(of: record, file)
        content = try InputFile(
          start: bytes, byteCount: bytes.count, path: file.path, shardName: nil)
      }
      if isPickle(record) {
        collectStorages(of: record, content, &used)
        ContentScan.scan(
          content, name: name, place: .pickle, storedByteCount: record.compressedByteCount,
          depth: depth, &report)
        return
      }
      let isCode = record.name.utf8.hasEnding(".py")
      // The files of an exported program have names of their own, whatever a pickle says.
      let isStorage = kind != .export && !isCode && used.contains(Key(record.name))
      let found = ContentScan.scan(
        content, name: name, place: isStorage ? .storage : .other,
        storedByteCount: record.compressedByteCount, depth: depth, &report)
      if found, isStorage {
        report.add(.warning, "a pickle in the place of elements", record: name)
      } else if found, kind == .torch,
        !ZipEnd.isArchive(try content.bytes(at: 0, count: min(4, content.byteCount)))
      {
        report.add(.danger, "a pickle under another name", record: name)
      }
      if record.name.utf8.contains("/aotinductor/") {
        report.add(.danger, "compiled code, which torch.export.load runs", record: name)
      }
      guard !found, !isStorage else { return }
      let isProgram =
        record.name.utf8.contains("models/")
        || record.name.utf8.hasEnding("serialized_exported_program.json")
      guard record.byteCount <= ZipScan.longestCode else {
        if isCode || isProgram {
          report.add(.danger, "a program that is too long to be examined", record: name)
        }
        return
      }
      if isCode || kind == .script || isProgram {
        let bytes = try content.bytes(at: 0, count: content.byteCount)
        code.add(bytes, name: name)
        if isProgram { ExportScan.scan(bytes, record: name, &report) }
      }
    } catch { add(error, record.name, &report) }
  }

  /// Which records are storages of a pickle: `data/0` of `data.pkl`, `constants/0` of `constants.pkl`.
  private func collectStorages(
    of record: ZipDirectory.Record, _ content: InputFile, _ used: inout Set<Key>
  ) {
    let parts = record.name.utf8.split(separator: UInt8(ascii: "/"))
    guard let last = parts.last,
      ZipScan.tensorPickles.contains(where: { last.elementsEqual($0.utf8) })
    else { return }
    let reader = ByteReader(
      content, at: 0, count: content.byteCount, longestPiece: PickleScan.longestPiece)
    var machine = PickleMachine(reader, storedByteCount: record.compressedByteCount)
    _ = try? machine.run()
    let folder = String(decoding: record.name.utf8.dropLast(4), as: UTF8.self) + "/"
    for storage in machine.storages { used.insert(Key(folder + storage.key)) }
  }

  // MARK: PyTorch files

  /// Whether the tensors lie in their storages, and whether every storage is used.
  private func checkTorch(
    _ directory: ZipDirectory, _ used: Set<Key>, _ report: inout ScanReport
  ) {
    do throws(CheckpointError) {
      let archive = try TorchArchive(file)
      for record in directory.records
      where !record.name.utf8.starts(with: archive.prefix.utf8) {
        report.add(
          .danger, "outside of the archive's folder \(quoted(archive.prefix))",
          record: prefix + record.name)
      }
      let (machine, root, pickle) = try archive.interpret()
      let structure = TorchStructure(machine, root: root, byteCount: pickle.byteCount)
      let storages = try archive.storages(of: structure)
      _ = try TorchLoader(file: file, structure: structure, storages: storages)
        .checkpoint(format: .torchZip)
      let data = archive.prefix + "data/"
      for record in directory.records
      where record.name.utf8.starts(with: data.utf8) && !used.contains(Key(record.name)) {
        report.add(
          .warning, "\(record.byteCount) bytes that no tensor uses", record: prefix + record.name)
      }
    } catch {
      // A broken pickle was reported when it was run.
      if error.record?.utf8.hasEnding("data.pkl") != true { add(error, nil, &report) }
    }
  }
}

/// What an archive is, by the names in it.
enum ArchiveKind: String {
  case torch = "torch-zip"
  case script = "torchscript"
  case export = "torch-export"
  case arrays = "npz"
  case other = "zip"

  init(_ directory: ZipDirectory) {
    func has(_ name: String) -> Bool {
      directory.records.contains { record in
        record.name.utf8.hasEnding("/" + name)
          || record.name.utf8.count == name.utf8.count && record.name.utf8.hasEnding(name)
      }
    }
    // TorchScript of PyTorch 1.0 to 1.3 has a model.json beside the other records.
    let isOld = directory.records.contains { record in
      record.name.utf8.hasEnding("/model.json")
        && record.name.utf8.filter { $0 == UInt8(ascii: "/") }.count == 1
    }
    if has("constants.pkl") || isOld {
      self = .script
    } else if has("archive_format") || has("serialized_exported_program.json") {
      self = .export
    } else if has("data.pkl") {
      self = .torch
    } else if !directory.records.isEmpty,
      directory.records.allSatisfy({ $0.name.utf8.hasEnding(".npy") })
    {
      self = .arrays
    } else {
      self = .other
    }
  }
}
