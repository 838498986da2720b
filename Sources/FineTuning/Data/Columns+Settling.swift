internal import CheckpointFiles

extension Columns {
  private static let textNames = [
    "text", "sentence", "sentence1", "review", "content", "comment", "tweet", "body", "document",
    "utterance",
  ]
  /// The second text that belongs to a usual name of a text.
  private static let pairNames = ["text": "text_pair", "sentence1": "sentence2"]
  private static let labelName = "label"

  /// The first of the usual names that a column has, as the file spells it.
  private static func usual(_ names: [String], in columns: [String]) -> String? {
    for name in names {
      if let column = columns.first(where: { $0 == name })
        ?? columns.first(where: { $0.lowercased() == name })
      {
        return column
      }
    }
    return nil
  }

  /// The second text of a pair whose first is `text`, when no column was named.
  func usualPair(_ text: String?, in columns: [String]) -> String? {
    guard options.textColumn == nil, let text,
      let name = Columns.pairNames[text.lowercased()]
    else { return nil }
    return Columns.usual([name], in: columns)
  }

  /// Whether a first row names the columns, when none was named: a cell is the usual name of a text or,
  /// among several, of a label, none is a number, as names never are, and none is empty but the first, where
  /// pandas writes an index, and the last, of a file whose rows end with separators.
  private static func isHeader(_ cells: [String]) -> Bool {
    var named = cells[...]
    while named.count > 1, named.last?.isEmpty == true { named.removeLast() }
    if named.count > 1, named.first?.isEmpty == true { named.removeFirst() }
    let names = cells.count > 1 ? textNames + [labelName] : textNames
    return usual(names, in: Array(named)) != nil
      && !named.contains { $0.isEmpty || LabelText.decimal($0) != nil }
  }

  private var asked: [String] {
    [options.textColumn, options.pairColumn, options.labelColumn].compactMap(\.self)
      + options.labelColumns
  }

  private static func number(_ column: String) -> Int? {
    guard let number = Int(column), number > 0 else { return nil }
    return number
  }

  private static func contains(_ columns: [String], _ name: String) -> Bool {
    columns.contains { LabelText.same($0, name) }
  }

  /// Decides from the members of the first object.
  mutating func settle(members: [String]) throws(FineTuningError) {
    names = members
    func find(_ column: String?, _ usual: String?) throws(FineTuningError) -> Place? {
      if let column {
        guard Columns.contains(members, column) else { throw missing(column, in: members) }
        return .name(Key(column))
      }
      return usual.map { .name(Key($0)) }
    }
    let usualText = Columns.usual(Columns.textNames, in: members)
    text = try find(options.textColumn, usualText)
    pair = try find(options.pairColumn, usualPair(usualText, in: members))
    if options.labelColumns.isEmpty {
      label = try find(options.labelColumn, Columns.usual([Columns.labelName], in: members))
    } else {
      marks = []
      for column in options.labelColumns {
        if isAbsent(column, in: members) { continue }
        if let place = try find(column, nil) { marks.append(place) }
      }
    }
    if text == nil { throw unnamed("text", "--text-column", members) }
    if label == nil, marks.isEmpty, options.needsLabels {
      throw unnamed("label", "--label-column", members)
    }
    try demandDistinct(members)
  }

  /// Whether a column of 0 and 1 is not there and is not needed.
  private func isAbsent(_ column: String, in names: [String]) -> Bool {
    !options.needsLabels && !Columns.contains(names, column) && Columns.number(column) == nil
  }

  /// Decides from the first row; returns whether that was a header.
  mutating func settle(cells: [String]) throws(FineTuningError) -> Bool {
    names = cells
    let askedNames = asked.filter { Columns.number($0) == nil }
    switch options.header {
    case .yes: sawHeader = true
    case .no:
      if let name = askedNames.first {
        throw FineTuningError(
          "\(path): the column \(quoted(name)) is a name, but there is no header (--header no); number it from 1"
        )
      }
    case .auto: try findHeader(cells, askedNames)
    }
    func find(
      _ column: String?, _ usual: String?, default index: Int?
    ) throws(FineTuningError) -> Place? {
      if let column {
        // A name wins over a number: a column may be called "1".
        if sawHeader, let place = try only(column, in: cells) { return .index(place) }
        guard let number = Columns.number(column) else { throw missing(column, in: cells) }
        guard number <= cells.count else {
          throw FineTuningError(
            "\(path): no column \(number); the first row has \(counted(cells.count, "column"))"
              + (cells.count == 1 ? separatorHint : ""))
        }
        return .index(number - 1)
      }
      if sawHeader, let usual { return try only(usual, in: cells).map { .index($0) } }
      return index.map { .index($0) }
    }
    let usualText = Columns.usual(Columns.textNames, in: cells)
    text = try find(options.textColumn, usualText, default: sawHeader ? nil : 0)
    pair = try find(options.pairColumn, usualPair(usualText, in: cells), default: nil)
    if options.labelColumns.isEmpty {
      label = try find(
        options.labelColumn, Columns.usual([Columns.labelName], in: cells),
        default: sawHeader || (!options.needsLabels && cells.count < 2) ? nil : 1)
    } else {
      marks = []
      for column in options.labelColumns {
        if isAbsent(column, in: cells) { continue }
        if let place = try find(column, nil, default: nil) { marks.append(place) }
      }
    }
    if text == nil { throw unnamed("text", "--text-column", cells) }
    if label == nil, marks.isEmpty, options.needsLabels {
      throw unnamed("label", "--label-column", cells)
    }
    try demandDistinct(cells)
    return sawHeader
  }

  /// Finds out whether the first row is a header.
  private mutating func findHeader(
    _ cells: [String], _ askedNames: [String]
  ) throws(FineTuningError) {
    sawHeader =
      askedNames.isEmpty
      ? Columns.isHeader(cells) : askedNames.allSatisfy { Columns.contains(cells, $0) }
    if sawHeader { return }
    if let name = askedNames.first(where: { !Columns.contains(cells, $0) }) {
      throw missingInFirstRow(name, cells)
    }
    if asked.isEmpty, !isTextAndLabel(cells) { throw unclear(cells) }
    // One cell that another separator would cut into the names of a header.
    if cells.count == 1, !separatorHint.isEmpty {
      let parts = cells[0].split(whereSeparator: { ";\t|,".contains($0) }).map {
        trimmedSpaces(String($0))
      }
      guard parts.count > 1, Columns.isHeader(parts) else { return }
      throw FineTuningError(
        "\(path): the first row is one cell, \(quoted(shortened(cells)[0]))\(separatorHint)")
    }
  }

  /// Whether a file without a header, of whose columns none was named, is read by the custom that the
  /// first is the text and the second the label. Where labels are not needed, two columns may as well be
  /// a number and a text: the second must hold a label that is known. Empty cells at the end do not count.
  private func isTextAndLabel(_ cells: [String]) -> Bool {
    switch (cells.lastIndex { !$0.isEmpty } ?? 0) + 1 {
    case ...1: true
    case 2:
      options.needsLabels
        || options.knownLabels.contains {
          LabelText.same(LabelText.canonical($0), LabelText.canonical(cells[1]))
        }
    default: false
    }
  }

  /// Throws when two of text, second text and label are one column. A label column that no one asked for and
  /// that is not needed gives way.
  private mutating func demandDistinct(_ columns: [String]) throws(FineTuningError) {
    if let place = label, place == text || place == pair, options.labelColumn == nil,
      !options.needsLabels
    {
      label = nil
    }
    var pairs: [(Place?, Place?, String, String)] = [
      (text, pair, "the text and the second text", "--text-pair-column"),
      (
        text, label, "the text and the label",
        text == .index(0) ? "--text-column" : "--label-column"
      ),
      (pair, label, "the second text and the label", "--label-column"),
    ]
    for (index, mark) in marks.enumerated() {
      pairs.append((text, mark, "the text and a label", "--text-column"))
      pairs.append((pair, mark, "the second text and a label", "--text-pair-column"))
      if marks[..<index].contains(mark) {
        pairs.append((mark, mark, "two labels", "--label-columns"))
      }
    }
    for (a, b, names, option) in pairs {
      guard let a, a == b else { continue }
      let column =
        switch a {
        case .index(let index): "\(index + 1)"
        case .name(let name): quoted(name.string)
        }
      throw FineTuningError(
        "\(path): \(names) are both column \(column); name another with \(option)"
          + (columns.count > 1 ? " (there are \(columns.count) columns)" : ""))
    }
  }

  // MARK: - Refusals

  /// The error for a first row that may or may not be a header, or whose text may be in any column.
  private func unclear(_ cells: [String]) -> FineTuningError {
    FineTuningError(
      "\(path): \(counted(cells.count, "column")) and no header with a usual name in the first row, which has "
        + "\(listed(shortened(cells))); say which is the text with --text-column (a name, or a number from 1)"
        + (options.needsLabels ? " and which the label with --label-column" : "")
        + ", or --header no if the first is the text")
  }

  private func shortened(_ cells: [String]) -> [String] {
    cells.map { $0.count > 24 ? $0.prefix(23) + "…" : $0 }
  }

  /// The place of the one column called `name`; `nil` when there is none.
  private func only(_ name: String, in cells: [String]) throws(FineTuningError) -> Int? {
    guard let first = cells.firstIndex(where: { LabelText.same($0, name) }) else { return nil }
    if let second = cells[(first + 1)...].firstIndex(where: { LabelText.same($0, name) }) {
      throw FineTuningError(
        "\(path): columns \(first + 1) and \(second + 1) are both called \(quoted(name)); say which by its number, with --header yes"
      )
    }
    return first
  }

  private func missing(_ column: String, in names: [String]) -> FineTuningError {
    FineTuningError("\(path): no column \(quoted(column)); there are \(listed(names))")
  }

  /// The first row is a header with other names, or the first text: its cells say which.
  private func missingInFirstRow(_ column: String, _ cells: [String]) -> FineTuningError {
    let (option, number) =
      column == options.labelColumn
      ? ("--label-column", 2)
      : column == options.textColumn
        ? ("--text-column", 1)
        : options.labelColumns.contains(column)
          ? ("--label-columns", 2) : ("--text-pair-column", 2)
    return FineTuningError(
      "\(path): no column \(quoted(column)) in the first row, which has \(listed(shortened(cells))); columns of a file without a header are numbered from 1, as \(option) \(number)"
        + (cells.count == 1 ? separatorHint : ""))
  }

  private func unnamed(_ what: String, _ option: String, _ names: [String]) -> FineTuningError {
    FineTuningError(
      "\(path): which column is the \(what)? Name it with \(option); there are \(listed(names))"
        + (sawHeader && options.header == .auto && asked.isEmpty
          ? ", or say --header no if they are data" : "")
        + (names.count == 1 ? separatorHint : ""))
  }
}
