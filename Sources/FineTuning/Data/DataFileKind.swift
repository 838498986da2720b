internal import CheckpointFiles

/// Files of other programs, and layouts of JSON that are not a line an object, by how they begin.
enum DataFileKind: Sendable, Hashable {
  case gzip, bzip2, zstandard, xz, zip
  case parquet, arrow, oldWorkbook, workbook, sqlite, hdf5, pdf, pickle
  case lfsPointer
  /// Text in UTF-16, by its byte order mark.
  case utf16
  /// Text of which every second byte is zero.
  case zeros
  case webPage
  /// One JSON array, where an object a line is expected.
  case jsonArray
  /// One JSON object over several lines.
  case jsonDocument
  /// CSV whose first line names the separator to Excel.
  case separatorLine(String)
  /// JSON lines, where cells are expected.
  case jsonLines

  private static let signatures: [(bytes: [UInt8], kind: DataFileKind)] = [
    ([0x1F, 0x8B], .gzip), ([0x42, 0x5A, 0x68], .bzip2), ([0x28, 0xB5, 0x2F, 0xFD], .zstandard),
    ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], .xz), (Array("PAR1".utf8), .parquet),
    (Array("ARROW1".utf8), .arrow),
    ([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], .oldWorkbook),
    (Array("SQLite format 3\0".utf8), .sqlite), ([0x89, 0x48, 0x44, 0x46], .hdf5),
    (Array("%PDF-".utf8), .pdf), (Array("version https://git-lfs".utf8), .lfsPointer),
  ]

  /// The kind of a file that begins with `start`; `nil` when it may hold rows of text.
  ///
  /// - Parameter format: how the file is to be read.
  init?(_ start: [UInt8], readAs format: DataOptions.Format) {
    if let signature = DataFileKind.signatures.first(where: { start.starts(with: $0.bytes) }) {
      self = signature.kind
      return
    }
    if start.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
      let isWorkbook = ["[Content_Types].xml", "xl/"].contains { start.contains($0) }
      self = isWorkbook ? .workbook : .zip
      return
    }
    if start.count >= 2, start[0] == 0x80, (2...5).contains(start[1]) {
      self = .pickle
      return
    }
    if start.starts(with: [0xFF, 0xFE]) || start.starts(with: [0xFE, 0xFF]) {
      self = .utf16
      return
    }
    let zeros = [0, 1].map { first in
      stride(from: first, to: min(64, start.count), by: 2).count { start[$0] == 0 }
    }
    if zeros.contains(where: { $0 > 1 && $0 * 4 > min(64, start.count) }) {
      self = .zeros
      return
    }
    let text = start.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
    let beginning = String(decoding: text.prefix(16), as: UTF8.self).lowercased()
    if beginning.begins(with: "<!doctype html") || beginning.begins(with: "<html") {
      self = .webPage
      return
    }
    self.init(json: text, readAs: format)
  }

  private init?(json text: ArraySlice<UInt8>, readAs format: DataOptions.Format) {
    guard let first = text.first else { return nil }
    let line = text.prefix { $0 != 0x0A }
    switch format {
    case .jsonl where first == UInt8(ascii: "["): self = .jsonArray
    case .jsonl where first == UInt8(ascii: "{"):
      // An object that continues in the next line.
      let content = line.dropFirst().drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
      guard content.isEmpty, line.endIndex < text.endIndex else { return nil }
      self = .jsonDocument
    case .csv
    where String(decoding: line.prefix(5), as: UTF8.self).lowercased().begins(with: "sep="):
      self = .separatorLine(
        String(decoding: line.dropFirst(4).prefix { $0 != 0x0D }, as: UTF8.self))
    case .csv, .tsv:
      guard first == UInt8(ascii: "{"), line.endIndex < text.endIndex || text.count < 4096,
        (try? JSONParser.parse(Array(line)))?.object != nil
      else { return nil }
      self = .jsonLines
    default: return nil
    }
  }
}
