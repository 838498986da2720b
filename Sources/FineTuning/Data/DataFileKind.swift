internal import CheckpointFiles

/// Files of other programs, and layouts of JSON that are not a line an object, by how they begin.
enum DataFileKind {
  private static let signatures: [(bytes: [UInt8], sentence: String)] = [
    ([0x1F, 0x8B], "is compressed by gzip; unpack it first (gunzip)"),
    ([0x42, 0x5A, 0x68], "is compressed by bzip2; unpack it first (bunzip2)"),
    ([0x28, 0xB5, 0x2F, 0xFD], "is compressed by Zstandard; unpack it first (unzstd)"),
    ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "is compressed by xz; unpack it first (unxz)"),
    (Array("PAR1".utf8), "is a Parquet file; write it as CSV or JSON lines, \(pandas("parquet"))"),
    (Array("ARROW1".utf8), "is an Arrow file; write it as CSV or JSON lines, \(pandas("feather"))"),
    (
      [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1],
      "is a workbook of an old Excel (.xls); save the sheet as CSV"
    ),
    (Array("SQLite format 3\0".utf8), "is an SQLite database; export the table as CSV"),
    ([0x89, 0x48, 0x44, 0x46], "is an HDF5 file; write the table as CSV or JSON lines"),
    (Array("%PDF-".utf8), "is a PDF document, not a table"),
    (
      Array("version https://git-lfs".utf8),
      "is a Git LFS pointer: the data itself was not downloaded (git lfs pull)"
    ),
  ]

  private static func pandas(_ reader: String) -> String {
    "as pandas does: read_\(reader)(…).to_csv(…, index=False)"
  }

  /// Why a file is not data.
  struct Refusal {
    let sentence: String
    var advice: [FineTuningError.Advice] = []

    init(_ sentence: String, _ advice: FineTuningError.Advice...) {
      self.sentence = sentence
      self.advice = advice
    }
  }

  /// What is wrong with a file that begins with `start`; `nil` when it may hold rows of text.
  ///
  /// - Parameter format: how the file is to be read.
  static func refusal(_ start: [UInt8], _ format: DataOptions.Format) -> Refusal? {
    if let signature = signatures.first(where: { start.starts(with: $0.bytes) }) {
      return Refusal(signature.sentence)
    }
    if start.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
      let names = String(decoding: start, as: UTF8.self)
      let isWorkbook = ["[Content_Types].xml", "xl/"].contains(where: names.contains)
      return Refusal(
        isWorkbook
          ? "is an Excel workbook (.xlsx); save the sheet as CSV"
          : "is a zip archive; unpack it first")
    }
    if start.count >= 2, start[0] == 0x80, (2...5).contains(start[1]) {
      return Refusal(
        "is a Python pickle, which is not read as data; write the table as CSV or JSON lines")
    }
    if start.starts(with: [0xFF, 0xFE]) || start.starts(with: [0xFE, 0xFF]) {
      return Refusal("line 1: not UTF-8 at byte 0, but UTF-16; save the file as UTF-8")
    }
    let zeros = [0, 1].map { first in
      stride(from: first, to: min(64, start.count), by: 2).count { start[$0] == 0 }
    }
    if zeros.contains(where: { $0 > 1 && $0 * 4 > min(64, start.count) }) {
      return Refusal(
        "is not text in UTF-8: every second byte is zero, as in UTF-16; save the file as UTF-8")
    }
    let text = start.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
    let beginning = String(decoding: text.prefix(16), as: UTF8.self).lowercased()
    if beginning.begins(with: "<!doctype html") || beginning.begins(with: "<html") {
      return Refusal("is a web page, not data: a download went wrong")
    }
    return json(text, format)
  }

  private static func json(_ text: ArraySlice<UInt8>, _ format: DataOptions.Format) -> Refusal? {
    guard let first = text.first else { return nil }
    let line = text.prefix { $0 != 0x0A }
    switch format {
    case .jsonl where first == UInt8(ascii: "["):
      return Refusal(
        "is a JSON array; JSON lines have one object a line, as jq -c '.[]' writes them")
    case .jsonl where first == UInt8(ascii: "{"):
      // An object that continues in the next line.
      let content = line.dropFirst().drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
      guard content.isEmpty, line.endIndex < text.endIndex else { return nil }
      return Refusal(
        "is one JSON document over several lines; JSON lines have one object a line, as jq -c "
          + "writes them")
    case .csv
    where String(decoding: line.prefix(5), as: UTF8.self).lowercased().begins(with: "sep="):
      let separator = String(decoding: line.dropFirst(4).prefix { $0 != 0x0D }, as: UTF8.self)
      return Refusal(
        "line 1: \(quoted("sep=" + separator)) is a line for Excel alone; remove it",
        .chooseSeparator(separator))
    case .csv, .tsv:
      guard first == UInt8(ascii: "{"), line.endIndex < text.endIndex || text.count < 4096,
        (try? JSONParser.parse(Array(line)))?.object != nil
      else { return nil }
      return Refusal("is JSON lines by its first line", .chooseFormat(.jsonl))
    default: return nil
    }
  }
}
