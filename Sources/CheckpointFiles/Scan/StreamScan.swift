/// Looks at a pickle, or at the pickles and elements of PyTorch's format before zip.
struct StreamScan {
  private let file: InputFile
  private let record: String?
  private let depth: Int
  private let storedByteCount: Int?
  /// Whether the name of the file says that it is a checkpoint.
  var isNamedAsPickle = false
  /// Whether bytes after the pickle are not a reason for concern.
  var allowsRest = false
  /// What was found: the format, if it is PyTorch's.
  private(set) var isTorch = false

  init(_ file: InputFile, record: String?, depth: Int, storedByteCount: Int?) {
    self.file = file
    self.record = record
    self.depth = depth
    self.storedByteCount = storedByteCount
  }

  /// - Parameter isExpected: whether the bytes are called a pickle; others are one when they are
  ///   convincing.
  /// - Returns: whether they are a pickle.
  mutating func scan(
    isExpected: Bool, _ report: inout ScanReport
  ) throws(CheckpointError) -> Bool {
    let reader = ByteReader(
      file, at: 0, count: file.byteCount, longestPiece: PickleScan.longestPiece)
    let first = PickleScan(reader, storedByteCount: storedByteCount)
    let isWhole = record == nil && first.root != nil && first.machine.reader.remaining == 0
    guard isExpected || first.isConvincing || isWhole || isNamedAsPickle && first.namesSomething
    else { return false }
    first.add(to: &report, record: record, depth: depth)
    guard let root = first.root else { return true }
    if TorchLegacyReader.isMagic(first.machine.node(root)) {
      isTorch = true
      scanLegacy(after: first.machine.reader, &report)
    } else {
      if record == nil { report.add(.warning, "a pickle that torch.save did not write") }
      scanRest(first.machine.reader, &report)
    }
    return true
  }

  /// What follows a pickle: nothing, if it is honest. Other pickles are named too.
  private func scanRest(_ reader: ByteReader, _ report: inout ScanReport) {
    guard reader.remaining > 0, !allowsRest else { return }
    report.add(
      .danger, "\(reader.remaining) bytes after the end of the pickle", record: record,
      offset: reader.position + reader.skippedByteCount(before: reader.position))
    var reader = reader
    for _ in 0..<64 where reader.remaining > 0 {
      let next = PickleScan(reader, storedByteCount: storedByteCount)
      guard next.isConvincing else { return }
      next.add(to: &report, record: record, depth: depth)
      guard next.root != nil else { return }
      reader = next.machine.reader
    }
  }

  /// Version, machine, value and storage keys, each a pickle, and the elements.
  private func scanLegacy(after reader: ByteReader, _ report: inout ScanReport) {
    var reader = reader
    var value: (PickleMachine, NodeID)?
    var beforeKeys = reader
    for part in ["the version", "the machine", "the value", "the storage keys"] {
      beforeKeys = reader
      let pickle = PickleScan(reader, storedByteCount: storedByteCount)
      pickle.add(to: &report, record: record, depth: depth)
      guard let root = pickle.root else { return }
      if part == "the version", !TorchLegacyReader.isKnownVersion(pickle.machine.node(root)) {
        report.add(
          .warning,
          "broken: the old PyTorch format of version \(pickle.machine.nodes.brief(root)); 1001 is known",
          record: record)
      }
      if part == "the value" { value = (pickle.machine, root) }
      reader = pickle.machine.reader
    }
    guard let (machine, root) = value else { return }
    do throws(CheckpointError) {
      reader = beforeKeys
      let structure = TorchStructure(machine, root: root, byteCount: reader.position)
      let storages = try TorchLegacyReader.storages(of: structure, &reader, file)
      _ = try TorchLoader(file: file, structure: structure, storages: storages)
        .checkpoint(format: .torchLegacy)
      if reader.remaining > 0 {
        report.add(
          .danger, "\(reader.remaining) bytes after the last storage", record: record,
          offset: reader.position + reader.skippedByteCount(before: reader.position))
      }
    } catch { report.add(error, record: record) }
  }
}
