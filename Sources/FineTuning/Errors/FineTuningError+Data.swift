internal import CheckpointFiles
internal import ParameterSurgery

/// What can be wrong with the rows of a data file.
extension FineTuningError {
  static func tooManyColumns(_ limit: Int, path: String, line: Int) -> FineTuningError {
    row(path, line, "more than \(grouped(limit)) columns")
  }

  static func shortRow(
    _ count: Int, need place: Int, _ what: String, path: String, line: Int, advice: [Advice]
  ) -> FineTuningError {
    row(
      path, line, advice: advice,
      "\(counted(count, "column")), but the \(what) is column \(place)")
  }

  static func doubtfulQuotes(cells: Int, path: String, line: Int) -> FineTuningError {
    row(
      path, line, advice: [.chooseQuotes(.yes), .chooseQuotes(.no)],
      "a cell that starts with a quote ends in a later line, but each of these lines alone has "
        + "\(counted(cells, "cell")), too")
  }

  static func otherFile(_ sentence: String, path: String, advice: [Advice]) -> FineTuningError {
    FineTuningError(.malformedData, path: path, advice: advice, "\(path): \(sentence)")
  }

  private static func row(
    _ path: String, _ line: Int, advice: [Advice] = [], _ sentence: String
  ) -> FineTuningError {
    FineTuningError(
      .malformedData, path: path, line: line, advice: advice,
      "\(path): line \(line): \(sentence)")
  }
}

/// What can be wrong with the columns of a data file.
extension FineTuningError {
  static func namedWithoutHeader(_ name: String, path: String) -> FineTuningError {
    columns(
      path, advice: [.chooseHeader(.yes)],
      "the column \(quoted(name)) is a name, but the file is read without a header; number it from 1"
    )
  }

  static func noColumn(
    _ number: Int, of count: Int, path: String, advice: [Advice]
  ) -> FineTuningError {
    columns(
      path, advice: advice,
      "no column \(number); the first row has \(counted(count, "column"))")
  }

  static func noColumn(_ name: String, among names: [String], path: String) -> FineTuningError {
    columns(path, "no column \(quoted(name)); there are \(listed(names))")
  }

  static func noColumnInFirstRow(
    _ name: String, _ cells: String, path: String, advice: [Advice]
  ) -> FineTuningError {
    columns(path, advice: advice, "no column \(quoted(name)) in the first row, which has \(cells)")
  }

  static func oneCell(_ cell: String, path: String, advice: [Advice]) -> FineTuningError {
    columns(path, advice: advice, "the first row is one cell, \(quoted(cell))")
  }

  static func unclearColumns(
    _ count: Int, _ cells: String, path: String, advice: [Advice]
  ) -> FineTuningError {
    columns(
      path, advice: advice,
      "\(counted(count, "column")) and no header with a usual name in the first row, which has \(cells)"
    )
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
      path, advice: [.chooseHeader(.yes)],
      "columns \(first) and \(second) are both called \(quoted(name)); use the number of the column"
    )
  }

  static func sameColumn(
    _ column: String, _ first: DataOptions.ColumnRole, _ second: DataOptions.ColumnRole,
    of count: Int, path: String, role: DataOptions.ColumnRole
  ) -> FineTuningError {
    columns(
      path, advice: [.nameColumns([role])],
      (first == .labels ? "two labels are" : "the \(first.noun) and the \(second.noun) are both")
        + " column \(column)" + (count > 1 ? " (there are \(count) columns)" : ""))
  }

  /// The first row was read as data and is probably a header.
  static func probablyHeader(
    _ label: String, _ reason: String, path: String, line: Int
  ) -> FineTuningError {
    FineTuningError(
      .columns, path: path, line: line, advice: [.chooseHeader(.yes), .chooseHeader(.no)],
      "\(path): line \(line): the label \(quoted(label)) \(reason)")
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
      "\(grouped(labels)) different labels in \(counted(rows, "row")), but only \(grouped(texts)) different "
        + "\(texts == 1 ? "text" : "texts"): the columns are probably swapped")
  }

  private static func columns(
    _ path: String, advice: [Advice] = [], _ sentence: String
  ) -> FineTuningError {
    FineTuningError(.columns, path: path, advice: advice, "\(path): \(sentence)")
  }
}

/// What can be wrong with the labels of a data file.
extension FineTuningError {
  static func labelIsList(_ text: String?, path: String, line: Int) -> FineTuningError {
    label(
      path, line, advice: [.chooseTask([.multiLabel])],
      "the label \(text.map { "\(quoted($0)) " } ?? "")is a list, and one label for each text is expected"
    )
  }

  static func markColumns(path: String) -> FineTuningError {
    label(
      path, nil, advice: [.chooseTask([.multiLabel])],
      "a column of 0 and 1 for each label is for several labels, and one label for each text is expected"
    )
  }

  static func labelIsNotNumber(
    _ text: String, path: String, line: Int, advice: [Advice]
  ) -> FineTuningError {
    label(
      path, line, advice: advice,
      "the label \(quoted(text)) is not a number in decimal digits, as regression needs")
  }

  static func tooManyLabels(_ limit: Int, path: String, line: Int) -> FineTuningError {
    label(
      path, line, advice: [.nameColumns([.label]), .chooseTask([.regression])],
      "more than \(grouped(limit)) different labels")
  }

  static func decimalLabels(_ label: String, path: String) -> FineTuningError {
    self.label(
      path, nil, advice: [.chooseTask([.regression, .classification])],
      "the labels are decimal numbers, such as \(label)")
  }

  static func unknownLabel(
    _ label: String, _ owner: String, _ names: [String], path: String?, line: Int?,
    advice: [Advice]
  ) -> FineTuningError {
    let place = (path.map { "\($0): " } ?? "") + (line.map { "line \($0): " } ?? "")
    return FineTuningError(
      .label, path: path, line: line, advice: advice,
      "\(place)the label \(quoted(label)) is not one of \(owner): \(listed(names))")
  }

  static func singleBits(path: String, line: Int) -> FineTuningError {
    label(
      path, line, advice: [.chooseTask([.classification])],
      "every list is a single 0 or 1, which may be the name of a label or the target of one label; write names "
        + "that are not 0 and 1")
  }

  private static func label(
    _ path: String, _ line: Int?, advice: [Advice] = [], _ sentence: String
  ) -> FineTuningError {
    FineTuningError(
      .label, path: path, line: line, advice: advice,
      "\(path): \(line.map { "line \($0): " } ?? "")\(sentence)")
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
