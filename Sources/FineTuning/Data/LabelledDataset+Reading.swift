internal import CheckpointFiles

extension LabelledDataset {
  /// Reads a file of labelled texts.
  ///
  /// Labels that are the numbers 0 to n − 1 stay what they are; others are numbered in the order of
  /// their UTF-8 bytes.
  ///
  /// - Parameters:
  ///   - path: a TSV, CSV or JSONL file.
  ///   - options: the format and the columns, where the file does not say.
  ///   - labels: the labels of the training data, when this is data to evaluate or predict.
  /// - Throws: `FineTuningError` naming the file, the line and what was expected.
  public init(
    contentsOf path: String, options: DataOptions = DataOptions(), labels: [String]? = nil
  ) throws(FineTuningError) {
    var rows = RowReader(try FileReader(path), path: path, format: options.format ?? .init(path))
    var columns = Columns(options: options, path: path)
    var column = TargetColumn(task: options.task, path: path)
    var rowsRead: [Example] = []
    while let row = try rows.next() {
      guard let fields = try columns.fields(of: row) else { continue }
      var target: Target?
      if let label = fields.label { target = try column.target(label, line: row.line) }
      rowsRead.append(Example(text: fields.text, pair: fields.pair, target: target))
    }
    guard !rowsRead.isEmpty else {
      throw FineTuningError(
        columns.sawHeader ? "\(path): no rows below the header" : "\(path): empty, no rows to read")
    }
    if options.header == .auto, !columns.sawHeader { try column.demandData() }
    let order = labels ?? column.inOrder
    let places = try column.places(in: order)
    self.init(
      examples: rowsRead.map {
        Example(text: $0.text, pair: $0.pair, target: $0.target?.renumbered(places))
      },
      labels: options.task == .regression ? [] : order, task: options.task)
    self.path = path
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
