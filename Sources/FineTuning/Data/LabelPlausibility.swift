internal import CheckpointFiles
internal import ParameterSurgery

/// Finds labels that are probably something else, read by mistake: a header, a text, a number to predict.
///
/// What a user said of the file is never doubted: each error names the option that settles it.
struct LabelPlausibility {
  let targets: TargetColumn
  let options: DataOptions
  /// Whether the first row was taken for data, and the user did not say so.
  let isHeaderUnknown: Bool
  let path: String

  /// - Throws: `FineTuningError` that says what is implausible, and which option settles it.
  func check(_ examples: [LabelledDataset.Example]) throws(FineTuningError) {
    guard options.needsLabels, options.labelColumns.isEmpty, !areKnown else { return }
    if isHeaderUnknown { try demandData(examples) }
    if options.labelColumn == nil, options.task != .regression { try demandLabels(examples) }
    if options.task == .classification, !options.isTaskChosen { try demandClasses() }
  }

  /// Whether a model has all of the labels.
  private var areKnown: Bool {
    let known = Set(options.knownLabels.map { Key(LabelText.canonical($0)) })
    return !known.isEmpty && targets.labels.allSatisfy { known.contains(Key($0)) }
  }

  /// The first row, read as data, is most probably a header: its label is the only one that is not a number, or
  /// the only one that occurs once.
  private func demandData(_ examples: [LabelledDataset.Example]) throws(FineTuningError) {
    let (labels, counts) = (targets.labels, targets.counts)
    guard options.task != .regression, labels.count > 1, counts[0] == 1,
      LabelText.decimal(labels[0]) == nil
    else { return }
    let line = targets.firstLines[0]
    if labels.count > 2, labels.dropFirst().allSatisfy({ LabelText.decimal($0) != nil }) {
      throw .probablyHeader(
        labels[0], .onlyWord, path: path, line: line)
    }
    // In a file of which one row in twenty has a label of its own, that may be any row. A text and a label that
    // look like names of columns, beside texts that do not, are a header even if it is one in two.
    let others = targets.rowCount - 1
    let single = counts.dropFirst().count { $0 == 1 }
    let isName = isName(labels[0]) && isName(examples.first?.text ?? "")
    let sentences = examples.dropFirst().count { !self.isName($0.text) }
    guard
      others >= 4 && single * 20 <= others
        || others >= 3 && single * 2 <= others && isName && sentences * 2 > others
    else { return }
    throw .probablyHeader(
      labels[0], .occursOnce, path: path, line: line)
  }

  /// Whether a text may be the name of a column: a short word.
  private func isName(_ text: String) -> Bool {
    text.utf8.count <= 32
      && text.unicodeScalars.allSatisfy { $0 == "_" || $0 == "-" || $0.properties.isAlphabetic }
  }

  /// Texts were taken for labels, when columns were found by custom.
  private func demandLabels(_ examples: [LabelledDataset.Example]) throws(FineTuningError) {
    if options.textColumn == nil, targets.labels.contains(where: { LabelText.decimal($0) == nil }),
      examples.allSatisfy({ LabelText.decimal(trimmedSpaces($0.text)) != nil })
    {
      throw .textsAreNumbers(examples.first?.text ?? "", path: path)
    }
    // The labels of a row together, for several labels a text.
    let labels = Set(examples.compactMap(\.target)).count
    guard targets.rowCount >= 4, labels * 2 > targets.rowCount else { return }
    let texts = Set(examples.map { Key($0.text) }).count
    guard texts * 2 <= labels else { return }
    throw .swappedColumns(labels: labels, rows: targets.rowCount, texts: texts, path: path)
  }

  /// Decimal numbers are scores to predict, unless someone says that they are classes.
  private func demandClasses() throws(FineTuningError) {
    let values = targets.labels.compactMap(LabelText.decimal)
    guard values.count == targets.labels.count,
      let place = values.firstIndex(where: { $0 != $0.rounded() })
    else { return }
    throw .decimalLabels(targets.labels[place], path: path)
  }
}
