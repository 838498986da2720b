import CheckpointFiles
import FineTuning
import ParameterSurgery

/// How often each label was predicted for examples of each label, as a table.
///
/// With many labels, the columns have the numbers of the labels, headings stay in view while the table scrolls, and
/// cells without examples are empty.
struct ConfusionMatrix {
  let metrics: ClassificationMetrics

  /// With more labels, the page lists the most confused pairs alone: the matrix grows with the square of the labels.
  static let maximumLabels = 100
  /// With at most so many labels, columns have the names of the labels.
  private static let named = 8

  /// The matrix, and for many labels the most confused pairs.
  var html: HTML {
    let isMatrix = metrics.labels.count <= ConfusionMatrix.maximumLabels
    let isLarge = metrics.labels.count > ConfusionMatrix.named
    let matrix: HTML = isMatrix ? "<h2>Confusion matrix</h2>\n\(table)" : ""
    let pairs: HTML = isLarge ? "<h2>Most confused labels</h2>\n\(mostConfused)" : ""
    return matrix + pairs
  }

  private var table: HTML {
    let labels = metrics.labels
    let isNamed = labels.count <= ConfusionMatrix.named
    var counts = [[Int]](repeating: [Int](repeating: 0, count: labels.count), count: labels.count)
    for part in metrics.confusions { counts[part.label][part.predicted] = part.count }
    var table = HTMLTable(
      "Examples by their label (rows) and the predicted label (columns"
        + (isNamed ? "" : ", by the numbers of the rows")
        + "). Right predictions have a frame; stronger colours are a larger share of their row.",
      [.words("label")]
        + labels.enumerated().map { place, label in
          isNamed
            ? .init("<bdi>\(clipped(label.label, to: 24))</bdi>")
            : .init("<abbr title=\"\(clipped(label.label, to: 40))\">\(place + 1)</abbr>")
        }, kind: isNamed ? "confusion" : "confusion grid")
    for (place, (label, row)) in zip(labels, counts).enumerated() {
      let total = max(1, row.reduce(0, +))
      let cells = row.enumerated().map { column, count in
        ConfusionMatrix.cell(
          count, share: Double(count) / Double(total), isRight: column == place)
      }.joined()
      let heading: HTML =
        isNamed
        ? "<bdi>\(clipped(label.label, to: 80))</bdi>"
        : "\(place + 1) <bdi>\(clipped(label.label, to: 40))</bdi>"
      table.append(row: "<tr><th scope=\"row\">\(heading)</th>\(cells)</tr>")
    }
    return table.html
  }

  private static func cell(_ count: Int, share: Double, isRight: Bool) -> HTML {
    guard count > 0 else { return isRight ? "<td class=\"right\">0</td>" : "<td></td>" }
    let level = max(1, Int((share * Double(PageColours.levels)).rounded()))
    return isRight
      ? "<td class=\"right h\(level)\">\(grouped(count))</td>"
      : "<td class=\"m\(level)\">\(grouped(count))</td>"
  }

  /// The most frequent wrong predictions.
  private var mostConfused: HTML {
    var table = HTMLTable(
      "The most frequent pairs of a label and another that was predicted in its place",
      [.words("label"), .words("predicted"), "examples"])
    for pair in metrics.mostConfused(ConfusionMatrix.maximumPairs) {
      table.append(
        "<bdi>\(clipped(metrics.labels[pair.label].label, to: 80))</bdi>",
        [
          "<bdi class=\"name\">\(clipped(metrics.labels[pair.predicted].label, to: 80))</bdi>",
          "\(grouped(pair.count))",
        ])
    }
    return table.count == 0 ? "<p>No label is confused with another.</p>" : table.html
  }

  private static let maximumPairs = 40
}
