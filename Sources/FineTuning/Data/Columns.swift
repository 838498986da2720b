internal import CheckpointFiles

/// Finds the text, its pair and the label in the rows of one file.
struct Columns {
  /// What a row holds.
  struct Fields {
    var text: String
    var pair: String?
    var label: Label?
  }

  /// What the label column holds: text, or an array of JSONL.
  enum Label {
    case text(String)
    case list([String])
  }

  private enum Place {
    case index(Int)
    case name(String)
  }

  private let options: DataOptions
  private let path: String
  private var text: Place?
  private var pair: Place?
  private var label: Place?
  private var isSettled = false
  /// Whether the first row was a header.
  private(set) var sawHeader = false

  init(options: DataOptions, path: String) {
    self.options = options
    self.path = path
  }

  /// The fields of a row; `nil` for the header.
  mutating func fields(of row: Row) throws(FineTuningError) -> Fields? {
    if !isSettled {
      isSettled = true
      switch row.content {
      case .object(let members): try settle(members: members.map(\.name), row.line)
      case .fields(let fields):
        if try settle(fields: fields) { return nil }
      }
    }
    guard let text = try value(text, "text", row) else {
      throw FineTuningError("\(path): line \(row.line): no text")
    }
    let label = try labelValue(row)
    // An empty cell is no label at all, which several-of-many allows.
    if options.needsLabels, options.task != .multiLabel {
      if case .text("") = label {
        throw FineTuningError("\(path): line \(row.line): the label is empty")
      }
    }
    return Fields(text: text, pair: try value(pair, "second text", row), label: label)
  }

  private func labelValue(_ row: Row) throws(FineTuningError) -> Label? {
    if case .name(let name) = label, case .object(let members) = row.content,
      let list = members.first(where: { $0.name == name })?.list
    {
      return .list(list)
    }
    return try value(label, "label", row).map { .text($0) }
  }

  private func value(_ place: Place?, _ what: String, _ row: Row) throws(FineTuningError) -> String?
  {
    switch (place, row.content) {
    case (nil, _): return nil
    case (.index(let index), .fields(let fields)):
      guard index < fields.count else {
        throw FineTuningError(
          "\(path): line \(row.line): \(counted(fields.count, "column")), but the \(what) is column \(index + 1)"
        )
      }
      return fields[index]
    case (.name(let name), .object(let members)):
      guard let member = members.first(where: { $0.name == name }) else {
        throw FineTuningError(
          "\(path): line \(row.line): no \(quoted(name)) (the \(what)); there are \(listed(members.map(\.name)))"
        )
      }
      guard let text = member.text else {
        throw FineTuningError(
          "\(path): line \(row.line): \(quoted(name)) (the \(what)) is not a string, a number or a truth value"
        )
      }
      return text
    default: return nil
    }
  }

  // MARK: - Settling

  private static let textNames = ["text", "sentence", "sentence1"]
  private static let pairNames = ["text_pair", "sentence2"]
  private static let labelName = "label"

  private var asked: [String] {
    [options.textColumn, options.pairColumn, options.labelColumn].compactMap(\.self)
  }

  private static func number(_ column: String) -> Int? {
    guard let number = Int(column), number > 0 else { return nil }
    return number
  }

  /// Decides from the members of the first object.
  private mutating func settle(members: [String], _ line: Int) throws(FineTuningError) {
    func find(_ column: String?, _ usual: [String]) throws(FineTuningError) -> Place? {
      if let column {
        guard members.contains(column) else { throw missing(column, in: members) }
        return .name(column)
      }
      return usual.first(where: members.contains).map { .name($0) }
    }
    text = try find(options.textColumn, Columns.textNames)
    pair = try find(options.pairColumn, options.textColumn == nil ? Columns.pairNames : [])
    label = try find(options.labelColumn, [Columns.labelName])
    if text == nil { throw unnamed("text", "--text-column", members) }
    if label == nil, options.needsLabels { throw unnamed("label", "--label-column", members) }
  }

  /// Decides from the first row; returns whether that was a header.
  private mutating func settle(fields: [String]) throws(FineTuningError) -> Bool {
    let names = asked.filter { Columns.number($0) == nil }
    switch options.header {
    case .yes: sawHeader = true
    case .no:
      if let name = names.first {
        throw FineTuningError(
          "\(path): the column \(quoted(name)) is a name, but there is no header (--header no); number it from 1"
        )
      }
    case .auto:
      sawHeader =
        names.isEmpty
        ? asked.isEmpty && fields.contains(Columns.labelName)
          && Columns.textNames.contains(where: fields.contains)
        : names.allSatisfy(fields.contains)
      if !sawHeader, let name = names.first(where: { !fields.contains($0) }) {
        throw missingInFirstRow(name, fields)
      }
    }
    func find(
      _ column: String?, _ usual: [String], default index: Int?
    ) throws(FineTuningError) -> Place? {
      if let column {
        // A name wins over a number: a column may be called "1".
        if sawHeader, let place = try only(column, in: fields) { return .index(place) }
        guard let number = Columns.number(column) else { throw missing(column, in: fields) }
        guard number <= fields.count else {
          throw FineTuningError(
            "\(path): no column \(number); the first row has \(counted(fields.count, "column"))")
        }
        return .index(number - 1)
      }
      if sawHeader, let name = usual.first(where: fields.contains) {
        return try only(name, in: fields).map { .index($0) }
      }
      return index.map { .index($0) }
    }
    text = try find(options.textColumn, Columns.textNames, default: sawHeader ? nil : 0)
    pair = try find(
      options.pairColumn, options.textColumn == nil ? Columns.pairNames : [], default: nil)
    label = try find(
      options.labelColumn, [Columns.labelName],
      default: sawHeader || (!options.needsLabels && fields.count < 2) ? nil : 1)
    if text == nil { throw unnamed("text", "--text-column", fields) }
    if label == nil, options.needsLabels { throw unnamed("label", "--label-column", fields) }
    return sawHeader
  }

  /// The place of the one column called `name`; `nil` when there is none.
  private func only(_ name: String, in fields: [String]) throws(FineTuningError) -> Int? {
    guard let first = fields.firstIndex(of: name) else { return nil }
    if let second = fields[(first + 1)...].firstIndex(of: name) {
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
  private func missingInFirstRow(_ column: String, _ fields: [String]) -> FineTuningError {
    let (option, number) =
      column == options.labelColumn
      ? ("--label-column", 2)
      : column == options.textColumn ? ("--text-column", 1) : ("--text-pair-column", 2)
    let cells = fields.map { $0.count > 24 ? $0.prefix(23) + "…" : $0 }
    return FineTuningError(
      "\(path): no column \(quoted(column)) in the first row, which has \(listed(cells)); columns of a file without a header are numbered from 1, as \(option) \(number)"
    )
  }

  private func unnamed(_ what: String, _ option: String, _ names: [String]) -> FineTuningError {
    FineTuningError(
      "\(path): which column is the \(what)? Name it with \(option); there are \(listed(names))")
  }
}

/// "1 column", "2 columns".
func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}
