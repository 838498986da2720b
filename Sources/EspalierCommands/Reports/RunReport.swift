import CheckpointFiles
import FineTuning
import ParameterSurgery

/// A run on one page: one HTML file that loads nothing from elsewhere.
struct RunReport {
  /// The name of the run's folder.
  let name: String
  let plan: TrainingPlan
  let options: TrainingOptions
  let settings: ClassifierSettings
  let records: [EpochRecord]
  let metrics: EvaluationMetrics
  let seconds: Double

  /// The report of a run that is finished.
  init(_ run: TrainingRun, _ result: TrainingRun.Result, folder: String) {
    name = Path.name(of: folder)
    plan = run.plan
    options = run.options
    settings = run.settings
    records = result.records
    metrics = result.metrics
    seconds = result.seconds
  }

  /// The files of the report.
  var documents: [TrainingRun.Document] {
    [
      TrainingRun.Document(name: TrainingRun.FileName.curve, text: curve.svg),
      TrainingRun.Document(name: TrainingRun.FileName.report, text: html),
    ]
  }

  /// The page.
  var html: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(escaped(name)): training report</title>
    <style>
    :root { color-scheme: light dark }
    body { font: 15px/1.45 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
    h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em }
    table { border-collapse: collapse } td, th { padding: .25em .8em; text-align: right }
    th { font-weight: 600; border-bottom: 1px solid #8888 }
    td:first-child, th:first-child { text-align: left; padding-left: 0 }
    td { white-space: nowrap } tr.best td { font-weight: 600 }
    td.name { font-family: ui-monospace, monospace; font-size: .92em; text-align: left; \
    white-space: normal; overflow-wrap: anywhere }
    .settings td, .settings th { text-align: left } summary { cursor: pointer; margin: .6em 0 }
    .figures { display: flex; flex-wrap: wrap; gap: 1.2em 2.2em; margin: 1.2em 0 }
    .figures b { display: block; font-size: 1.7em; font-weight: 600 }
    .scroll { overflow-x: auto } .curve svg { width: 100%; height: auto } \
    svg { max-width: 100% }
    .note { color: #888 }
    </style>
    </head>
    <body>
    <h1>\(escaped(name))</h1>
    \(summary)
    <h2>Learning curve</h2>
    <div class="curve">\(curve.svg)</div>
    \(epochs)
    \(results)
    <h2>What trained</h2>
    \(trained)
    <h2>Settings</h2>
    \(settingsTable)
    </body>
    </html>

    """
  }

  private var curve: LearningCurve {
    LearningCurve(
      records: records, task: settings.task, unfreezings: plan.phases.map(\.firstEpoch))
  }

  private var summary: String {
    let best = records.last(where: \.isBest)
    func figure(_ value: String, _ name: String) -> String {
      "<div><b>\(value)</b>\(name)</div>"
    }
    return "<div class=\"figures\">"
      + headline.map { figure(fixed($0.1, 4), $0.0) }.joined()
      + figure(best.map { "\($0.epoch) of \(records.count)" } ?? "none", "epoch kept")
      + throughput.map { figure(grouped(wholeCount($0.value)), $0.name) }.joined()
      + figure(duration(seconds), "in all")
      + "</div>"
  }

  /// Tokens a second: of all epochs, or of those that computed the trunk and those that did not.
  private var throughput: [(name: String, value: Double)] {
    func mean(_ cached: Bool) -> Double? {
      let part = records.filter { $0.cached == cached && $0.tokensPerSecond.isFinite }
      return part.isEmpty
        ? nil : min(part.reduce(0) { $0 + $1.tokensPerSecond } / Double(part.count), 1e15)
    }
    let (computed, cached) = (mean(false), mean(true))
    let computedName = cached == nil ? "tokens/s" : "tokens/s, first"
    return (computed.map { [(computedName, $0)] } ?? [])
      + (cached.map { [("tokens/s, cached", $0)] } ?? [])
  }

  /// Where the frozen trunk of an epoch came from.
  private func trunk(_ record: EpochRecord) -> String {
    let phase = plan.phases.last { $0.firstEpoch <= record.epoch }
    guard phase.map({ $0.cached != nil }) ?? (plan.cached != nil) else {
      return plan.trunkDropout ? "computed" : "none"
    }
    return record.cached ? "cache" : "computed"
  }

  /// The figures at the top of the page.
  private var headline: [(String, Double)] {
    switch metrics {
    case .classification(let metrics):
      [("accuracy", metrics.accuracy), ("macro F1", metrics.macroF1), ("loss", metrics.loss)]
    case .regression(let metrics):
      [
        ("Pearson", metrics.pearson), ("Spearman", metrics.spearman),
        ("mean squared error", metrics.meanSquaredError),
      ]
    case .multiLabel(let metrics):
      [
        ("micro F1", metrics.microF1), ("macro F1", metrics.macroF1),
        ("subset accuracy", metrics.subsetAccuracy), ("loss", metrics.loss),
      ]
    }
  }

  private var epochs: String {
    let hasAccuracy = settings.task == .classification
    let trunks = records.map(trunk)
    let hasTrunk = trunks.contains { $0 != "none" }
    let figures = settings.task.figures
    let rows = zip(records, trunks).map { record, trunk in
      let cells =
        [
          "\(record.epoch)\(record.isBest ? " (kept)" : "")", fixed(record.trainLoss, 4),
        ] + (hasAccuracy ? [record.trainAccuracy.map { fixed($0, 4) } ?? ""] : [])
        + [fixed(record.evalLoss, 4)]
        + figures.map { $0.value(record).map { fixed($0, 4) } ?? "" }
        + [
          scientific(record.learningRate), fixed(record.seconds, 2),
          grouped(wholeCount(record.tokensPerSecond)),
        ] + (hasTrunk ? [trunk] : [])
      return "<tr\(record.isBest ? " class=\"best\"" : "")>"
        + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
    }
    return table(
      ["epoch", "train loss"] + (hasAccuracy ? ["train accuracy"] : []) + ["eval loss"]
        + figures.map { "eval \($0.name)" }
        + ["learning rate", "seconds", "tokens/s"] + (hasTrunk ? ["frozen trunk"] : []), rows)
  }

  private var trained: String {
    return
      "<p>\(grouped(plan.trainedCount)) of \(grouped(plan.parameterCount)) parameters "
      + "(\(percentText(plan.trainedCount, of: plan.parameterCount))), down to <code>\(escaped(plan.backwardStop))</code>. "
      + cacheSentence(plan.cached, plan.cacheBytes) + "</p>"
      + tensors(plan.tensors)
      + plan.phases.map { phase in
        "<h3>From epoch \(phase.firstEpoch)</h3>\n<p>\(grouped(phase.addedCount)) parameters more ("
          + phase.selectors.map { "<code>\(escaped($0))</code>" }.joined(separator: ", ")
          + "), down to <code>\(escaped(phase.backwardStop))</code>. "
          + cacheSentence(phase.cached, phase.cacheBytes) + "</p>" + tensors(phase.tensors)
      }.joined()
      + plan.notes.map { "<p class=\"note\">\(escaped($0.sentenceWithOptions))</p>" }.joined()
  }

  private func cacheSentence(_ cached: TrainingPlan.CachedFeatures?, _ bytes: Int) -> String {
    cached.map { "Cached between epochs: \(escaped($0.sentence)), \(grouped(bytes)) bytes." }
      ?? "Nothing is cached between epochs."
  }

  /// A table of tensors, folded when it is long.
  private func tensors(_ tensors: [TrainingPlan.TrainedTensor]) -> String {
    let rows = tensors.map { tensor in
      let rows =
        tensor.rows.isEmpty
        ? "all"
        : tensor.rows.map { "\($0.lowerBound):\($0.upperBound)" }.joined(separator: ", ")
      return "<tr><td class=\"name\">\(escaped(tensor.name))</td>"
        + [
          "[" + tensor.shape.map(String.init).joined(separator: ", ") + "]", rows,
          grouped(tensor.count), scientific(tensor.learningRate),
        ].map { "<td>\($0)</td>" }.joined() + "</tr>"
    }
    let table = table(["tensor", "shape", "rows", "parameters", "highest rate"], rows)
    return rows.count > 24
      ? "<details><summary>\(rows.count) tensors</summary>\(table)</details>" : table
  }

  private var settingsTable: String {
    let rows: [(String, String)] = [
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
    return "<div class=\"settings\">"
      + table(
        ["setting", "value"],
        rows.map { "<tr><td>\($0.0)</td><td>\(escaped($0.1))</td></tr>" }) + "</div>"
  }
}
