internal import CheckpointFiles
internal import OrderedCollections

/// Finds the text, its pair and the label in the rows of one file.
struct Columns {
  /// What a row holds.
  struct Fields {
    var text: String
    var pair: String?
    var label: Label?
  }

  /// The content of the column of the label, or of the columns of the labels.
  enum Label {
    /// A cell.
    case cell(String)
    /// A member of a JSON object: a string, a number, a truth value or an array.
    case json(JSONValue)
    /// A cell for each label.
    case marks([String])

    /// Whether it is from a file of cells.
    var isCell: Bool { if case .json = self { false } else { true } }
  }

  enum Place: Equatable {
    case index(Int)
    case name(Key)

    /// The name of a member of JSON objects.
    var name: String? { if case .name(let name) = self { name.string } else { nil } }
  }

  let options: DataOptions
  let path: String
  var text: Place?
  var pair: Place?
  var label: Place?
  /// The columns of 0 and 1, one a label.
  var marks: [Place] = []
  /// The cells of the first row, or the members of the first object.
  var names: [String] = []
  private var isSettled = false
  /// Whether the first row was a header.
  var sawHeader = false
  /// Rows with fewer cells than the first, and the line of the first of them.
  private var shortRows: (count: Int, line: Int)?
  /// Rows whose text is empty, and the line of the first of them.
  private var emptyTexts: (count: Int, line: Int)?
  /// Rows whose second text is empty, and the line of the first of them.
  private var emptyPairs: (count: Int, line: Int)?
  /// Rows with content in columns without a name after the last named one, and the line of the first of them.
  private var namelessCells: (count: Int, line: Int)?

  init(options: DataOptions, path: String) {
    self.options = options
    self.path = path
  }

  /// The fields of a row; `nil` for the header.
  mutating func fields(of row: Row) throws(FineTuningError) -> Fields? {
    if !isSettled {
      isSettled = true
      switch row.content {
      case .object(let members): try settle(members: members.keys.map(\.string))
      case .cells(let cells):
        if try settle(cells: cells) { return nil }
      }
    }
    switch row.content {
    case .object(let members): try demandSettledPair(members, row.line)
    case .cells(let cells):
      try demandWidth(of: cells, row.line)
      // Files with headers that were joined.
      if sawHeader, names.count > 1, cells.map({ Key($0) }) == names.map({ Key($0) }) {
        throw .repeatedHeader(path: path, line: row.line)
      }
    }
    guard let text = try value(text, .text, row) else {
      throw .noText(path: path, line: row.line)
    }
    if text.isEmpty { emptyTexts = ((emptyTexts?.count ?? 0) + 1, emptyTexts?.line ?? row.line) }
    let second = try value(pair, .pair, row)
    if second?.isEmpty == true {
      emptyPairs = ((emptyPairs?.count ?? 0) + 1, emptyPairs?.line ?? row.line)
    }
    return Fields(text: text, pair: second, label: try labelValue(row))
  }

  /// A row with more cells than the first has an unquoted separator in a text: no cell would be in its
  /// column. Empty cells at the end do no harm.
  private mutating func demandWidth(of cells: [String], _ line: Int) throws(FineTuningError) {
    let width = names.count
    if cells.count < width {
      shortRows = ((shortRows?.count ?? 0) + 1, shortRows?.line ?? line)
    }
    // The header of a file whose rows end with separators, such as `text,label,`.
    let named = sawHeader ? (names.lastIndex { !$0.isEmpty } ?? 0) + 1 : width
    let hasNameless = cells.count > named && cells[named...].contains { !$0.isEmpty }
    if hasNameless {
      namelessCells = ((namelessCells?.count ?? 0) + 1, namelessCells?.line ?? line)
    }
    guard cells.count > width, hasNameless else { return }
    throw .wideRow(
      cells.count, width: width, hasHeader: sawHeader, separator: separator, path: path, line: line)
  }

  /// A second text that the first object does not have would be lost.
  private func demandSettledPair(
    _ members: OrderedDictionary<Key, JSONValue>, _ line: Int
  ) throws(FineTuningError) {
    guard pair == nil, case .name(let text) = text,
      let late = usualPair(text.string, in: members.keys.map(\.string)),
      label?.name?.isSame(as: late) != true,
      members[Key(late)] != .null
    else { return }
    throw .lateSecondText(late, path: path, line: line)
  }

  /// The character between the cells of the file.
  private var separator: DataOptions.Separator {
    let format = options.format ?? .init(path)
    return options.separator ?? DataOptions.Separator(of: format)
  }

  /// What the user should know of the rows that were read.
  var notes: [String] {
    var notes: [String] = []
    if let (count, line) = shortRows {
      notes.append(
        "\(Text.counted(count, "row")) with fewer than \(names.count) cells, the first in line \(line)"
      )
    }
    if let (count, line) = namelessCells {
      notes.append(
        "\(Text.counted(count, "row")) with text in columns without a name, which is not read, the first in line \(line); "
          + "a cell that contains \(separator.noun) must be in quotes")
    }
    if let unread { notes.append(unread) }
    if let (count, line) = emptyTexts {
      notes.append("\(Text.counted(count, "text")) without a character, the first in line \(line)")
    }
    if let (count, line) = emptyPairs {
      notes.append(
        "\(Text.counted(count, "second text")) without a character, the first in line \(line)")
    }
    return notes
  }

  /// The columns beside the text and the label, when the text was found by its name: one of them may be a second
  /// text.
  private var unread: String? {
    guard options.needsLabels, options.textColumn == nil, options.pairColumn == nil, pair == nil,
      sawHeader || text?.name != nil
    else { return nil }
    let used = [text, label].compactMap(\.self) + marks
    let others = names.indices.filter { index in
      !names[index].isEmpty
        && !used.contains { $0 == .index(index) || $0 == .name(Key(names[index])) }
    }.map { names[$0] }
    guard !others.isEmpty else { return nil }
    return
      "\(others.count == 1 ? "the column" : "the columns") \(listed(others)) \(others.count == 1 ? "is" : "are") "
      + "not read"
  }

  /// The columns by their names or numbers.
  var description: DataColumns? {
    func column(_ place: Place) -> DataColumn {
      switch place {
      case .index(let index): sawHeader ? .named(names[index]) : .numbered(index + 1)
      case .name(let name): .named(name.string)
      }
    }
    guard let text else { return nil }
    return DataColumns(
      text: column(text), pair: pair.map(column),
      labels: marks.isEmpty ? label.map { [column($0)] } ?? [] : marks.map(column))
  }

  private func labelValue(_ row: Row) throws(FineTuningError) -> Label? {
    if !marks.isEmpty {
      var cells: [String] = []
      for place in marks {
        guard let cell = try value(place, .label, row) else { return nil }
        cells.append(cell)
      }
      return .marks(cells)
    }
    if case .name(let name) = label, case .object(let members) = row.content {
      switch members[name] {
      case .array, .string, .number, .bool:
        if let value = members[name], value != .string("") { return .json(value) }
      case .null where !options.needsLabels, nil where !options.needsLabels: return nil
      default: break
      }
    }
    guard let text = try value(label, .label, row) else { return nil }
    // A blank cell means no label, which is allowed when a text has any number of labels.
    if text.unicodeScalars.allSatisfy(\.properties.isWhitespace), options.needsLabels,
      options.task != .multiLabel
    {
      throw .blankLabel(text, path: path, line: row.line)
    }
    return text.isEmpty && !options.needsLabels ? nil : .cell(text)
  }

  private func value(
    _ place: Place?, _ role: DataOptions.ColumnRole, _ row: Row
  ) throws(FineTuningError) -> String? {
    switch (place, row.content) {
    case (nil, _): return nil
    case (.index(let index), .cells(let cells)):
      guard index < cells.count else {
        throw .shortRow(
          cells.count, need: index + 1, role, path: path, line: row.line,
          advice: names.count == 1 ? separatorAdvice : [])
      }
      return cells[index]
    case (.name(let name), .object(let members)):
      guard let member = members[name] else {
        throw .noMember(name, role, among: members.keys.map(\.string), path: path, line: row.line)
      }
      switch member {
      case .string(let text), .number(let text): return text
      case .bool(let value): return value ? "true" : "false"
      default:
        throw .memberIsNotText(name, role, path: path, line: row.line)
      }
    default: return nil
    }
  }

  /// What may be wrong when rows have one cell.
  var separatorAdvice: [FineTuningError.Advice] {
    guard let cell = names.first else { return [] }
    let own = options.separator?.byte
    for character in [";", "\t", "|", ","] as [Unicode.Scalar]
    where cell.utf8.contains(UInt8(ascii: character)) && UInt8(ascii: character) != own {
      return [.chooseSeparator(String(character))]
    }
    return []
  }
}
