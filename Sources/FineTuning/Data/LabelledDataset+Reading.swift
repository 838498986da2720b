internal import CheckpointFiles

extension LabelledDataset {
  /// Reads a file of labelled texts.
  ///
  /// Labels that are numbers are numbered by their values, others in the order of their UTF-8 bytes. Lists of
  /// 0 and 1 have a label for each position, `LABEL_0` and so on.
  ///
  /// - Parameters:
  ///   - path: a TSV, CSV or JSONL file.
  ///   - options: the format and the columns, where the file does not say.
  ///   - labels: the labels of the training data, when this is data to evaluate or predict.
  /// - Throws: `FineTuningError` naming the file, the line and what was expected.
  public init(
    contentsOf path: String, options: DataOptions = DataOptions(), labels: [String]? = nil
  ) throws(FineTuningError) {
    let format = options.format ?? .init(path)
    if options.separator != nil, format == .jsonl {
      throw .separatorOfJSON(path: path)
    }
    var rows = RowReader(try FileReader(path), path: path, options: options)
    var columns = Columns(options: options, path: path)
    var targets = TargetColumn(task: options.task, path: path)
    var examples: [Example] = []
    while let row = try rows.next() {
      guard let fields = try columns.fields(of: row) else { continue }
      if examples.isEmpty { targets.name(LabelledDataset.labelNames(columns)) }
      var target: Target?
      if let label = fields.label {
        do throws(FineTuningError) {
          try targets.demandOneKind(label, line: row.line)
          target = try targets.target(label, line: row.line)
        } catch {
          // Texts to predict may have anything in that column.
          if options.needsLabels { throw error }
        }
      }
      examples.append(Example(text: fields.text, pair: fields.pair, target: target))
    }
    guard !examples.isEmpty else {
      throw .noRows(hasHeader: columns.sawHeader, path: path)
    }
    try LabelPlausibility(
      targets: targets, options: options,
      isHeaderUnknown: options.header == .auto && !columns.sawHeader && format != .jsonl, path: path
    ).check(examples)
    let numbering: TargetColumn.Numbering
    do throws(FineTuningError) {
      numbering = try targets.numbering(labels)
    } catch {
      if options.needsLabels { throw error }
      for index in examples.indices { examples[index].target = nil }
      numbering = TargetColumn.Numbering(labels: labels ?? [], firstLines: [], places: [])
    }
    var next = 0
    for index in examples.indices {
      guard let target = examples[index].target else { continue }
      if let sets = numbering.sets {
        examples[index].target = .labels(sets[next])
        next += 1
      } else {
        examples[index].target = target.renumbered(numbering.places)
      }
    }
    self.init(
      examples: examples, labels: options.task == .regression ? [] : numbering.labels,
      task: options.task)
    self.path = path
    self.columns = columns.description
    hasPositions = numbering.sets != nil
    firstLines = numbering.firstLines
    let areNames = options.needsLabels && !hasPositions
    var unused: [String] = []
    if format == .jsonl, options.header != .auto || options.quotes != .auto {
      unused.append(
        "a header and quotes are for TSV and CSV, and this is read as JSON lines: the option has no effect"
      )
    }
    notes = (unused + rows.notes + columns.notes + (areNames ? targets.notes : [])).map {
      "\(path): \($0)"
    }
  }

  /// The names of labels that have a column each.
  private static func labelNames(_ columns: Columns) -> [String] {
    guard !columns.marks.isEmpty, let places = columns.description?.labels else { return [] }
    return places.enumerated().map { index, column in
      if case .named(let name) = column { name } else { "LABEL_\(index)" }
    }
  }
}
