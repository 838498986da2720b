/// Audits a tar archive: PyTorch's format before 2017, which `torch.load` tries before any pickle.
///
/// The members are found as Python's `tarfile` finds them: a valid checksum makes a header.
struct TarScan {
  private let file: InputFile
  private static let blockByteCount = 512
  private static let maximumCount = 100_000

  init(_ file: InputFile) { self.file = file }

  /// Whether `start` is a header, whatever else the file is.
  static func isArchive(_ start: [UInt8]) -> Bool {
    guard start.count >= blockByteCount, let stated = number(start[148..<156]) else { return false }
    let others = Array(start[..<148]) + start[156..<blockByteCount]
    let unsigned = others.reduce(256) { $0 + Int($1) }
    let signed = others.reduce(256) { $0 + Int(Int8(bitPattern: $1)) }
    return stated == unsigned || stated == signed
  }

  /// A number as `tarfile` reads it: octal digits, or bytes after a mark.
  private static func number(_ field: ArraySlice<UInt8>) -> Int? {
    guard let first = field.first else { return nil }
    if first == 0x80 || first == 0xFF {
      var value = 0
      for byte in field.dropFirst() {
        let (shifted, overflow) = value.multipliedReportingOverflow(by: 256)
        guard !overflow else { return nil }
        value = shifted + Int(byte)
      }
      return first == 0x80 ? value : nil
    }
    var text = field.prefix { $0 != 0 }.filter {
      $0 != 0x20 && $0 != UInt8(ascii: "_") && !(0x09...0x0D).contains($0)
    }[...]
    for prefix in ["+", "0o", "0O"] where text.hasPrefix(prefix) {
      text.removeFirst(prefix.utf8.count)
    }
    return text.isEmpty ? 0 : Int(String(decoding: text, as: UTF8.self), radix: 8)
  }

  func scan(_ report: inout ScanReport) {
    do throws(CheckpointError) {
      var offset = 0
      var longName: String?
      var count = 0
      while offset <= file.byteCount - TarScan.blockByteCount {
        let header = try file.bytes(at: offset, count: TarScan.blockByteCount)
        guard header.contains(where: { $0 != 0 }), TarScan.isArchive(header) else { return }
        count += 1
        guard count <= TarScan.maximumCount else {
          throw .tooManyMembers.located(offset: offset)
        }
        guard let size = TarScan.number(header[124..<136]) else {
          throw .memberWithoutSize.located(offset: offset)
        }
        let type = header[156]
        var name = longName ?? self.name(header, type)
        longName = nil
        let start = offset + TarScan.blockByteCount
        // Links, devices and folders have no bytes, whatever their size is.
        let hasBytes = !(UInt8(ascii: "1")...UInt8(ascii: "6")).contains(type)
        let byteCount = hasBytes ? size : 0
        guard byteCount <= file.byteCount - start else {
          throw .memberTruncated(byteCount, left: file.byteCount - start).located(
            record: name, offset: offset)
        }
        let content = try InputFile(part: file, at: start, count: byteCount)
        switch type {
        case UInt8(ascii: "L"):
          let bytes = try content.bytes(at: 0, count: min(byteCount, 1 << 16))
          longName = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        case UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "X"):
          checkExtension(try content.bytes(at: 0, count: min(byteCount, 1 << 16)), name, &report)
        case UInt8(ascii: "S"):
          report.add(.danger, "a sparse member, which is not examined", record: name)
        default:
          while name.utf8.last == UInt8(ascii: "/"), name.utf8.count > 1 {
            name = name.droppingLastBytes(1)
          }
          let part = Key(name)
          let isPart = ["storages", "tensors", "pickle"].contains(part)
          if isPart, !hasBytes {
            report.add(.danger, "a link in the place of a file that torch.load reads", record: name)
          } else if part == "storages" || part == "tensors" {
            scanPart(content, name, &report)
          } else {
            ContentScan.scan(
              content, name: name, place: isPart ? .pickle : .other, depth: 0, &report)
          }
        }
        offset =
          start + (byteCount + TarScan.blockByteCount - 1)
          / TarScan.blockByteCount * TarScan.blockByteCount
      }
    } catch { report.add(error) }
  }

  private func name(_ header: [UInt8], _ type: UInt8) -> String {
    func text(_ range: Range<Int>) -> String {
      String(decoding: header[range].prefix { $0 != 0 }, as: UTF8.self)
    }
    let prefix = text(345..<500)
    return prefix.isEmpty ? text(0..<100) : prefix + "/" + text(0..<100)
  }

  /// An extended header may give a member another name or size.
  private func checkExtension(_ bytes: [UInt8], _ name: String, _ report: inout ScanReport) {
    for word in ["size=", "path=", "linkpath=", "GNU.sparse", "hdrcharset="] {
      if bytes.contains(word) {
        report.add(
          .danger,
          "an extended header that changes names or sizes of members, which is not examined",
          record: name)
        return
      }
    }
  }

  // MARK: Parts of PyTorch's format

  /// `storages` and `tensors` are pickles with elements between them.
  private func scanPart(_ content: InputFile, _ name: String, _ report: inout ScanReport) {
    do throws(CheckpointError) {
      var reader = ByteReader(content)
      var (machine, root) = try pickle(&reader, name, &report)
      guard case .integer(let count)? = root.map(machine.node), count >= 0 else {
        throw .missingPartCount
      }
      for _ in 0..<count {
        (machine, root) = try pickle(&reader, name, &report)
        guard case .tuple(let parts)? = root.map(machine.node), parts.count == 3 else {
          throw .partIsNotATriple.located(offset: reader.position)
        }
        if name.utf8.equals("storages") {
          guard case .global(let type) = machine.node(parts[2]),
            case .storage(_, let width)? = type.constructor
          else { throw .unknownStorageType.located(offset: reader.position) }
          let (size, overflow) = try reader.long().multipliedReportingOverflow(by: width)
          guard !overflow else { throw .storageTooLarge }
          _ = try reader.take(size)
        } else {
          let dimensions = try reader.word()
          _ = try reader.take(4)
          let (size, overflow) = dimensions.multipliedReportingOverflow(by: 16)
          guard !overflow else { throw .tooManyDimensions }
          _ = try reader.take(size)
          _ = try reader.take(8)
        }
      }
      if name.utf8.equals("storages") { _ = try pickle(&reader, name, &report) }
      if reader.remaining > 0 {
        report.add(
          .danger, "\(reader.remaining) bytes after the end", record: name, offset: reader.position)
      }
    } catch { report.add(error, record: name) }
  }

  private func pickle(
    _ reader: inout ByteReader, _ name: String, _ report: inout ScanReport
  ) throws(CheckpointError) -> (PickleMachine, NodeID?) {
    let scan = PickleScan(reader, storedByteCount: nil)
    scan.add(to: &report, record: name, depth: 0)
    guard scan.root != nil else {
      throw .afterBrokenPickle.located(offset: reader.position)
    }
    reader = scan.machine.reader
    return (scan.machine, scan.root)
  }
}
