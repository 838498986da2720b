internal import CheckpointFiles
internal import ParameterSurgery

/// What can be wrong with the labels of a data file.
extension FineTuningError {
  private static func label(
    _ path: String, _ line: Int?, advice: [Advice] = [], _ reason: String
  ) -> FineTuningError {
    FineTuningError(.label, path: path, line: line, advice: advice, reason)
  }

  // MARK: One label

  static func labelIsList(_ text: String?, path: String, line: Int) -> FineTuningError {
    label(
      path, line, advice: [.chooseTask([.multiLabel])],
      "the label \(text.map { "\(quoted($0)) " } ?? "")is a list, and one label for each text is expected"
    )
  }

  static func markColumns(path: String) -> FineTuningError {
    label(
      path, nil, advice: [.chooseTask([.multiLabel])],
      "a column of 0 and 1 for each label is for several labels, and one label for each text is expected"
    )
  }

  static func labelIsNotNumber(
    _ text: String, path: String, line: Int, advice: [Advice]
  ) -> FineTuningError {
    label(
      path, line, advice: advice,
      "the label \(quoted(text)) is not a number in decimal digits, as regression needs")
  }

  static func labelIsTooLarge(_ text: String, path: String, line: Int) -> FineTuningError {
    label(
      path, line,
      "the label \(quoted(text)) is beyond the range of 32-bit floating-point numbers")
  }

  static func otherLabelKind(
    _ kind: TargetColumn.Kind, than first: TargetColumn.Kind, ofLine firstLine: Int, path: String,
    line: Int
  ) -> FineTuningError {
    label(path, line, "the label is \(kind.noun), that of line \(firstLine) is \(first.noun)")
  }

  static func tooManyLabels(_ limit: Int, path: String, line: Int) -> FineTuningError {
    label(
      path, line, advice: [.nameColumns([.label]), .chooseTask([.regression])],
      "more than \(grouped(limit)) different labels")
  }

  static func decimalLabels(_ label: String, path: String) -> FineTuningError {
    self.label(
      path, nil, advice: [.chooseTask([.regression, .classification])],
      "the labels are decimal numbers, such as \(label)")
  }

  // MARK: Several labels

  static func listOfOtherThings(path: String, line: Int) -> FineTuningError {
    label(path, line, "a list of labels holds strings, numbers or truth values only")
  }

  static func fractionInList(_ number: String, path: String, line: Int) -> FineTuningError {
    label(
      path, line,
      "\(number) in a list of labels, expected names, or 0 or 1 for each label")
  }

  static func markIsNotBit(
    _ cell: String, label name: String, path: String, line: Int
  ) -> FineTuningError {
    label(path, line, "the label \(quoted(name)) is \(quoted(cell)), expected 0 or 1")
  }

  static func printedList(_ text: String, path: String, line: Int) -> FineTuningError {
    label(
      path, line,
      "the labels \(quoted(text)) are a list of Python or of 0 and 1 without commas; "
        + "write names with commas between them, a JSON array, or 0 and 1 with commas between them")
  }

  static func brokenArray(_ text: String, path: String, line: Int) -> FineTuningError {
    label(
      path, line,
      "the labels \(quoted(text)) begin like a JSON array, but are not an array of names or of 0 and 1"
    )
  }

  static func singleBits(path: String, line: Int) -> FineTuningError {
    label(
      path, line, advice: [.chooseTask([.classification])],
      "every list is a single 0 or 1, which may be the name of a label or the target of one label; write names "
        + "that are not 0 and 1")
  }

  /// A list of 0 and 1 in a file of which another line has something else in place of such a list.
  static func listBesideOther(
    line otherLine: Int, length: Int, path: String, line: Int
  ) -> FineTuningError {
    unequalLists(path, line, "line \(otherLine) holds something else")
  }

  /// A list of 0 and 1 in a file of which two lines have lists of different lengths.
  static func listsOfOtherLength(
    _ length: Int, line otherLine: Int, than firstLength: Int, line firstLine: Int, path: String,
    line: Int
  ) -> FineTuningError {
    unequalLists(
      path, line, "line \(otherLine) has \(length) of them and line \(firstLine) has \(firstLength)"
    )
  }

  private static func unequalLists(
    _ path: String, _ line: Int, _ difference: String
  ) -> FineTuningError {
    label(
      path, line,
      "a list of 0 and 1 has one element for each label in every row, but \(difference)")
  }

  static func labelTwice(_ name: String, path: String, line: Int) -> FineTuningError {
    label(path, line, "the label \(quoted(name)) occurs twice in one list")
  }

  static func otherListLength(
    _ length: Int, labels: Int, path: String, line: Int
  ) -> FineTuningError {
    label(
      path, line,
      "a list of \(length) targets, expected one for each of the \(labels) labels")
  }

  // MARK: The labels of other data, or of a head

  /// Whose labels others are compared with.
  enum LabelOwner {
    case model
    case trainingData
    case file(String)
  }

  static func unknownLabel(
    _ label: String, of owner: LabelOwner, _ names: [String], path: String?, line: Int?,
    advice: [Advice] = []
  ) -> FineTuningError {
    let labels =
      switch owner {
      case .model: "the model's"
      case .trainingData: "the training data's"
      case .file(let path): "the labels of \(path)"
      }
    return FineTuningError(
      .label, path: path, line: line, advice: advice,
      "the label \(quoted(label)) is not one of \(labels): \(listed(names))")
  }

  static func labelNotInTraining(
    _ label: String, among names: [String], path: String, line: Int
  ) -> FineTuningError {
    self.label(
      path, line,
      "the label \(quoted(label)) is not among those of the training data: \(listed(names))")
  }

  static func labelBeyondHead(
    _ row: Int, of names: [String], path: String?, line: Int?
  ) -> FineTuningError {
    about(
      path, or: "the data", line: line, .label,
      "the label \(row) is neither one of the model's (\(listed(names))) nor "
        + "a row of its head, 0 to \(names.count - 1)")
  }

  static func otherTargetCount(
    _ count: Int, outputs: Int, of model: String, path: String?
  ) -> FineTuningError {
    about(
      path, or: "the data", .label,
      "lists of \(count) targets, but the head of \(model) has "
        + Text.counted(outputs, "output"))
  }

  static func otherTargetCount(
    _ evaluation: LabelledDataset, than training: LabelledDataset
  ) -> FineTuningError {
    about(
      evaluation.path, or: "the evaluation data", .label,
      "lists of \(evaluation.labels.count) targets, those of "
        + "\(training.path ?? "the training data") have \(training.labels.count)")
  }

  static func otherLabelForm(
    _ evaluation: LabelledDataset, than training: LabelledDataset
  ) -> FineTuningError {
    func form(_ data: LabelledDataset) -> String {
      data.hasPositions ? "lists of 0 and 1" : "names"
    }
    return about(
      evaluation.path, or: "the evaluation data", .label,
      "the labels are \(form(evaluation)), "
        + "those of \(training.path ?? "the training data") are \(form(training))")
  }

  static func ambiguousLabel(
    _ label: String, outputs: [Int], path: String?
  ) -> FineTuningError {
    about(
      path, or: "the data", .label,
      "the label \(quoted(label)) is the name of \(outputs.count) outputs of the head, "
        + outputs.map(String.init).joined(separator: ", "))
  }

  static func labelsAlike(
    _ first: String, _ second: String, output: String, path: String?
  ) -> FineTuningError {
    about(
      path, or: "the data", .label,
      "the labels \(quoted(first)) and \(quoted(second)) are both like "
        + "\(quoted(output)) of the head; use one of them")
  }

  static func moreLabels(
    _ labels: [String], than outputs: Int, of model: String, path: String?
  ) -> FineTuningError {
    about(
      path, or: "the training data", .label,
      "\(Text.counted(labels.count, "label")), and the head of \(model) has room for "
        + "\(outputs): \(listed(labels))")
  }

  static func labelIsNotRow(
    _ row: Int, outputs: Int, of model: String, path: String?, line: Int?
  ) -> FineTuningError {
    about(
      path, or: "the training data", line: line, .label,
      "the label \(row) is not a row of the head of \(model), which has the rows 0 to \(outputs - 1)"
    )
  }
}

extension TargetColumn.Kind {
  /// The kind of a value with its article, for a message.
  fileprivate var noun: String {
    switch self {
    case .boolean: "a truth value"
    case .number: "a number"
    case .text: "a string"
    }
  }
}
