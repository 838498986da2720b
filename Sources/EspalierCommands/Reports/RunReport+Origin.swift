import CheckpointFiles
import FineTuning
import ParameterSurgery

extension RunReport {
  /// The model, the data, the command and the version.
  var origin: HTML {
    func item(_ name: HTML, _ value: HTML) -> HTML { "<dt>\(name)</dt><dd>\(value)</dd>\n" }
    func path(_ path: String?) -> HTML {
      path.map { "<code>\(clipped(shown($0)))</code>" } ?? "not from a file"
    }
    let training: HTML = "\(path(results.data)), \(Text.counted(plan.examples, "example"))"
    let evaluation: HTML =
      results.evaluation.map { "<code>\(clipped(shown($0)))</code>" }
      ?? "a part of the data that is held out"
    let command: HTML =
      results.command.isEmpty
      ? ""
      : item("command", commandText(results.command))
    return """
      <dl>
      \(item("model", path(results.model)))\
      \(item("data", training))\
      \(item("evaluation data", "\(evaluation), \(Text.counted(plan.evaluationExamples, "example"))"))\
      \(command)\(item("version", "\(results.program)"))</dl>
      """
  }

  var settingsTable: HTML {
    let rows: [(HTML, String)] = [
      (
        "examples",
        "\(grouped(plan.examples)) to train, \(grouped(plan.evaluationExamples)) to evaluate"
      ),
      ("tokens", grouped(plan.tokens)), ("epochs", "\(options.epochs)"),
      ("batch", "\(options.batchSize) × \(options.accumulation)"),
      ("updates", grouped(plan.steps)), ("learning rate", scientific(plan.learningRate)),
      ("schedule", "\(options.schedule)"), ("weight decay", "\(options.weightDecay)"),
      ("largest gradient norm", "\(options.maximumGradientNorm)"),
      ("label smoothing", "\(options.labelSmoothing)"),
      ("balanced labels", options.balancesLabels ? "yes" : "no"),
      (
        "dropout",
        options.usesTrunkDropout
          ? "everywhere" : options.usesDropout ? "above the frozen trunk" : "off"
      ),
      ("task", settings.task.rawValue), ("pooling", settings.pooling.rawValue),
      (
        "longest sequence",
        "\(settings.maximumLength) tokens; cut: \(grouped(plan.cutExamples)) to train, "
          + "\(grouped(plan.cutEvaluationExamples)) to evaluate"
      ),
      ("seed", "\(options.seed)"), ("best by", options.criterion.rawValue),
      ("patience", options.patience.map { "\($0) epochs" } ?? "none"),
    ]
    var table = HTMLTable(
      "The options of the run, given or by default", [.words("setting"), .words("value")])
    for (name, value) in rows { table.append(name, ["\(value)"], style: "") }
    return table.html
  }
}
