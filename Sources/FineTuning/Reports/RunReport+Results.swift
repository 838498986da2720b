internal import ParameterSurgery

extension RunReport {
  /// What the kept epoch comes to on the evaluation data.
  var results: String {
    switch metrics {
    case .classification(let metrics):
      "<h2>Labels</h2>\n" + table(metrics.labels)
        + "<p class=\"note\">Matthews correlation \(fixed(metrics.matthews, 4))"
        + (metrics.areaUnderCurve.map { ", area under the ROC curve \(fixed($0, 4))" } ?? "")
        + ", over \(grouped(metrics.count)) examples.</p>\n"
        + (metrics.labels.count <= RunReport.mostLabelsInMatrix
          ? "<h2>Confusion matrix</h2>\n" + confusion(metrics)
          : "<h2>Most confused labels</h2>\n" + confusedPairs(metrics))
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

  /// The labels for which a matrix is drawn. Its size is their square: 4,000 labels made a page of 865 MB.
  private static let mostLabelsInMatrix = 50

  /// The pairs of labels that are taken for each other most often, at most fifty.
  private func confusedPairs(_ metrics: ClassificationMetrics) -> String {
    var pairs: [(label: Int, prediction: Int, count: Int)] = []
    for (label, counts) in metrics.confusion.enumerated() {
      for (prediction, count) in counts.enumerated() where count > 0 && prediction != label {
        pairs.append((label, prediction, count))
      }
    }
    pairs.sort { ($1.count, $0.label, $0.prediction) < ($0.count, $1.label, $1.prediction) }
    return table(
      ["is", "predicted", "examples"],
      pairs.prefix(RunReport.mostLabelsInMatrix).map { pair in
        "<tr><td class=\"name\">\(escaped(metrics.labels[pair.label].label))</td>"
          + "<td class=\"name\">\(escaped(metrics.labels[pair.prediction].label))</td>"
          + "<td>\(grouped(pair.count))</td></tr>"
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
}
