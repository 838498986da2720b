internal import CheckpointFiles
internal import ParameterSurgery

/// The names of the outputs of a head.
package struct HeadLabels: Sendable {
  /// In the order of the logits.
  package var names: [String]
  /// Whether they are more than the `LABEL_0`, `LABEL_1`, … of transformers.
  package var isNamed: Bool
  /// The model, for messages.
  package var model: String
  /// What the user should know of the names.
  package var notes: [String] = []

  /// What transformers calls the outputs of a head without names.
  package static func defaults(_ count: Int) -> [String] { (0..<count).map { "LABEL_\($0)" } }
}

/// Which outputs of a head the labels of a data file are.
///
/// In this order: labels with the names of outputs; numbers, and positions of lists, which are rows of the logits as
/// in transformers; labels that differ from names in capitals, blanks or Unicode composition alone.
struct LabelMatching {
  /// The names of the outputs.
  private(set) var names: [String]
  /// The output of each label of the data.
  private(set) var places: [Int]
  /// What the user should know, a sentence each.
  private(set) var notes: [String] = []

  /// Matches labels with the outputs of a head that is there already.
  ///
  /// - Parameter renames: whether a head may take the names of the data, because it is going to be trained.
  /// - Throws: `FineTuningError` that names a label without an output.
  init(
    _ data: LabelledDataset, with head: HeadLabels, renames: Bool = false
  ) throws(FineTuningError) {
    let source = data.path ?? "the data"
    let count = head.names.count
    (names, places) = (head.names, [])
    if data.task == .regression { return }
    if data.hasPositions {
      guard data.labels.count == count else {
        throw .otherTargetCount(data.labels.count, outputs: count, of: head.model, path: data.path)
      }
      places = Array(0..<count)
      if head.isNamed {
        notes.append("\(source): the targets of a list are \(listed(names)), in this order")
      }
      return
    }
    if let exact = try LabelMatching.exact(data, names) {
      places = exact
      let numbers = data.labels.compactMap(LabelText.row)
      if numbers.count == exact.count, numbers != exact, numbers.allSatisfy({ $0 < count }) {
        notes.append(
          "\(source): the labels are numbers that are names of outputs of \(head.model), and not their rows: "
            + zip(data.labels, exact).prefix(12).map { "\(quoted($0)) is row \($1)" }
            .joined(separator: ", ") + (exact.count > 12 ? ", …" : ""))
      }
      return
    }
    // A head whose names are numbers has no other numbers.
    let rows = data.labels.compactMap(LabelText.row)
    let areRows =
      rows.count == data.labels.count && !rows.isEmpty && Set(rows).count == rows.count
      && !names.contains { LabelText.decimal($0) != nil }
    if areRows, rows.allSatisfy({ $0 < count }) {
      places = rows
      if head.isNamed {
        notes.append(
          "\(source): the labels are numbers and those of \(head.model) are names: "
            + zip(data.labels, rows).prefix(12).map { "\($0) is \(quoted(names[$1]))" }
            .joined(separator: ", ") + (rows.count > 12 ? ", …" : ""))
      }
      return
    }
    if let alike = try LabelMatching.alike(data, names) {
      places = alike
      notes.append(
        "\(source): labels are taken for those of \(head.model), from which they differ in capitals, blanks, "
          + "invisible characters or Unicode composition: "
          + zip(data.labels, alike).filter { !LabelText.same($0, names[$1]) }.prefix(12)
          .map { "\(quoted($0)) for \(quoted(names[$1]))" }.joined(separator: ", "))
      return
    }
    if !renames, !head.isNamed, data.labels.count == count, (data.columns?.labels.count ?? 0) > 1 {
      places = Array(0..<count)
      notes.append(
        "\(source): the columns \(listed(data.labels)) are the outputs of \(head.model), in this order"
      )
      return
    }
    guard renames else {
      if areRows, let row = rows.first(where: { $0 >= count }) {
        throw .labelBeyondHead(row, of: names, path: data.path, line: data.firstLine(of: "\(row)"))
      }
      throw LabelMatching.unknown(data, names, of: .model)
    }
    try rename(data, head, areNumbers: areRows)
  }

  /// Matches the labels of data to evaluate with those of the data that a new head trains on.
  ///
  /// - Throws: `FineTuningError` that names a label that does not occur there.
  init(_ data: LabelledDataset, withTraining training: LabelledDataset) throws(FineTuningError) {
    names = training.labels
    places = []
    if data.task == .regression { return }
    if data.hasPositions != training.hasPositions {
      throw .otherLabelForm(data, than: training)
    }
    guard !data.hasPositions || data.labels.count == names.count else {
      throw .otherTargetCount(data, than: training)
    }
    guard let exact = try LabelMatching.exact(data, names) else {
      throw LabelMatching.unknown(
        data, names, of: training.path.map { .file($0) } ?? .trainingData)
    }
    places = exact
  }

  /// The data with labels numbered as the outputs are.
  func applied(to data: LabelledDataset) -> LabelledDataset {
    var result = data
    result.notes += notes
    if data.task == .regression { return result }
    result.examples = data.examples.map { example in
      var example = example
      example.target = example.target?.renumbered(places)
      return example
    }
    result.labels = names
    result.firstLines = []
    return result
  }

  // MARK: -

  /// Outputs with exactly the names of the labels; `nil` when a label has none.
  ///
  /// - Throws: when a label is the name of several outputs.
  private static func exact(
    _ data: LabelledDataset, _ names: [String]
  ) throws(FineTuningError) -> [Int]? {
    var outputs: [Key: [Int]] = [:]
    for (index, name) in names.enumerated() {
      outputs[Key(LabelText.canonical(name)), default: []].append(index)
    }
    var places: [Int] = []
    for label in data.labels {
      guard let found = outputs[Key(LabelText.canonical(label))] else { return nil }
      guard found.count == 1 else {
        throw .ambiguousLabel(label, outputs: found, path: data.path)
      }
      places.append(found[0])
    }
    return places
  }

  /// Outputs whose names are alike, each for one label; `nil` when there is none for a label.
  ///
  /// - Throws: when two labels are alike and have the same output.
  private static func alike(
    _ data: LabelledDataset, _ names: [String]
  ) throws(FineTuningError) -> [Int]? {
    var outputs: [LabelText.Folded: [Int]] = [:]
    for (index, name) in names.enumerated() {
      outputs[LabelText.folded(name), default: []].append(index)
    }
    var places: [Int] = []
    for label in data.labels {
      guard let found = outputs[LabelText.folded(label)] else { return nil }
      // The very name wins over one that is alike.
      guard
        let place = found.count == 1
          ? found[0] : found.first(where: { LabelText.same(names[$0], label) })
      else { return nil }
      if let other = places.firstIndex(of: place) {
        throw .labelsAlike(data.labels[other], label, output: names[place], path: data.path)
      }
      places.append(place)
    }
    return places
  }

  private static func unknown(
    _ data: LabelledDataset, _ names: [String], of owner: FineTuningError.LabelOwner
  ) -> FineTuningError {
    let known = Set(names.map { Key(LabelText.canonical($0)) })
    let label =
      data.labels.first { !known.contains(Key(LabelText.canonical($0))) } ?? data.labels.first ?? ""
    let line = data.firstLine(of: label)
    let isFirstRow =
      data.columns.map { if case .numbered = $0.text { true } else { false } } == true && line == 1
    return .unknownLabel(
      label, of: owner, names, path: data.path, line: line,
      advice: (isFirstRow ? [.chooseHeader(.yes)] : [])
        + (LabelText.decimal(label).map { $0 != $0.rounded() } == true
          ? [.chooseTask([.regression])] : []))
  }

  /// Gives the outputs the names of the data.
  private mutating func rename(
    _ data: LabelledDataset, _ head: HeadLabels, areNumbers: Bool
  ) throws(FineTuningError) {
    let source = data.path ?? "the training data"
    let count = head.names.count
    guard data.labels.count <= count else {
      throw .moreLabels(data.labels, than: count, of: head.model, path: data.path)
    }
    let known = Set(names.map { LabelText.folded($0) })
    if head.isNamed, data.labels.contains(where: { known.contains(LabelText.folded($0)) }) {
      throw LabelMatching.unknown(data, names, of: .model)
    }
    if areNumbers, data.labels.count < count {
      let largest = data.labels.compactMap(LabelText.row).max() ?? 0
      throw .labelIsNotRow(
        largest, outputs: count, of: head.model, path: data.path,
        line: data.firstLine(of: "\(largest)"))
    }
    if head.isNamed {
      notes.append(
        "\(source): other labels than those of \(head.model) (\(listed(names))): its head continues under the new names; "
          + zip(names, data.labels).prefix(12).map { "\(quoted($0)) becomes \(quoted($1))" }
          .joined(separator: ", ") + (data.labels.count > 12 ? ", …" : ""))
    } else if areNumbers {
      notes.append(
        "\(source): the labels are not the rows 0 to \(count - 1) of the head of \(head.model): in their order they "
          + "become its names")
    }
    let invented = (data.labels.count..<count).map { "LABEL_\($0)" }
    if !invented.isEmpty {
      notes.append(
        "\(source): only \(Text.counted(data.labels.count, "label")) (\(listed(data.labels))) for the \(count) outputs of "
          + "the head of \(head.model): the other\(invented.count == 1 ? " is" : "s are") called "
          + "\(listed(invented))")
    }
    names = data.labels + invented
    places = Array(data.labels.indices)
  }
}

extension LabelledDataset {
  /// The line in which a label occurs first; `nil` when there is no file.
  fileprivate func firstLine(of label: String) -> Int? {
    guard let place = labels.firstIndex(where: { LabelText.same($0, label) }),
      place < firstLines.count
    else { return nil }
    return firstLines[place]
  }
}
