internal import CheckpointFiles

/// A run on one page: everything in one HTML file, with nothing fetched from elsewhere.
struct RunReport {
  let name: String
  let plan: TrainingPlan
  let options: TrainingOptions
  let settings: ClassifierSettings
  let records: [EpochRecord]
  let metrics: EvaluationMetrics
  let seconds: Double

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
    td.name { font-family: ui-monospace, monospace; text-align: left; overflow-wrap: anywhere }
    tr.best td { font-weight: 600; white-space: nowrap }
    .figures { display: flex; flex-wrap: wrap; gap: 2.5em; margin: 1.2em 0 }
    .figures b { display: block; font-size: 1.7em; font-weight: 600 }
    .scroll { overflow-x: auto } svg { max-width: 100%; height: auto }
    .note { color: #888 }
    </style>
    </head>
    <body>
    <h1>\(escaped(name))</h1>
    \(summary)
    <h2>Learning curve</h2>
    \(LearningCurve(records: records, task: settings.task).svg)
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

  private var summary: String {
    let best = records.last(where: \.isBest)
    func figure(_ value: String, _ name: String) -> String {
      "<div><b>\(value)</b>\(name)</div>"
    }
    return "<div class=\"figures\">"
      + headline.map { figure(fixed($0.1, 4), $0.0) }.joined()
      + figure(best.map { "\($0.epoch) of \(records.count)" } ?? "none", "epoch kept")
      + figure(duration(seconds), "in all")
      + "</div>"
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
    let hasAccuracy = settings.task != .regression
    let figures = settings.task.figures
    let rows = records.map { record in
      let cells =
        [
          "\(record.epoch)\(record.isBest ? " (kept)" : "")", fixed(record.trainLoss, 4),
        ] + (hasAccuracy ? [record.trainAccuracy.map { fixed($0, 4) } ?? ""] : [])
        + [fixed(record.evalLoss, 4)]
        + figures.map { $0.value(record).map { fixed($0, 4) } ?? "" }
        + [
          scientific(record.learningRate), fixed(record.seconds, 2),
          grouped(Int(min(record.tokensPerSecond, 1e15))), record.cached ? "cache" : "computed",
        ]
      return "<tr\(record.isBest ? " class=\"best\"" : "")>"
        + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
    }
    return table(
      ["epoch", "train loss"] + (hasAccuracy ? ["train accuracy"] : []) + ["eval loss"]
        + figures.map { "eval \($0.name)" }
        + ["learning rate", "seconds", "tokens/s", "frozen trunk"], rows)
  }

  /// What the kept epoch comes to on the evaluation data.
  private var results: String {
    switch metrics {
    case .classification(let metrics):
      "<h2>Labels</h2>\n" + table(metrics.labels)
        + "<p class=\"note\">Matthews correlation \(fixed(metrics.matthews, 4))"
        + (metrics.areaUnderCurve.map { ", area under the ROC curve \(fixed($0, 4))" } ?? "")
        + ", over \(grouped(metrics.count)) examples.</p>\n<h2>Confusion matrix</h2>\n"
        + confusion(metrics)
    case .regression(let metrics):
      "<p class=\"note\">Mean absolute error \(fixed(metrics.meanAbsoluteError, 4)), over "
        + "\(grouped(metrics.count)) examples.</p>"
    case .multiLabel(let metrics):
      "<h2>Labels</h2>\n" + table(metrics.labels)
        + "<p class=\"note\">A label is predicted when its probability is above one half; "
        + "\(grouped(metrics.count)) examples.</p>"
    }
  }

  private func table(_ labels: [ClassificationMetrics.LabelMetrics]) -> String {
    table(
      ["label", "precision", "recall", "F1", "examples"],
      labels.map { label in
        "<tr><td class=\"name\">\(escaped(label.label))</td>"
          + [
            fixed(label.precision, 4), fixed(label.recall, 4), fixed(label.f1, 4),
            grouped(label.support),
          ].map { "<td>\($0)</td>" }.joined() + "</tr>"
      })
  }

  private func confusion(_ metrics: ClassificationMetrics) -> String {
    let rows = zip(metrics.labels, metrics.confusion).map { label, counts in
      let total = max(1, counts.reduce(0, +))
      let cells = counts.map { count in
        let share = Double(count) / Double(total)
        return "<td style=\"background: rgb(43 111 214 / \(fixed(0.55 * share, 3)))\">"
          + "\(grouped(count))</td>"
      }
      return "<tr><td class=\"name\">\(escaped(label.label))</td>\(cells.joined())</tr>"
    }
    return table(
      ["is ↓ predicted →"] + metrics.labels.map { escaped($0.label) }, rows)
  }

  private var trained: String {
    let share = 100 * Double(plan.trainedCount) / Double(max(1, plan.parameterCount))
    let rows = plan.tensors.map { tensor in
      let rows =
        tensor.rows.isEmpty
        ? "all"
        : tensor.rows.map { "\($0.lowerBound)..&lt;\($0.upperBound)" }.joined(separator: ", ")
      return "<tr><td class=\"name\">\(escaped(tensor.name))</td>"
        + [
          "[" + tensor.shape.map(String.init).joined(separator: ", ") + "]", rows,
          grouped(tensor.count), scientific(tensor.learningRate),
        ].map { "<td>\($0)</td>" }.joined() + "</tr>"
    }
    return
      "<p>\(grouped(plan.trainedCount)) of \(grouped(plan.parameterCount)) parameters "
      + "(\(fixed(share, 3)) %), down to <code>\(escaped(plan.backwardStop))</code>. "
      + (plan.cached.map {
        "Cached between epochs: \(escaped($0)), \(grouped(plan.cacheBytes)) bytes."
      } ?? "Nothing is cached between epochs.") + "</p>"
      + table(["tensor", "shape", "rows", "parameters", "highest rate"], rows)
      + plan.notes.map { "<p class=\"note\">\(escaped($0))</p>" }.joined()
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
      ("longest sequence", "\(settings.maximumLength) tokens"),
      ("seed", "\(options.seed)"), ("best by", options.criterion.rawValue),
      ("patience", options.patience.map { "\($0) epochs" } ?? "none"),
    ]
    return table(
      ["setting", "value"],
      rows.map { "<tr><td>\($0.0)</td><td>\(escaped($0.1))</td></tr>" })
  }

  // MARK: Text

  private func table(_ head: [String], _ rows: [String]) -> String {
    "<div class=\"scroll\"><table><thead><tr>"
      + head.map { "<th>\($0)</th>" }.joined() + "</tr></thead>\n<tbody>"
      + rows.joined(separator: "\n") + "</tbody></table></div>"
  }

  private func escaped(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case "'": out += "&#39;"
      case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}": out += "\u{FFFD}"
      // Would turn the text around them.
      case "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}": out += "\u{FFFD}"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }

  private func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
    var scale = 1
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int((abs(value) * Double(scale)).rounded())
    let fraction = String(scaled % scale)
    return (value < 0 && scaled > 0 ? "-" : "") + "\(scaled / scale)."
      + String(repeating: "0", count: max(0, digits - fraction.count)) + fraction
  }

  private func scientific(_ value: Double) -> String {
    guard value.isFinite, value > 0 else { return "\(value)" }
    // Three digits.
    var (mantissa, exponent) = (value, 0)
    while mantissa >= 9.995 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    while mantissa < 0.9995 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
    return "\(fixed(mantissa, 2))e\(exponent)"
  }

  private func grouped(_ value: Int) -> String {
    var out = ""
    for (index, digit) in String(value).reversed().enumerated() {
      if index > 0, index % 3 == 0, digit != "-" { out.append(",") }
      out.append(digit)
    }
    return String(out.reversed())
  }

  private func duration(_ seconds: Double) -> String {
    let whole = Int(min(max(0, seconds), 1e9).rounded())
    if whole < 60 { return "\(fixed(seconds, 1)) s" }
    return whole < 3600
      ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole % 3600 / 60) min"
  }
}
