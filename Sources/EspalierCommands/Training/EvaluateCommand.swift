import ArgumentParser
import CheckpointFiles
import FineTuning
import ParameterSurgery

/// `espalier evaluate`: how good a trained classifier is on labelled texts.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure a trained classifier on labelled texts.",
    usage: "espalier evaluate --model <model> --data <file> [<options>]",
    discussion: """
      Prints loss, accuracy, macro F1, Matthews correlation, figures for each label, and the \
      confusion matrix; for several labels a text micro F1, macro F1 and subset accuracy; for numbers \
      the squared error and Pearson's and Spearman's correlations. What the model predicts stands in \
      its espalier.json, or in problem_type of its config.json. The pooling, the longest sequence and the \
      columns that train was given are those of the run, unless options here name others.

        espalier evaluate --model tuned --data dev.tsv
        espalier evaluate --model tuned --data dev.csv --label-column stars --json
        espalier evaluate --base bert-base-uncased --model head --data dev.tsv
      """)

  @OptionGroup var classifier: ClassifierArguments

  @Option(
    help: ArgumentHelp("The labelled texts: TSV, CSV or JSONL.", valueName: "file"),
    completion: .file())
  var data: String

  @OptionGroup(title: "Data") var dataArguments: DataArguments
  @OptionGroup var output: OutputOptions
  @OptionGroup var progress: ProgressOptions

  func run() throws {
    let classifier = try classifier.load()
    let data = try classifier.relabelled(
      try dataArguments.read(data, labels: true, settings: classifier.settings))
    for note in classifier.notes(on: data) { StandardError.note(note) }
    let bar = Progress(
      "evaluating", total: data.count, unit: .items("texts"), mode: progress.progress)
    var done = 0
    let logits = try classifier.logits(
      of: data, onCut: { ClassifierArguments.note(onCut: $0, of: data, classifier) }
    ) {
      bar.advance(by: $0 - done)
      done = $0
    }
    bar.finish()
    let metrics = EvaluationMetrics(
      data.task, logits: logits, targets: data.examples.compactMap(\.target),
      labelNames: classifier.settings.labels)
    if output.json {
      JSONOutput.print(metrics.json)
    } else {
      MetricsRendering(metrics).print()
    }
  }
}

/// Which classifier, and how it reads texts.
struct ClassifierArguments: ParsableArguments {
  @Option(
    help: "The folder that espalier train wrote, or any encoder with a classification head.",
    completion: .file())
  var model: String

  @Option(
    help: """
      The model that a run with --save delta started from: what it left is applied to it in memory.
      """)
  var base: String?

  @Option(help: "Overrides the model's pooling: mean, mean-all, cls or pooler.")
  var pooling: Pooling?

  @Option(
    help: ArgumentHelp(
      """
      Overrides the longest sequence, in tokens. Default: as the model was trained, otherwise 128. Longer \
      texts are cut, and a note says how many.
      """, valueName: "n"))
  var maxLength: Int?

  @Option(help: ArgumentHelp("Threads; default: one a core.", valueName: "n"))
  var threads: Int?

  func validate() throws {
    if let threads, !(1...ThreadPool.maximumThreads).contains(threads) {
      throw ValidationError("--threads takes a count from 1 to 1,024")
    }
  }

  /// Says how many texts are cut.
  static func note(onCut count: Int, of data: LabelledDataset, _ classifier: TextClassifier) {
    StandardError.note(
      "\(grouped(count)) of \(Text.counted(data.count, "text")) \(count == 1 ? "is" : "are") longer than "
        + "\(classifier.settings.maximumLength) tokens and \(count == 1 ? "is" : "are") cut there "
        + "(--max-length)")
  }

  func load() throws -> TextClassifier {
    let directory = try ModelDirectory(model, base: base)
    for name in directory.checkpoint.foreignGlobals {
      StandardError.note("\(model): names \(quoted(name)), which is not known and was not called")
    }
    for note in directory.notes { StandardError.note(note) }
    let classifier = try TextClassifier(
      directory, pooling: pooling, maximumLength: maxLength,
      threads: threads)
    for note in classifier.notes { StandardError.note(note) }
    return classifier
  }
}
