import ArgumentParser
import CheckpointFiles
import FineTuning
import ParameterSurgery

/// `espalier predict`: the labels of texts.
struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Label texts with a trained classifier.",
    discussion: """
      Prints one line a text: the label, its probability and the text, between tabs; several labels \
      and their probabilities between commas; or the number and the text. With --json, one object a \
      line with all logits and probabilities. The pooling, the longest sequence and the columns that train \
      was given are those of the run, unless options here name others.

        espalier predict --model tuned 'a film to remember' 'two hours I want back'
        espalier predict --model tuned --data unlabelled.tsv --json
        espalier predict --base bert-base-uncased --model head 'a film to remember'
      """)

  @OptionGroup var classifier: ClassifierArguments

  @Argument(help: "Texts to label.")
  var texts: [String] = []

  @Option(
    help: ArgumentHelp(
      "A file of texts to label: TSV, CSV or JSONL, with or without labels.", valueName: "file"),
    completion: .file())
  var data: String?

  @OptionGroup(title: "Data") var dataArguments: DataArguments
  @OptionGroup var output: OutputOptions
  @OptionGroup var progress: ProgressOptions

  func validate() throws {
    if texts.isEmpty == (data == nil) {
      throw ValidationError("give texts as arguments, or a file of them with --data")
    }
  }

  func run() throws {
    let classifier = try classifier.load()
    let data: LabelledDataset =
      if let file = self.data {
        try dataArguments.read(file, labels: false, settings: classifier.settings)
      } else {
        LabelledDataset(
          examples: texts.map { LabelledDataset.Example(text: $0, label: nil) }, labels: [])
      }
    for note in classifier.notes(on: data) { StandardError.note(note) }
    let bar = Progress(
      "predicting", total: data.count, unit: .items("texts"), mode: progress.progress)
    var done = 0
    let logits = try classifier.logits(
      of: data, onCut: { ClassifierArguments.note(onCut: $0, of: data, classifier) }
    ) {
      bar.advance(by: $0 - done)
      done = $0
    }
    bar.finish()
    let settings = classifier.settings
    for (example, row) in zip(data.examples, logits) {
      let line =
        output.json
        ? JSONOutput.versioned(json(settings, row, example)).text()
        : (columns(settings, row) + [printable(example.text)]).joined(separator: "\t")
      StandardOutput.shared.line(line)
    }
  }

  /// What stands before the text.
  private func columns(_ settings: ClassifierSettings, _ row: [Float]) -> [String] {
    switch settings.task {
    case .classification:
      let prediction = Prediction(logits: row, labels: settings.labels)
      return [printable(prediction.label), fixed(prediction.probability, digits: 4)]
    case .regression: return [row.first.map { $0.isNaN ? "nan" : "\($0)" } ?? "nan"]
    case .multiLabel:
      let prediction = MultiLabelPrediction(logits: row, labels: settings.labels)
      return [
        prediction.labels.map(printable).joined(separator: ","),
        prediction.indices.map { fixed(prediction.probabilities[$0], digits: 4) }
          .joined(separator: ","),
      ]
    }
  }

  private func json(
    _ settings: ClassifierSettings, _ row: [Float], _ example: LabelledDataset.Example
  ) -> JSONValue {
    var members: [(String, JSONValue)] = [("text", .string(example.text))]
    if let pair = example.pair { members.append(("text_pair", .string(pair))) }
    switch settings.task {
    case .classification:
      let prediction = Prediction(logits: row, labels: settings.labels)
      members += [
        ("label", .string(prediction.label)), ("probability", .real(prediction.probability)),
        ("probabilities", .array(prediction.probabilities.map { .real($0) })),
      ]
    case .regression: members.append(("value", number(row.first ?? .nan)))
    case .multiLabel:
      let prediction = MultiLabelPrediction(logits: row, labels: settings.labels)
      members += [
        ("labels", .array(prediction.labels.map { .string($0) })),
        ("probabilities", .array(prediction.probabilities.map { .real($0) })),
      ]
    }
    members.append(("logits", .array(row.map(number))))
    return .object(pairs: members)
  }

  /// A number in the spelling of single precision; `null` when it is not finite, because JSON cannot express it.
  private func number(_ value: Float) -> JSONValue {
    value.isFinite ? .number("\(value)") : .null
  }

  /// A text on one line of columns: tabs and line ends would break it, and so would the separators that Python takes
  /// for line ends.
  private func printable(_ text: String) -> String {
    String(text.map { $0.isNewline || "\t\u{1C}\u{1D}\u{1E}".contains($0) ? " " : $0 })
  }
}
