import CheckpointFiles
import FineTuning
import ParameterSurgery

extension RunReport {
  /// What the kept epoch comes to on the evaluation data.
  var results: String {
    switch metrics {
    case .classification(let metrics):
      "<h2>Labels</h2>\n" + table(metrics.labels)
        + "<p class=\"note\">Matthews correlation \(fixed(metrics.matthews, 4))"
        + (metrics.areaUnderCurve.map { ", area under the ROC curve \(fixed($0, 4))" } ?? "")
        + ", over \(grouped(metrics.count)) examples.</p>\n"
        + (metrics.confusion.map { "<h2>Confusion matrix</h2>\n" + confusion(metrics, $0) }
          ?? "<h2>Most confused labels</h2>\n" + mostConfused(metrics))
    case .regression(let metrics):
      "<h2>Predicted numbers</h2>\n" + ScatterPlot(metrics).svg
        + "<p class=\"note\">Mean absolute error \(fixed(metrics.meanAbsoluteError, 4)), over "
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

  /// The most frequent wrong predictions, where a matrix would have too many cells.
  private func mostConfused(_ metrics: ClassificationMetrics) -> String {
    table(
      ["is", "predicted", "examples"],
      metrics.mostConfused().map { pair in
        "<tr><td class=\"name\">\(escaped(metrics.labels[pair.label].label))</td><td class=\"name\">"
          + "\(escaped(metrics.labels[pair.predicted].label))</td><td>\(grouped(pair.count))</td></tr>"
      })
  }

  private func confusion(_ metrics: ClassificationMetrics, _ matrix: [[Int]]) -> String {
    let rows = zip(metrics.labels, matrix).map { label, counts in
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
}
