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
  /// Where the run comes from, and what the kept epoch does.
  let results: RunResults

  /// The report of a run that is finished.
  init(_ run: TrainingRun, _ result: TrainingRun.Result, folder: String) {
    name = Path.name(of: folder)
    plan = run.plan
    options = run.options
    settings = run.settings
    records = result.records
    metrics = result.metrics
    seconds = result.seconds
    results = RunResults(run, result)
  }

  /// The files of the report.
  var documents: [TrainingRun.Document] {
    [
      TrainingRun.Document(name: TrainingRun.FileName.curve, text: curve.svg),
      TrainingRun.Document(
        name: TrainingRun.FileName.results, text: results.json.text(indent: 2) + "\n"),
      TrainingRun.Document(name: TrainingRun.FileName.report, text: html),
    ]
  }

  /// The page.
  var html: String {
    let body: HTML = """
      <h1><bdi>\(clipped(shown(name)))</bdi></h1>
      \(summary)
      \(comparisonWithBaseline)
      <h2>Origin</h2>
      \(origin)
      <h2>Learning curve</h2>
      \(curve.figure)
      \(epochs)
      \(evaluation)
      \(mistakes)
      <h2>What trained</h2>
      \(trained)
      <h2>Settings</h2>
      \(settingsTable)
      """
    return Page(title: "\(clipped(shown(name))): training report", body: body).html
  }

  private var curve: LearningCurve {
    LearningCurve(
      records: records, task: settings.task, unfreezings: plan.phases.map(\.firstEpoch))
  }

  private var summary: HTML {
    let best = records.last(where: \.isBest)
    func figure(_ value: String, _ name: String) -> HTML {
      "<div><b>\(value)</b><span>\(name)</span></div>"
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

  private var epochs: HTML {
    let hasAccuracy = settings.task == .classification
    let trunks = records.map(trunk)
    let hasTrunk = trunks.contains { $0 != "none" }
    let figures = settings.task.figures
    var table = HTMLTable(
      "The figures of each epoch; train figures are those while the epoch trained",
      ["epoch", "train loss"] + (hasAccuracy ? ["train accuracy"] : []) + ["eval loss"]
        + figures.map { .init("eval \($0.name)") }
        + ["learning rate", "seconds", "tokens/s"] + (hasTrunk ? [.words("frozen trunk")] : []))
    let listed = Array(zip(records, trunks))
    for (place, (record, trunk)) in listed.enumerated() {
      // Of very many epochs, the first and the last ones and the kept one.
      if listed.count > RunReport.maximumEpochs, !record.isBest,
        (RunReport.maximumEpochs / 2..<listed.count - RunReport.maximumEpochs / 2).contains(place)
      {
        continue
      }
      let cells =
        [fixed(record.trainLoss, 4)]
        + (hasAccuracy ? [record.trainAccuracy.map { fixed($0, 4) } ?? ""] : [])
        + [fixed(record.evalLoss, 4)]
        + figures.map { $0.value(record).map { fixed($0, 4) } ?? "" }
        + [
          scientific(record.learningRate), fixed(record.seconds, 2),
          grouped(wholeCount(record.tokensPerSecond)),
        ] + (hasTrunk ? [trunk] : [])
      table.append(
        "\(record.epoch)\(record.isBest ? " (kept)" : "")", cells.map { "\($0)" }, style: "",
        attributes: record.isBest ? " class=\"best\"" : "")
    }
    return table.html
      + (table.count < listed.count
        ? "<p class=\"note\">\(grouped(listed.count - table.count)) epochs in the middle are left out.</p>"
        : "")
  }

  private static let maximumEpochs = 200

  private var trained: HTML {
    let phases = plan.phases.map { phase -> HTML in
      let selectors = phase.selectors.map { "<code>\(clipped(shown($0)))</code>" as HTML }
      return """
        <h3>From epoch \(phase.firstEpoch)</h3>
        <p>\(grouped(phase.addedCount)) parameters more (\(selectors.joined(separator: ", "))), down to \
        <code>\(clipped(shown(phase.backwardStop)))</code>. \
        \(cacheSentence(phase.cached, phase.cacheBytes))</p>\(tensors(phase.tensors))
        """
    }.joined()
    let notes = plan.notes.map {
      "<p class=\"note\">\(clipped($0.sentenceWithOptions, to: 600))</p>" as HTML
    }
    return """
      <p>\(grouped(plan.trainedCount)) of \(grouped(plan.parameterCount)) parameters \
      (\(percentText(plan.trainedCount, of: plan.parameterCount))), down to \
      <code>\(clipped(shown(plan.backwardStop)))</code>. \
      \(cacheSentence(plan.cached, plan.cacheBytes))</p>
      \(tensors(plan.tensors))\(phases)\(notes.joined())
      """
  }

  private func cacheSentence(_ cached: TrainingPlan.CachedFeatures?, _ bytes: Int) -> String {
    cached.map { "Cached between epochs: \($0.sentence), \(grouped(bytes)) bytes." }
      ?? "Nothing is cached between epochs."
  }

  /// A table of tensors, folded when it is long.
  private func tensors(_ tensors: [TrainingPlan.TrainedTensor]) -> HTML {
    var table = HTMLTable(
      "Tensors that train",
      ["tensor", .words("shape"), .words("rows"), "parameters", "highest rate"])
    for tensor in tensors.prefix(RunReport.maximumTensors) {
      let rows =
        tensor.rows.isEmpty
        ? "all"
        : tensor.rows.prefix(20).map { "\($0.lowerBound):\($0.upperBound)" }
          .joined(separator: ", ") + (tensor.rows.count > 20 ? ", …" : "")
      table.append(
        keyText(tensor.name),
        [
          "\(shapeText(tensor.shape))", "\(rows)", "\(grouped(tensor.count))",
          "\(scientific(tensor.learningRate))",
        ])
    }
    return table.html(of: tensors.count, "tensors", foldedAbove: 24)
  }

  private static let maximumTensors = 2000
}
