internal import CheckpointFiles

extension LabelledDataset {
  /// Reads a file of labelled texts.
  ///
  /// Labels that are the numbers 0 to n − 1 stay what they are; others are numbered in the order of
  /// their UTF-8 bytes.
  ///
  /// - Parameter labels: the labels of the training data, when this is data to evaluate or predict.
  /// - Throws: `FineTuningError` naming the file, the line and what was expected.
  public init(
    contentsOf path: String, options: DataOptions = DataOptions(), labels: [String]? = nil
  ) throws(FineTuningError) {
    var rows = RowReader(try FileReader(path), path: path, format: options.format ?? .init(path))
    var columns = Columns(options: options, path: path)
    var texts: [(text: String, pair: String?)] = []
    var names: [Key: Int] = [:]
    var spellings: [String] = []
    var codes: [Int] = []
    var firstLines: [Int] = []
    while let row = try rows.next() {
      guard let fields = try columns.fields(of: row) else { continue }
      texts.append((fields.text, fields.pair))
      guard let label = fields.label else { continue }
      let code = names[Key(label)] ?? spellings.count
      if code == spellings.count {
        names[Key(label)] = code
        spellings.append(label)
        firstLines.append(row.line)
        guard spellings.count <= LabelledDataset.maximumLabels else {
          throw FineTuningError(
            "\(path): more than \(LabelledDataset.maximumLabels) different labels by line \(row.line); is that the right column (--label-column)?"
          )
        }
      }
      codes.append(code)
    }
    guard !texts.isEmpty else {
      throw FineTuningError(
        columns.sawHeader ? "\(path): no rows below the header" : "\(path): empty, no rows to read")
    }

    let order = labels ?? LabelledDataset.inOrder(spellings)
    var places: [Key: Int] = [:]
    for (index, label) in order.enumerated() { places[Key(label)] = index }
    var numbers: [Int] = []
    for (code, label) in spellings.enumerated() {
      guard let place = places[Key(label)] else {
        throw FineTuningError(
          "\(path): line \(firstLines[code]): the label \(quoted(label)) is not among those of the training data: \(listed(order))"
        )
      }
      numbers.append(place)
    }
    self.init(
      examples: texts.indices.map { index in
        Example(
          text: texts[index].text, pair: texts[index].pair,
          label: codes.isEmpty ? nil : numbers[codes[index]])
      },
      labels: order)
  }

  /// More labels than this are texts by mistake.
  private static var maximumLabels: Int { 10_000 }

  /// 0 ..< n as numbers, or sorted by bytes.
  private static func inOrder(_ labels: [String]) -> [String] {
    let numbers = Set(labels.compactMap { Int($0) })
    // "01" is a name: the numbers must be spelled as numbers are.
    if numbers.count == labels.count, labels.allSatisfy({ Int($0).map(String.init) == $0 }),
      numbers.min() == 0, numbers.max() == labels.count - 1
    {
      return (0..<labels.count).map(String.init)
    }
    return labels.sorted { Key($0) < Key($1) }
  }
}

extension DataOptions.Format {
  /// The format that the ending of a file's name stands for.
  init(_ path: String) {
    let name = path.lowercased()
    if name.hasSuffix(".csv") {
      self = .csv
    } else if [".jsonl", ".ndjson", ".json"].contains(where: name.hasSuffix) {
      self = .jsonl
    } else {
      self = .tsv
    }
  }
}

/// Names for a message: all of a few, the beginning of many.
func listed(_ names: [String]) -> String {
  let shown = names.prefix(12).map(quoted).joined(separator: ", ")
  return names.count > 12 ? shown + " and \(names.count - 12) more" : shown
}
