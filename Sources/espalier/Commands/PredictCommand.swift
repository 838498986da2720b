import ArgumentParser
import CheckpointFiles
import FineTuning

/// `espalier predict`: the labels of texts.
struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Label texts with a trained classifier.",
    discussion: """
      Prints one line a text: the label, its probability and the text, between tabs. With --json, \
      one object a line with all logits and probabilities.

        espalier predict --model tuned 'a film to remember' 'two hours I want back'
        espalier predict --model tuned --data unlabelled.tsv --json
      """)

  @OptionGroup var classifier: ClassifierArguments

  @Argument(help: "Texts to label.")
  var texts: [String] = []

  @Option(
    help: ArgumentHelp(
      "A file of texts to label: TSV, CSV or JSONL, with or without labels.", valueName: "file"))
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
        try dataArguments.read(file, labels: false)
      } else {
        LabelledDataset(
          examples: texts.map { LabelledDataset.Example(text: $0, label: nil) }, labels: [])
      }
    let bar = Progress(
      "predicting", total: data.count, unit: .items("texts"), mode: progress.progress)
    var done = 0
    let logits = try classifier.logits(of: data) {
      bar.advance(by: $0 - done)
      done = $0
    }
    bar.finish()
    let labels = classifier.settings.labels
    for (example, row) in zip(data.examples, logits) {
      let prediction = Prediction(logits: row, labels: labels)
      if output.json {
        StandardOutput.shared.line(prediction.json(text: example.text, pair: example.pair).text())
      } else {
        StandardOutput.shared.line(
          [
            printable(prediction.label), fixed(prediction.probability, digits: 4),
            printable(example.text),
          ]
          .joined(separator: "\t"))
      }
    }
  }

  /// A text on one line of three columns: tabs and line ends would break it.
  private func printable(_ text: String) -> String {
    String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 })
  }
}

extension Prediction {
  /// The object of `predict --json`.
  func json(text: String, pair: String?) -> JSONValue {
    var members: [(String, JSONValue)] = [("text", .string(text))]
    if let pair { members.append(("text_pair", .string(pair))) }
    members += [
      ("label", .string(label)),
      ("probability", .real(probability)),
      ("probabilities", .array(probabilities.map { .real($0) })),
      ("logits", .array(logits.map { .number("\($0)") })),
    ]
    return .object(pairs: members)
  }
}
