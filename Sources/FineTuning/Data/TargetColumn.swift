internal import CheckpointFiles

/// Reads what stands in the label column, as the task wants it.
struct TargetColumn {
  /// The spellings of labels, numbered as they come.
  private(set) var spellings: [String] = []
  private var numbers: [Key: Int] = [:]
  private var firstLines: [Int] = []
  /// Rows that have the first row's label.
  private var firstCount = 0
  private let task: PredictionTask
  private let path: String

  /// More labels than this are texts by mistake.
  private static let maximumLabels = 10_000

  init(task: PredictionTask, path: String) {
    self.task = task
    self.path = path
  }

  /// The target of one row, its labels numbered as they come.
  mutating func target(_ content: Columns.Label, line: Int) throws(FineTuningError) -> Target {
    switch (task, content) {
    case (.classification, .text(let text)): return .label(try number(text, line))
    case (.regression, .text(let text)):
      let trimmed = trimmedSpaces(text)
      guard let value = Double(trimmed), value.isFinite else {
        throw FineTuningError(
          "\(path): line \(line): the label \(quoted(text)) is not a number, as regression needs"
            + (line == 1 ? TargetColumn.headerHint : "")
        )
      }
      return .value(value)
    case (.multiLabel, .text(let text)):
      var places: Set<Int> = []
      for name in try names(text, line) { places.insert(try number(name, line)) }
      return .labels(places.sorted())
    case (.multiLabel, .list(let names)):
      var places: Set<Int> = []
      for name in names { places.insert(try number(name, line)) }
      return .labels(places.sorted())
    case (_, .list):
      throw FineTuningError(
        "\(path): line \(line): the label is a list, and one label a text is expected (several are train --task multi-label)"
      )
    }
  }

  /// The labels of a cell: a JSON array, or names between commas.
  private func names(_ text: String, _ line: Int) throws(FineTuningError) -> [String] {
    let trimmed = trimmedSpaces(text)
    guard trimmed.hasPrefix("[") else {
      return trimmed.split(separator: ",").map { trimmedSpaces(String($0)) }.filter { !$0.isEmpty }
    }
    guard let array = (try? JSONParser.parse(Array(trimmed.utf8)))?.array,
      let names = labelNames(array)
    else {
      throw FineTuningError(
        "\(path): line \(line): the labels \(quoted(text)) begin like a JSON array and are none of names"
      )
    }
    return names
  }

  private mutating func number(_ name: String, _ line: Int) throws(FineTuningError) -> Int {
    if let number = numbers[Key(name)] {
      if number == 0 { firstCount += 1 }
      return number
    }
    if spellings.isEmpty { firstCount = 1 }
    let number = spellings.count
    numbers[Key(name)] = number
    spellings.append(name)
    firstLines.append(line)
    guard spellings.count <= TargetColumn.maximumLabels else {
      throw FineTuningError(
        "\(path): more than \(TargetColumn.maximumLabels) different labels by line \(line); is that the right column (--label-column)? Numbers to predict are train --task regression"
      )
    }
    return number
  }

  private static let headerHint = "; if the first row names the columns, say --header yes"

  /// Throws when the first row, read as data, is most probably a header with unusual names: its label
  /// is the only one that is not a number, and occurs once.
  func demandData() throws(FineTuningError) {
    guard task == .classification, spellings.count > 2, firstCount == 1, Int(spellings[0]) == nil,
      spellings.dropFirst().allSatisfy({ Int($0) != nil })
    else { return }
    throw FineTuningError(
      "\(path): line \(firstLines[0]): the label \(quoted(spellings[0])) is the only one that is no number\(TargetColumn.headerHint) and the columns; if it is a label, --header no"
    )
  }

  /// The place of each label among `order`.
  ///
  /// - Throws: `FineTuningError` that names the line of one that is not there.
  func places(in order: [String]) throws(FineTuningError) -> [Int] {
    var places: [Key: Int] = [:]
    for (index, label) in order.enumerated() { places[Key(label)] = index }
    var result: [Int] = []
    for (label, line) in zip(spellings, firstLines) {
      guard let place = places[Key(label)] else {
        throw FineTuningError(
          "\(path): line \(line): the label \(quoted(label)) is not among those of the training data: \(listed(order))"
        )
      }
      result.append(place)
    }
    return result
  }

  /// 0 ..< n as numbers, or sorted by bytes.
  var inOrder: [String] {
    let numbers = Set(spellings.compactMap { Int($0) })
    // "01" is a name: the numbers must be spelled as numbers are.
    if numbers.count == spellings.count, spellings.allSatisfy({ Int($0).map(String.init) == $0 }),
      numbers.min() == 0, numbers.max() == spellings.count - 1
    {
      return (0..<spellings.count).map(String.init)
    }
    return spellings.sorted { Key($0) < Key($1) }
  }
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

/// The elements of an array of strings, numbers and truth values as names; `nil` when there is
/// something else.
func labelNames(_ array: [JSONValue]) -> [String]? {
  var names: [String] = []
  for value in array {
    switch value {
    case .string(let text), .number(let text): names.append(text)
    case .bool(let value): names.append(value ? "true" : "false")
    default: return nil
    }
  }
  return names
}

/// A text without spaces and tabs at its ends.
func trimmedSpaces(_ text: String) -> String {
  let space: (Character) -> Bool = { $0 == " " || $0 == "\t" }
  var rest = text[...].drop(while: space)
  while let last = rest.last, space(last) { rest.removeLast() }
  return String(rest)
}
