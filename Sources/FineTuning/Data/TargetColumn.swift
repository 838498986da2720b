internal import CheckpointFiles

/// Reads the column of the label as the task needs it.
struct TargetColumn {
  /// The labels, numbered as they come, in the spelling of ``LabelText/canonical(_:)``.
  private(set) var labels: [String] = []
  /// The line of the first row of each label.
  private(set) var firstLines: [Int] = []
  /// The rows that have each label.
  private(set) var counts: [Int] = []
  /// Rows with a target.
  private(set) var rowCount = 0
  private var numbers: [Key: Int] = [:]
  /// Other spellings of labels that are numbers, by the label's number.
  private var merged: [Int: [String]] = [:]
  private var spellings: [String] = []
  private var lists: BinaryLists
  /// The line of the first JSON value of each kind.
  private var kinds: [(kind: Kind, line: Int)] = []
  private let task: PredictionTask
  private let path: String

  /// What a label of JSON is.
  enum Kind { case boolean, number, text }

  /// More labels than this are texts by mistake.
  private static let maximumLabels = 10_000

  init(task: PredictionTask, path: String) {
    self.task = task
    self.path = path
    lists = BinaryLists(path: path)
  }

  /// Names the labels of ``Columns/Label/marks(_:)``, before the first row.
  mutating func name(_ names: [String]) {
    labels = names
    firstLines = names.map { _ in 1 }
    counts = names.map { _ in 0 }
  }

  /// The target of one row, its labels numbered as they come.
  mutating func target(_ content: Columns.Label, line: Int) throws(FineTuningError) -> Target {
    rowCount += 1
    switch task {
    case .classification: return .label(try number(try single(content, line), line))
    case .regression: return .value(try value(content, line))
    case .multiLabel: return .labels(try set(content, line))
    }
  }

  private func single(
    _ content: Columns.Label, _ line: Int
  ) throws(FineTuningError) -> String {
    switch content {
    case .cell(let text):
      if LabelText.isList(text) {
        throw .labelIsList(text, path: path, line: line)
      }
      return text
    case .json(let value):
      guard let text = LabelElement(value)?.text else {
        throw .labelIsList(nil, path: path, line: line)
      }
      return text
    case .marks:
      throw .markColumns(path: path)
    }
  }

  private func value(_ content: Columns.Label, _ line: Int) throws(FineTuningError) -> Double {
    let text = try single(content, line)
    guard let value = LabelText.decimal(trimmedSpaces(text)) else {
      throw .labelIsNotNumber(
        text, path: path, line: line,
        advice: line == 1 && content.isCell ? [.chooseHeader(.yes)] : [])
    }
    guard Float(value).isFinite else {
      throw .labelIsTooLarge(text, path: path, line: line)
    }
    return value
  }

  // MARK: - Several labels

  private mutating func set(
    _ content: Columns.Label, _ line: Int
  ) throws(FineTuningError) -> [Int] {
    let elements: [LabelElement]
    switch content {
    case .marks(let cells): return try marked(cells, line)
    case .cell(let text), .json(.string(let text)): elements = try self.elements(text, line)
    case .json(.array(let array)):
      guard let known = LabelElement.all(array) else {
        throw .listOfOtherThings(path: path, line: line)
      }
      elements = known
    case .json(let value): elements = LabelElement(value).map { [$0] } ?? []
    }
    try lists.append(elements, line)
    var places: Set<Int> = []
    for element in elements { places.insert(try number(element.text, line)) }
    return places.sorted()
  }

  /// The labels of a row of 0 and 1.
  private mutating func marked(_ cells: [String], _ line: Int) throws(FineTuningError) -> [Int] {
    var places: [Int] = []
    for (index, cell) in cells.enumerated() {
      guard let bit = LabelElement.bit(cell) else {
        throw .markIsNotBit(cell, label: labels[index], path: path, line: line)
      }
      if bit {
        places.append(index)
        counts[index] += 1
      }
    }
    return places
  }

  /// The labels of a cell: a JSON array, or names between commas.
  private func elements(_ text: String, _ line: Int) throws(FineTuningError) -> [LabelElement] {
    let trimmed = trimmedSpaces(text)
    guard trimmed.utf8.first == UInt8(ascii: "[") else {
      if LabelText.isList(trimmed) {
        throw .printedList(text, path: path, line: line)
      }
      return trimmed.utf8.split(separator: UInt8(ascii: ",")).map {
        trimmedSpaces(String(Substring($0)))
      }.filter { !$0.isEmpty }.map { LabelElement(cell: $0) }
    }
    guard let array = (try? JSONParser.parse(Array(trimmed.utf8)))?.array,
      let elements = LabelElement.all(array)
    else {
      throw .brokenArray(text, path: path, line: line)
    }
    return elements
  }

  // MARK: - Numbering

  private mutating func number(_ text: String, _ line: Int) throws(FineTuningError) -> Int {
    let label = LabelText.canonical(text)
    if let number = numbers[Key(label)] {
      counts[number] += 1
      if !LabelText.same(spellings[number], text),
        merged[number]?.contains(where: { LabelText.same($0, text) }) != true
      {
        merged[number, default: []].append(text)
      }
      return number
    }
    let number = labels.count
    numbers[Key(label)] = number
    labels.append(label)
    spellings.append(text)
    firstLines.append(line)
    counts.append(1)
    guard labels.count <= TargetColumn.maximumLabels else {
      throw .tooManyLabels(TargetColumn.maximumLabels, path: path, line: line)
    }
    return number
  }

  /// The targets with labels numbered in their order.
  struct Numbering {
    var labels: [String]
    var firstLines: [Int]
    /// The place of each label, or `nil` when the targets are ``sets``.
    var places: [Int]
    /// The places of the ones of every row, when the rows are lists of 0 and 1.
    var sets: [[Int]]?
  }

  /// Numbers the labels in the order of ``inOrder``, or as `known` does.
  ///
  /// - Throws: `FineTuningError` that names the line of a label that is not among `known`, or of a list that
  ///   is neither of names nor of 0 and 1.
  func numbering(_ known: [String]?) throws(FineTuningError) -> Numbering {
    if task == .multiLabel, let ones = try lists.finished() {
      let order = known ?? (0..<ones.length).map { "LABEL_\($0)" }
      guard order.count == ones.length else {
        throw .otherListLength(ones.length, labels: order.count, path: path, line: ones.line)
      }
      return Numbering(
        labels: order, firstLines: order.map { _ in ones.line }, places: [], sets: ones.sets)
    }
    let order = known ?? inOrder
    var places: [Key: Int] = [:]
    for (index, label) in order.enumerated() where places[Key(LabelText.canonical(label))] == nil {
      places[Key(LabelText.canonical(label))] = index
    }
    var result: [Int] = []
    var lines = order.map { _ in 1 }
    for (label, line) in zip(labels, firstLines) {
      guard let place = places[Key(label)] else {
        throw .labelNotInTraining(label, among: order, path: path, line: line)
      }
      result.append(place)
      lines[place] = line
    }
    return Numbering(labels: order, firstLines: lines, places: result, sets: nil)
  }

  /// As the columns of 0 and 1 stand; numbers, and the numbers of `LABEL_3`, by their values; anything else by
  /// bytes.
  private var inOrder: [String] {
    if numbers.isEmpty { return labels }
    let values = labels.compactMap {
      LabelText.decimal($0) ?? LabelText.row($0).map { Double($0) }
    }
    guard values.count == labels.count else { return labels.sorted { Key($0) < Key($1) } }
    return zip(values, labels).sorted { ($0.0, Key($0.1)) < ($1.0, Key($1.1)) }.map(\.1)
  }

  /// What the user should know of the labels: spellings that are one label, and labels that look alike.
  var notes: [String] {
    var notes = merged.sorted { $0.key < $1.key }.prefix(5).map { number, others in
      "\(listed([spellings[number]] + others)) are the same number and one label, \(quoted(labels[number]))"
    }
    let groups = LabelText.lookalikes(labels)
    notes += groups.prefix(5).map { group in
      let names = group.prefix(6).map {
        "\(quotedExactly(labels[$0])) (\(Text.counted(counts[$0], "row")))"
      }
      return
        "labels that differ only in capitals, blanks, invisible characters, leading zeros or Unicode composition: "
        + names.joined(separator: ", ")
    }
    if groups.count > 5 { notes.append("… and \(groups.count - 5) more groups of that kind") }
    if task == .multiLabel, let (label, separator) = LabelText.joined(labels) {
      notes.append(
        "the label \(quoted(label)) is one label; only commas separate labels, and \(quoted(separator)) does not"
      )
    }
    return notes
  }

  /// Refuses a column of JSON values of several kinds: a label 1 beside a label "good" is a mistake in one of the
  /// rows.
  mutating func demandOneKind(_ content: Columns.Label, line: Int) throws(FineTuningError) {
    guard task == .classification, case .json(let value) = content else { return }
    let kind: Kind
    switch value {
    case .bool: kind = .boolean
    case .number: kind = .number
    case .string(let text):
      kind = LabelText.decimal(trimmedSpaces(text)) == nil ? .text : .number
    default: return
    }
    guard let first = kinds.first else { return kinds.append((kind, line)) }
    guard first.kind == kind else {
      throw .otherLabelKind(kind, than: first.kind, ofLine: first.line, path: path, line: line)
    }
  }
}

/// A name in quotes in which characters beyond ASCII that may look like others are shown by their numbers.
private func quotedExactly(_ text: String) -> String {
  guard text.utf8.contains(where: { $0 >= 0x80 }) else { return quoted(text) }
  var result = ""
  for scalar in text.unicodeScalars {
    result += scalar.isASCII ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
  }
  return "\"\(result)\""
}

extension Target {
  /// The same with labels numbered otherwise.
  func renumbered(_ places: [Int]) -> Target {
    switch self {
    case .label(let label): .label(places[label])
    case .labels(let labels): .labels(labels.map { places[$0] }.sorted())
    case .value: self
    }
  }
}
