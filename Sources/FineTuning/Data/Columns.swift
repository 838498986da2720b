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
  }

  enum Place: Equatable {
    case index(Int)
    case name(Key)
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
    if case .cells(let cells) = row.content {
      try demandWidth(of: cells, row.line)
      // Files with headers that were joined.
      if sawHeader, names.count > 1, cells.map({ Key($0) }) == names.map({ Key($0) }) {
        throw FineTuningError("\(path): line \(row.line): the row repeats the header; remove it")
      }
    }
    guard let text = try value(text, "text", row) else {
      throw FineTuningError("\(path): line \(row.line): no text")
    }
    if text.isEmpty { emptyTexts = ((emptyTexts?.count ?? 0) + 1, emptyTexts?.line ?? row.line) }
    return Fields(
      text: text, pair: try value(pair, "second text", row), label: try labelValue(row))
  }

  /// A row with more cells than the first has an unquoted separator in a text: no cell would be in its
  /// column. Empty cells at the end do no harm.
  private mutating func demandWidth(of cells: [String], _ line: Int) throws(FineTuningError) {
    let width = names.count
    if cells.count < width {
      shortRows = ((shortRows?.count ?? 0) + 1, shortRows?.line ?? line)
    }
    guard cells.count > width, cells[width...].contains(where: { !$0.isEmpty }) else { return }
    throw FineTuningError(
      "\(path): line \(line): \(counted(cells.count, "cell")), but the \(sawHeader ? "header" : "first row") has "
        + "\(width); a cell that contains \(separatorName) must be in quotes")
  }

  var separatorName: String {
    let format = options.format ?? .init(path)
    let byte = options.separator?.byte ?? UInt8(ascii: format == .csv ? "," : "\t")
    return byte == UInt8(ascii: "\t") ? "a tab" : quoted(String(UnicodeScalar(byte)))
  }

  /// What the user should know of the rows that were read.
  var notes: [String] {
    var notes: [String] = []
    if let (count, line) = shortRows {
      notes.append(
        "\(counted(count, "row")) with fewer than \(names.count) cells, the first in line \(line)")
    }
    if let (count, line) = emptyTexts {
      notes.append("\(counted(count, "text")) without a character, the first in line \(line)")
    }
    return notes
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
        guard let cell = try value(place, "label", row) else { return nil }
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
    guard let text = try value(label, "label", row) else { return nil }
    // An empty cell means no label, which is allowed when a text has any number of labels.
    if text.isEmpty, options.needsLabels, options.task != .multiLabel {
      throw FineTuningError("\(path): line \(row.line): the label is empty")
    }
    return text.isEmpty && !options.needsLabels ? nil : .cell(text)
  }

  private func value(_ place: Place?, _ what: String, _ row: Row) throws(FineTuningError) -> String?
  {
    switch (place, row.content) {
    case (nil, _): return nil
    case (.index(let index), .cells(let cells)):
      guard index < cells.count else {
        throw FineTuningError(
          "\(path): line \(row.line): \(counted(cells.count, "column")), but the \(what) is column \(index + 1)"
            + (names.count == 1 ? separatorHint : ""))
      }
      return cells[index]
    case (.name(let name), .object(let members)):
      guard let member = members[name] else {
        throw FineTuningError(
          "\(path): line \(row.line): no \(quoted(name.string)) (the \(what)); there are \(listed(members.keys.map(\.string)))"
        )
      }
      switch member {
      case .string(let text), .number(let text): return text
      case .bool(let value): return value ? "true" : "false"
      default:
        throw FineTuningError(
          "\(path): line \(row.line): \(quoted(name.string)) (the \(what)) is not a string, a number or a truth value"
        )
      }
    default: return nil
    }
  }

  /// What may be wrong when rows have one cell.
  var separatorHint: String {
    guard let cell = names.first else { return "" }
    let own = options.separator?.byte
    for (character, name) in [(";", ";"), ("\t", "tab"), ("|", "|"), (",", ",")] as [(Character, _)]
    where cell.contains(character) && character.asciiValue != own {
      return "; if cells end at \(character == "\t" ? "tabs" : quoted(name)), say --separator "
        + (name == "tab" ? "tab" : "'\(name)'")
    }
    return ""
  }
}

/// "1 column", "2 columns".
func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}

/// Names for a message: all of a few, the beginning of many.
func listed(_ names: [String]) -> String {
  let shown = names.prefix(12).map(quoted).joined(separator: ", ")
  return names.count > 12 ? shown + " and \(names.count - 12) more" : shown
}
