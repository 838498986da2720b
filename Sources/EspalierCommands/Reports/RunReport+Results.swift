import CheckpointFiles
import FineTuning
import ParameterSurgery

extension RunReport {
  /// What the kept epoch comes to on the evaluation data.
  var evaluation: HTML {
    switch metrics {
    case .classification(let metrics):
      let area: HTML =
        metrics.areaUnderCurve.map {
          ", area under the ROC curve \(fixed($0, 4))"
        } ?? ""
      return """
        <h2>Labels</h2>
        \(table(metrics.labels))<p class="note">Matthews correlation \(fixed(metrics.matthews, 4))\(area), over \
        \(Text.counted(metrics.count, "example")).</p>
        \(ConfusionMatrix(metrics: metrics).html)
        """
    case .regression(let metrics):
      return """
        <h2>Predicted numbers</h2>
        <div class="plot">\(HTML.trusted(ScatterPlot(metrics).svg))</div>
        <p class="note">Mean absolute error \(fixed(metrics.meanAbsoluteError, 4)), over \
        \(Text.counted(metrics.count, "example")).</p>
        """
    case .multiLabel(let metrics):
      return """
        <h2>Labels</h2>
        \(table(metrics.labels))<p class="note">A label is predicted when its probability is above one half; \
        \(Text.counted(metrics.count, "example")).</p>
        """
    }
  }

  private func table(_ labels: [ClassificationMetrics.LabelMetrics]) -> HTML {
    var table = HTMLTable(
      "The figures of each label on the evaluation data",
      [.words("label"), "precision", "recall", "F1", "examples"])
    for label in labels.prefix(RunReport.maximumLabels) {
      table.append(
        "<bdi>\(clipped(label.label, to: 80))</bdi>",
        [
          "\(fixed(label.precision, 4))", "\(fixed(label.recall, 4))", "\(fixed(label.f1, 4))",
          "\(grouped(label.support))",
        ])
    }
    return table.html(of: labels.count, "labels", foldedAbove: 30)
  }

  private static let maximumLabels = 2000

  /// The texts that are most confidently wrong.
  var mistakes: HTML {
    let mistakes = results.mistakes
    guard !mistakes.isEmpty else {
      return "<h2>Most confident mistakes</h2>\n<p>No text of the evaluation data is wrong.</p>"
    }
    let isNumber = settings.task == .regression
    var table = HTMLTable(
      isNumber
        ? "The texts with the largest errors" : "The wrong texts with the highest probability",
      [
        .words("text"), .words(isNumber ? "right number" : "label"), .words("predicted"),
        isNumber ? "error" : "probability",
      ])
    for mistake in mistakes {
      let pair: HTML = mistake.pair.map { "<br><span dir=\"auto\">\(excerpt($0))</span>" } ?? ""
      table.append(
        "<span dir=\"auto\">\(excerpt(mistake.text))</span>\(pair)",
        [
          "<bdi>\(results.text(of: mistake.expected))</bdi>",
          "<bdi>\(results.text(of: mistake.predicted))</bdi>",
          "\(isNumber ? significant(mistake.score) : fixed(mistake.score, 4))",
        ], style: "text")
    }
    return """
      <h2>Most confident mistakes</h2>
      \(table.html)<p class="note">A wrong label in the data is often among them.</p>
      """
  }

  /// What the figures mean next to a constant answer.
  var comparisonWithBaseline: HTML {
    guard let sentence = results.baselineSentence else { return "" }
    return "<p>\(sentence)</p>"
  }
}
