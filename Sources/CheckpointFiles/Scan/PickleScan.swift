/// Audits one pickle.
enum PickleScan {
  /// Runs `machine` and reports what it met; its value, or `nil` when the pickle is broken. What stands
  /// before the broken place is reported.
  static func run(
    _ machine: inout PickleMachine, record: String?, _ report: inout ScanReport
  ) -> NodeID? {
    var root: NodeID?
    var failure: CheckpointError?
    do throws(CheckpointError) { root = try machine.run() } catch { failure = error }
    var places: [PickleGlobal: Int] = [:]
    for use in machine.globals {
      if let place = places[use.global] {
        report.globals[place].count += 1
        continue
      }
      places[use.global] = report.globals.count
      let (severity, reason) = GlobalRisk.judge(use.global)
      report.globals.append(
        ScanReport.Global(
          name: use.global.path, severity: severity, reason: reason, count: 1, record: record,
          offset: use.offset))
    }
    for oddity in machine.oddities {
      report.add(.warning, oddity.text, record: record, offset: oddity.offset)
    }
    for node in machine.nodes { inspect(node, record, &report) }
    if let failure { report.add(failure, record: record) }
    return root
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
