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
      if let column = columns.first(where: { $0.isSame(as: name) })
        ?? columns.first(where: { lowercased($0)?.isSame(as: name) == true })
      {
        return column
      }
    }
    return nil
  }

  /// A short text in small letters; `nil` for a longer one, which is an unusual name.
  private static func lowercased(_ text: String) -> String? {
    text.utf8.count <= 64 ? text.lowercased() : nil
  }

  /// The second text of a pair whose first is `text`, when no column was named.
  func usualPair(_ text: String?, in columns: [String]) -> String? {
    guard options.textColumn == nil, let text,
      let usual = Columns.lowercased(text),
      let name = Columns.pairNames.first(where: { $0.key.isSame(as: usual) })?.value
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
    if text == nil { throw unnamed(.text, members) }
    if label == nil, marks.isEmpty, options.needsLabels {
      throw unnamed(.label, members)
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
        throw .namedWithoutHeader(name, path: path)
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
          throw .noColumn(
            number, of: cells.count, path: path, advice: cells.count == 1 ? separatorAdvice : [])
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
    if text == nil { throw unnamed(.text, cells) }
    if label == nil, marks.isEmpty, options.needsLabels {
      throw unnamed(.label, cells)
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
    if cells.count == 1, !separatorAdvice.isEmpty {
      let parts = cells[0].utf8.split(whereSeparator: { ";\t|,".utf8.contains($0) }).map {
        trimmedSpaces(String(Substring($0)))
      }
      guard parts.count > 1, Columns.isHeader(parts) else { return }
      throw .oneCell(cells[0], path: path, advice: separatorAdvice)
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
    var pairs: [(Place?, Place?, DataOptions.ColumnRole, DataOptions.ColumnRole)] = [
      (text, pair, .text, .pair), (text, label, .text, .label), (pair, label, .pair, .label),
    ]
    for (index, mark) in marks.enumerated() {
      pairs.append((text, mark, .text, .labels))
      pairs.append((pair, mark, .pair, .labels))
      if marks[..<index].contains(mark) { pairs.append((mark, mark, .labels, .labels)) }
    }
    for (a, b, first, second) in pairs {
      guard let a, a == b else { continue }
      // The text of a file without names is column 1 by custom: then that is the one to name.
      let role = second == .label && text == .index(0) && first == .text ? .text : second
      throw .sameColumn(a, first, second, of: columns.count, path: path, role: role)
    }
  }

  // MARK: - Refusals

  /// The error for a first row that may or may not be a header, or whose text may be in any column.
  private func unclear(_ cells: [String]) -> FineTuningError {
    let roles: [DataOptions.ColumnRole] = options.needsLabels ? [.text, .label] : [.text]
    return .unclearColumns(
      cells, path: path,
      advice: [.nameColumns(roles), .chooseHeader(.no)])
  }

  /// The place of the one column called `name`; `nil` when there is none.
  private func only(_ name: String, in cells: [String]) throws(FineTuningError) -> Int? {
    guard let first = cells.firstIndex(where: { LabelText.same($0, name) }) else { return nil }
    if let second = cells[(first + 1)...].firstIndex(where: { LabelText.same($0, name) }) {
      throw .duplicateColumn(name, first + 1, second + 1, path: path)
    }
    return first
  }

  private func missing(_ column: String, in names: [String]) -> FineTuningError {
    .noColumn(column, among: names, path: path)
  }

  /// The first row is a header with other names, or the first text: its cells say which.
  private func missingInFirstRow(_ column: String, _ cells: [String]) -> FineTuningError {
    let role: DataOptions.ColumnRole =
      options.labelColumn.map(column.isSame) == true
      ? .label
      : options.textColumn.map(column.isSame) == true
        ? .text : options.labelColumns.contains(where: column.isSame) ? .labels : .pair
    return .noColumnInFirstRow(
      column, cells, path: path,
      advice: [.numberColumn(role, role == .text ? 1 : 2)]
        + (cells.count == 1 ? separatorAdvice : []))
  }

  private func unnamed(_ role: DataOptions.ColumnRole, _ names: [String]) -> FineTuningError {
    .unnamedColumn(
      role, among: names, path: path,
      advice: [.nameColumns([role])]
        + (sawHeader && options.header == .auto && asked.isEmpty ? [.chooseHeader(.no)] : [])
        + (names.count == 1 ? separatorAdvice : []))
  }
}
