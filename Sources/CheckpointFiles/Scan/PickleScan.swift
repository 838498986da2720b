/// Audits one pickle.
struct PickleScan {
  private(set) var machine: PickleMachine
  /// The pickle's value, or `nil` when it is broken.
  private(set) var root: NodeID?
  private var failure: CheckpointError?
  private let startsAsPickle: Bool

  /// Longer strings are skipped: they hold elements, not names.
  static let longestPiece = 1 << 26

  /// Interprets the pickle at the position of `reader`.
  init(_ reader: ByteReader, storedByteCount: Int?) {
    machine = PickleMachine(reader, storedByteCount: storedByteCount)
    machine.audit = PickleAudit()
    var start = reader
    startsAsPickle = (try? start.byte()) == 0x80
    do throws(CheckpointError) {
      root = try machine.run()
      failure = machine.refusal
    } catch { failure = machine.refusal ?? error }
  }

  /// Whether the bytes are a pickle, though nothing says so: one that ends, or names something that
  /// could be imported and does something with it.
  var isConvincing: Bool {
    // What takes too much to be followed may name something later.
    if machine.isExhausted { return true }
    guard namesSomething else { return startsAsPickle && root != nil }
    let named = machine.globals.filter { GlobalRisk.isImportable($0.global) }
    return root != nil || startsAsPickle || (machine.audit?.callCount ?? 0) > 0
      || named.contains { GlobalRisk.isPrimitive($0.global) }
  }

  /// Whether it names something that could be imported.
  var namesSomething: Bool { machine.globals.contains { GlobalRisk.isImportable($0.global) } }

  /// Adds what the machine found. What precedes a broken place is reported.
  func add(to report: inout ScanReport, record: String?, depth: Int) {
    let unapproved = machine.audit?.unapproved(in: machine.nodes, machine.tensors) ?? []
    var calls: [Key: [String]] = [:]
    for call in machine.audit?.calls ?? [] {
      if calls[call.path, default: []].count < 5 { calls[call.path, default: []].append(call.text) }
    }
    var places: [Key: Int] = [:]
    for use in machine.globals {
      let path = Key(use.global.path)
      if let place = places[path] {
        report.globals[place].count += 1
        continue
      }
      guard report.globals.count < ScanReport.maximumFindings * 10 else {
        report.add(.danger, "more names than are reported", record: record)
        break
      }
      places[path] = report.globals.count
      var risk = GlobalRisk.judge(use.global)
      if unapproved.contains(path) { risk = .danger("runs code or reaches outside") }
      report.globals.append(
        ScanReport.Global(
          name: path.string, severity: risk.severity, reason: risk.reason, count: 1,
          calls: calls[path] ?? [], record: record, offset: fileOffset(use.offset)))
    }
    for oddity in machine.oddities {
      report.add(.warning, oddity.text, record: record, offset: fileOffset(oddity.offset))
    }
    for remark in machine.audit?.remarks ?? [] {
      report.add(remark.severity, remark.text, record: record, offset: fileOffset(remark.offset))
    }
    for bytes in machine.audit?.loaded ?? [] {
      ContentScan.inner(
        bytes, name: (record ?? "") + "!_load_from_bytes", depth: depth + 1, &report)
    }
    for node in machine.nodes { PickleScan.inspect(node, record, &report) }
    if var failure {
      failure.offset = failure.offset.map(fileOffset)
      report.add(failure, record: record)
    }
  }

  private func fileOffset(_ position: Int) -> Int {
    position + machine.reader.skippedByteCount(before: position)
  }

  /// Pickles inside of strings are for a loader that is called with them.
  private static func inspect(
    _ node: PickleNode, _ record: String?, _ report: inout ScanReport
  ) {
    let bytes: [UInt8]
    switch node {
    case .bytes(let raw), .byteArray(let raw): bytes = raw
    // As characters, the bytes of a pickle are not ASCII: 0x80 comes first.
    case .string(let text) where text.unicodeScalars.first?.value == 0x80:
      bytes = text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    default: return
    }
    if bytes.count > 2, bytes[0] == 0x80, bytes[1] <= 5, bytes.last == 0x2E {
      report.add(.warning, "a pickle inside of a string of \(bytes.count) bytes", record: record)
    } else if bytes.starts(with: TorchZipReader.signature) {
      report.add(.warning, "an archive inside of a string of \(bytes.count) bytes", record: record)
    }
  }
}
