internal import CheckpointFiles
internal import ParameterSurgery

/// What can be wrong with the rows of a data file.
extension FineTuningError {
  private static func row(
    _ path: String, _ line: Int?, field: String? = nil, advice: [Advice] = [],
    underlying: Underlying? = nil, _ reason: String
  ) -> FineTuningError {
    FineTuningError(
      .malformedData, path: path, line: line, field: field, advice: advice,
      underlying: underlying, reason)
  }

  // MARK: Cells

  static func tooManyColumns(_ limit: Int, path: String, line: Int) -> FineTuningError {
    row(path, line, "more than \(grouped(limit)) columns")
  }

  static func longRow(limit: Int, mayBeQuoted: Bool, path: String, line: Int) -> FineTuningError {
    row(
      path, line,
      "a row of more than \(limit >> 20) MB" + (mayBeQuoted ? "; is a quote not closed?" : ""))
  }

  static func rowIsNotUTF8(atByte offset: Int, path: String, line: Int) -> FineTuningError {
    row(path, line, "not UTF-8 at byte \(offset); save the file as UTF-8")
  }

  static func shortRow(
    _ count: Int, need place: Int, _ role: DataOptions.ColumnRole, path: String, line: Int,
    advice: [Advice]
  ) -> FineTuningError {
    row(
      path, line, advice: advice,
      "\(Text.counted(count, "column")), but the \(role.noun) is column \(place)")
  }

  static func wideRow(
    _ count: Int, width: Int, hasHeader: Bool, separator: DataOptions.Separator, path: String,
    line: Int
  ) -> FineTuningError {
    row(
      path, line,
      "\(Text.counted(count, "cell")), but the \(hasHeader ? "header" : "first row") has "
        + "\(width); a cell that contains \(separator.noun) must be in quotes")
  }

  static func repeatedHeader(path: String, line: Int) -> FineTuningError {
    row(path, line, "the row repeats the header; remove it")
  }

  static func doubtfulQuotes(cells: Int, path: String, line: Int) -> FineTuningError {
    row(
      path, line, advice: [.chooseQuotes(.yes), .chooseQuotes(.no)],
      "a cell that starts with a quote ends in a later line, but each of these lines alone has "
        + "\(Text.counted(cells, "cell")), too")
  }

  static func textAfterQuote(path: String, line: Int) -> FineTuningError {
    row(
      path, line,
      "the quoted cell that starts here continues for several lines and has text after its closing quote; is a "
        + "quote missing?")
  }

  static func openQuote(path: String, line: Int) -> FineTuningError {
    row(path, line, "a quoted field without its closing quote")
  }

  static func noText(path: String, line: Int) -> FineTuningError {
    row(path, line, "no text")
  }

  static func blankLabel(_ label: String, path: String, line: Int) -> FineTuningError {
    row(path, line, "the label is \(label.isEmpty ? "empty" : "blank")")
  }

  // MARK: JSON lines

  static func rowIsNotJSON(
    _ error: CheckpointError, path: String, line: Int
  ) -> FineTuningError {
    row(path, line, underlying: .checkpoint(error), error.description)
  }

  static func rowIsNotObject(path: String, line: Int) -> FineTuningError {
    row(
      path, line,
      "not a JSON object; JSONL has one object a line, as {\"text\": \"…\", \"label\": 1}")
  }

  static func lateSecondText(_ name: String, path: String, line: Int) -> FineTuningError {
    row(
      path, line, field: name,
      "\(quoted(name)) is the second text, which the first object does not have; give every "
        + "object both texts, or name the column of the text if there is only one")
  }

  static func noMember(
    _ name: Key, _ role: DataOptions.ColumnRole, among names: [String], path: String, line: Int
  ) -> FineTuningError {
    row(
      path, line, field: name.string,
      "no \(quoted(name.string)) (the \(role.noun)); there are \(listed(names))")
  }

  static func memberIsNotText(
    _ name: Key, _ role: DataOptions.ColumnRole, path: String, line: Int
  ) -> FineTuningError {
    row(
      path, line, field: name.string,
      "\(quoted(name.string)) (the \(role.noun)) is not a string, a number or a truth value")
  }

  // MARK: The file

  static func separatorOfJSON(path: String) -> FineTuningError {
    row(path, nil, "a separator is for TSV and CSV, and this is read as JSON lines")
  }

  static func noRows(hasHeader: Bool, path: String) -> FineTuningError {
    row(path, nil, hasHeader ? "no rows below the header" : "empty, no rows to read")
  }

  static func otherFile(_ kind: DataFileKind, path: String) -> FineTuningError {
    row(path, kind.line, advice: kind.advice, kind.sentence)
  }
}

extension DataFileKind {
  /// The line that the sentence is about; `nil` when it is about the whole file.
  fileprivate var line: Int? {
    switch self {
    case .utf16, .separatorLine: 1
    default: nil
    }
  }

  fileprivate var advice: [FineTuningError.Advice] {
    switch self {
    case .separatorLine(let separator): [.chooseSeparator(separator)]
    case .jsonLines: [.chooseFormat(.jsonl)]
    default: []
    }
  }

  fileprivate var sentence: String {
    func pandas(_ reader: String) -> String {
      "as pandas does: read_\(reader)(…).to_csv(…, index=False)"
    }
    return switch self {
    case .gzip: "is compressed by gzip; unpack it first (gunzip)"
    case .bzip2: "is compressed by bzip2; unpack it first (bunzip2)"
    case .zstandard: "is compressed by Zstandard; unpack it first (unzstd)"
    case .xz: "is compressed by xz; unpack it first (unxz)"
    case .parquet: "is a Parquet file; write it as CSV or JSON lines, \(pandas("parquet"))"
    case .arrow: "is an Arrow file; write it as CSV or JSON lines, \(pandas("feather"))"
    case .oldWorkbook: "is a workbook of an old Excel (.xls); save the sheet as CSV"
    case .workbook: "is an Excel workbook (.xlsx); save the sheet as CSV"
    case .sqlite: "is an SQLite database; export the table as CSV"
    case .hdf5: "is an HDF5 file; write the table as CSV or JSON lines"
    case .pdf: "is a PDF document, not a table"
    case .lfsPointer:
      "is a Git LFS pointer: the data itself was not downloaded (git lfs pull)"
    case .zip: "is a zip archive; unpack it first"
    case .pickle:
      "is a Python pickle, which is not read as data; write the table as CSV or JSON lines"
    case .utf16: "not UTF-8 at byte 0, but UTF-16; save the file as UTF-8"
    case .zeros:
      "is not text in UTF-8: every second byte is zero, as in UTF-16; save the file as UTF-8"
    case .webPage: "is a web page, not data: a download went wrong"
    case .jsonArray:
      "is a JSON array; JSON lines have one object a line, as jq -c '.[]' writes them"
    case .jsonDocument:
      "is one JSON document over several lines; JSON lines have one object a line, as jq -c "
        + "writes them"
    case .separatorLine(let separator):
      "\(quoted("sep=" + separator)) is a line for Excel alone; remove it"
    case .jsonLines: "is JSON lines by its first line"
    }
  }
}
