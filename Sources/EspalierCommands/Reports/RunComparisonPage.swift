import CheckpointFiles
import FineTuning
import ParameterSurgery

/// A comparison of runs on one page that loads nothing from elsewhere.
struct RunComparisonPage {
  let comparison: RunComparison

  /// The page.
  var html: String {
    let sentences = comparison.conclusions.map { "<li>\($0)</li>\n" as HTML }.joined()
    let body: HTML = """
      <h1>Comparison of \(Text.counted(comparison.runs.count, "result"))</h1>
      <ul class="verdicts">
      \(sentences)</ul>
      <h2>\(comparison.figure.name.prefix(1).uppercased() + comparison.figure.name.dropFirst())</h2>
      \(plot)
      \(table)
      \(differences)
      \(commands)
      """
    return Page(title: "Comparison of runs by \(comparison.figure.name)", body: body).html
  }

  private var table: HTML {
    let others = comparison.figures.filter { $0.name != comparison.figure.name }
    var table = HTMLTable(
      "The kept epoch of each run on its evaluation data; with repetitions, mean ± standard deviation",
      [
        "run", "runs", "texts", .init("\(comparison.figure.name)"), "95 % interval",
        "constant answer",
      ]
        + others.map { .init("\($0.name)") })
    for (place, run) in comparison.runs.enumerated() {
      table.append(
        breakable(run.name),
        [
          "\(RunComparison.count(run))", "\(run.examples.map(grouped) ?? "—")",
          "\(RunComparison.text(run, comparison.figure))",
          "\(RunComparison.text(comparison.estimates[place].interval))",
          "\(run.stored?.baseline.map { fixed($0, digits: 4) } ?? "—")",
        ] + others.map { "\(RunComparison.text(run, $0))" },
        attributes: place == comparison.best ? " class=\"best\"" : "")
    }
    return table.html
  }

  private var differences: HTML {
    let differences = comparison.differences
    guard !differences.isEmpty else { return "" }
    var table = HTMLTable(
      "Settings that are not the same in all runs; long values are digests",
      [.words("setting"), .words("value"), .words("runs")])
    for difference in differences {
      for part in difference.values {
        table.append(
          "\(difference.setting)",
          [
            "\(part.value)",
            "\(Text.list(part.runs.map { comparison.runs[$0].name }, limit: 5))",
          ], style: "")
      }
    }
    return "<h2>Settings that differ</h2>\n\(table.html)"
  }

  private var commands: HTML {
    let commands = comparison.runs.filter { $0.stored?.command.isEmpty == false }
    guard !commands.isEmpty else { return "" }
    return "<h2>Commands</h2>\n<dl>"
      + commands.map { run -> HTML in
        return """
          <dt>\(run.name)</dt><dd>\(commandText(run.stored?.command ?? []))</dd>

          """
      }.joined() + "</dl>"
  }

  // MARK: The plot

  private static let (width, row, left, right) = (480.0, 34.0, 16.0, 16.0)

  /// A dot for each mean and a line for its interval. The table has the numbers.
  private var plot: HTML {
    let estimates = comparison.estimates
    let values = estimates.flatMap { estimate in
      [estimate.mean] + (estimate.interval.map { [$0.low, $0.high] } ?? [])
    }.filter(\.isFinite)
    guard !values.isEmpty, estimates.count <= RunComparisonPage.maximumRows else { return "" }
    let ticks = AxisTicks.round(values, within: comparison.figure.isShare ? 0...1 : nil)
    let (low, high) = (ticks[0], ticks[ticks.count - 1])
    let span = RunComparisonPage.width - RunComparisonPage.left - RunComparisonPage.right
    func x(_ value: Double) -> String {
      AxisTicks.short(
        RunComparisonPage.left + span * (min(max(value, low), high) - low) / (high - low))
    }
    let floor = 8 + RunComparisonPage.row * Double(estimates.count)
    let height = AxisTicks.short(floor + 28)
    var marks: HTML = ""
    for (index, tick) in ticks.enumerated() {
      let anchor: HTML = index == 0 ? "start" : index == ticks.count - 1 ? "end" : "middle"
      marks += """
        <line class="grid" x1="\(x(tick))" y1="8" x2="\(x(tick))" y2="\(AxisTicks.short(floor))"/>
        <text x="\(x(tick))" y="\(AxisTicks.short(floor + 18))" text-anchor="\(anchor)">\(AxisTicks.text(tick))</text>

        """
    }
    for (place, estimate) in estimates.enumerated() where estimate.mean.isFinite {
      let y = 8 + RunComparisonPage.row * (Double(place) + 0.72)
      if let interval = estimate.interval {
        marks += """
          <line class="line eval" x1="\(x(interval.low))" y1="\(AxisTicks.short(y))" x2="\(x(interval.high))" \
          y2="\(AxisTicks.short(y))"/>

          """
      }
      if let baseline = comparison.runs[place].stored?.baseline, comparison.figure.isShare,
        (low...high).contains(baseline)
      {
        marks += """
          <line class="best" x1="\(x(baseline))" y1="\(AxisTicks.short(y - 7))" x2="\(x(baseline))" \
          y2="\(AxisTicks.short(y + 7))"/>

          """
      }
      let kind: HTML = place == comparison.best ? "dot won" : "dot eval"
      marks += """
        <circle class="\(kind)" cx="\(x(estimate.mean))" cy="\(AxisTicks.short(y))" r="5"/>
        <text class="strong" x="\(AxisTicks.short(RunComparisonPage.left))" y="\(AxisTicks.short(y - 11))">\
        \(clipped(comparison.runs[place].name, to: 48))</text>

        """
    }
    return """
      <div class="plot"><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 \(height)" width="480" \
      height="\(height)" role="img" aria-labelledby="plot-title plot-text">
      <title id="plot-title">\(comparison.figure.name) of each run, with 95 % intervals</title>
      <desc id="plot-text">\(comparison.conclusions.first ?? "") The table below has all numbers.</desc>
      \(marks)</svg></div>
      \(comparison.figure.isShare
        ? "<p class=\"note\">Dashes mark what a constant answer reaches.</p>" : "" as HTML)
      """
  }

  /// Of more runs there is the table alone.
  private static let maximumRows = 60
}
