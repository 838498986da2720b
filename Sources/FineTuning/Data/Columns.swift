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

  private enum Place: Equatable {
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
    var label = try labelValue(row)
    // Where nobody needs a label, an empty cell is none.
    if !options.needsLabels, case .text("") = label { label = nil }
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

  private static let textNames = [
    "text", "sentence", "sentence1", "review", "content", "comment", "tweet", "body", "document",
    "utterance",
  ]
  private static let pairNames = ["text_pair", "sentence2"]
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

  /// Whether a first row names the columns, when nobody named one: a cell is the usual name of a text or,
  /// among several, of a label, and none is empty or a number, as names never are.
  private static func isHeader(_ fields: [String]) -> Bool {
    let names = fields.count > 1 ? textNames + [labelName] : textNames
    return usual(names, in: fields) != nil
      && !fields.contains { $0.isEmpty || Double($0) != nil }
  }

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
      return Columns.usual(usual, in: members).map { .name($0) }
    }
    text = try find(options.textColumn, Columns.textNames)
    pair = try find(options.pairColumn, options.textColumn == nil ? Columns.pairNames : [])
    label = try find(options.labelColumn, [Columns.labelName])
    if text == nil { throw unnamed("text", "--text-column", members) }
    if label == nil, options.needsLabels { throw unnamed("label", "--label-column", members) }
    try demandDistinct(members)
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
        ? asked.isEmpty && Columns.isHeader(fields) : names.allSatisfy(fields.contains)
      if !sawHeader, let name = names.first(where: { !fields.contains($0) }) {
        throw missingInFirstRow(name, fields)
      }
      if !sawHeader, asked.isEmpty, !isTextAndLabel(fields) { throw unclear(fields) }
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
      if sawHeader, let name = Columns.usual(usual, in: fields) {
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
    try demandDistinct(fields)
    return sawHeader
  }

  /// Whether a file without a header, of whose columns nobody named one, is read by the custom that the
  /// first is the text and the second the label. Where labels are not needed, two columns may as well be
  /// a number and a text: the second must hold a label that is known.
  private func isTextAndLabel(_ fields: [String]) -> Bool {
    switch fields.count {
    case ...1: true
    case 2: options.needsLabels || options.knownLabels.contains(fields[1])
    default: false
    }
  }

  /// Throws when two of text, second text and label are one column. A label that nobody asked for and
  /// nobody needs gives way.
  private mutating func demandDistinct(_ columns: [String]) throws(FineTuningError) {
    if let place = label, place == text || place == pair, options.labelColumn == nil,
      !options.needsLabels
    {
      label = nil
    }
    for (a, b, names, option) in [
      (text, pair, "the text and the second text", "--text-pair-column"),
      (
        text, label, "the text and the label",
        text == .index(0) ? "--text-column" : "--label-column"
      ),
      (pair, label, "the second text and the label", "--label-column"),
    ] {
      guard let a, a == b else { continue }
      let column =
        switch a {
        case .index(let index): "\(index + 1)"
        case .name(let name): quoted(name)
        }
      throw FineTuningError(
        "\(path): \(names) are both column \(column); name another with \(option)"
          + (columns.count > 1 ? " (there are \(columns.count) columns)" : ""))
    }
  }

  /// What to say of a first row of which nobody knows whether it is a header, or which column is the text.
  private func unclear(_ fields: [String]) -> FineTuningError {
    FineTuningError(
      "\(path): \(counted(fields.count, "column")) and no header with a usual name in the first row, which has "
        + "\(listed(shortened(fields))); say which is the text with --text-column (a name, or a number from 1)"
        + (options.needsLabels ? " and which the label with --label-column" : "")
        + ", or --header no if the first is the text")
  }

  private func shortened(_ fields: [String]) -> [String] {
    fields.map { $0.count > 24 ? $0.prefix(23) + "…" : $0 }
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
    return FineTuningError(
      "\(path): no column \(quoted(column)) in the first row, which has \(listed(shortened(fields))); columns of a file without a header are numbered from 1, as \(option) \(number)"
    )
  }

  private func unnamed(_ what: String, _ option: String, _ names: [String]) -> FineTuningError {
    FineTuningError(
      "\(path): which column is the \(what)? Name it with \(option); there are \(listed(names))"
        + (sawHeader && options.header == .auto && asked.isEmpty
          ? ", or say --header no if they are data" : ""))
  }
}

/// "1 column", "2 columns".
func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}
