internal import CheckpointFiles
internal import ParameterSurgery

/// What can be wrong with the columns of a data file.
extension FineTuningError {
  /// The stored columns of a classifier that are not names of columns.
  static func columnNames(path: String) -> FineTuningError {
    FineTuningError(
      .malformedModel, path: path, field: "columns",
      "\"columns\" is not an object of the names of columns (text, pair, label, labels)")
  }

  private static func columns(
    _ path: String, line: Int? = nil, field: String? = nil, advice: [Advice] = [],
    _ reason: String
  ) -> FineTuningError {
    FineTuningError(.columns, path: path, line: line, field: field, advice: advice, reason)
  }

  static func namedWithoutHeader(_ name: String, path: String) -> FineTuningError {
    columns(
      path, field: name, advice: [.chooseHeader(.yes)],
      "the column \(quoted(name)) is a name, but the file is read without a header; number it from 1"
    )
  }

  static func noColumn(
    _ number: Int, of count: Int, path: String, advice: [Advice]
  ) -> FineTuningError {
    columns(
      path, advice: advice,
      "no column \(number); the first row has \(Text.counted(count, "column"))")
  }

  static func noColumn(_ name: String, among names: [String], path: String) -> FineTuningError {
    columns(path, field: name, "no column \(quoted(name)); there are \(listed(names))")
  }

  static func noColumnInFirstRow(
    _ name: String, _ cells: [String], path: String, advice: [Advice]
  ) -> FineTuningError {
    columns(
      path, field: name, advice: advice,
      "no column \(quoted(name)) in the first row, which has \(listed(cells.map(shortened)))")
  }

  static func oneCell(_ cell: String, path: String, advice: [Advice]) -> FineTuningError {
    columns(path, advice: advice, "the first row is one cell, \(quoted(shortened(cell)))")
  }

  static func unclearColumns(
    _ cells: [String], path: String, advice: [Advice]
  ) -> FineTuningError {
    columns(
      path, advice: advice,
      "\(Text.counted(cells.count, "column")) and no header with a usual name in the first row, which has "
        + listed(cells.map(shortened)))
  }

  static func unnamedColumn(
    _ role: DataOptions.ColumnRole, among names: [String], path: String, advice: [Advice]
  ) -> FineTuningError {
    columns(
      path, advice: advice, "no column for the \(role.noun) was found; there are \(listed(names))")
  }

  static func duplicateColumn(
    _ name: String, _ first: Int, _ second: Int, path: String
  ) -> FineTuningError {
    columns(
      path, field: name, advice: [.chooseHeader(.yes)],
      "columns \(first) and \(second) are both called \(quoted(name)); use the number of the column"
    )
  }

  static func sameColumn(
    _ column: Columns.Place, _ first: DataOptions.ColumnRole, _ second: DataOptions.ColumnRole,
    of count: Int, path: String, role: DataOptions.ColumnRole
  ) -> FineTuningError {
    let name =
      switch column {
      case .index(let index): "\(index + 1)"
      case .name(let name): quoted(name.string)
      }
    return columns(
      path, field: column.name, advice: [.nameColumns([role])],
      (first == .labels ? "two labels are" : "the \(first.noun) and the \(second.noun) are both")
        + " column \(name)" + (count > 1 ? " (there are \(count) columns)" : ""))
  }

  /// Why a first row that was read as data is probably a header.
  enum HeaderSign {
    /// Its label is the only one that is not a number.
    case onlyWord
    /// Its label occurs in no other row.
    case occursOnce
  }

  /// The first row was read as data and is probably a header.
  static func probablyHeader(
    _ label: String, _ sign: HeaderSign, path: String, line: Int
  ) -> FineTuningError {
    let reason =
      switch sign {
      case .onlyWord: "is the only one that is not a number"
      case .occursOnce: "of the first row occurs in no other row"
      }
    return columns(
      path, line: line, advice: [.chooseHeader(.yes), .chooseHeader(.no)],
      "the label \(quoted(label)) \(reason)")
  }

  static func textsAreNumbers(_ text: String, path: String) -> FineTuningError {
    columns(
      path, advice: [.nameColumns([.text, .label])],
      "every text is a number, such as \(quoted(text)), and the labels are not numbers")
  }

  static func swappedColumns(
    labels: Int, rows: Int, texts: Int, path: String
  ) -> FineTuningError {
    columns(
      path, advice: [.nameColumns([.text, .label])],
      "\(grouped(labels)) different labels in \(Text.counted(rows, "row")), but only \(grouped(texts)) different "
        + "\(texts == 1 ? "text" : "texts"): the columns are probably swapped")
  }

  /// The beginning of a cell.
  private static func shortened(_ cell: String) -> String {
    cell.unicodeScalars.count > 24 ? cell.scalars(upTo: 23) + "…" : cell
  }
}

extension DataOptions.ColumnRole {
  /// What the column holds, for a message.
  package var noun: String {
    switch self {
    case .text: "text"
    case .pair: "second text"
    case .label: "label"
    case .labels: "labels"
    }
  }
}

extension DataOptions.Separator {
  /// The character, for a message.
  package var noun: String { text == "tab" ? "a tab" : quoted(text) }
}
