import FineTuning

/// The figures of a classifier, as a person reads them.
struct MetricsRendering {
  let metrics: ClassificationMetrics

  init(_ metrics: ClassificationMetrics) { self.metrics = metrics }

  func print() {
    let output = StandardOutput.shared
    output.line(
      "accuracy \(fixed(metrics.accuracy, digits: 4)), macro F1 \(fixed(metrics.macroF1, digits: 4)), "
        + "Matthews \(fixed(metrics.matthews, digits: 4))"
        + (metrics.areaUnderCurve.map { ", AUC \(fixed($0, digits: 4))" } ?? "")
        + ", loss \(fixed(metrics.loss, digits: 4)) on \(plural(metrics.count, "example"))")
    output.line()
    var table = Table([
      .init("label", shrinks: true), .init("precision", .right), .init("recall", .right),
      .init("F1", .right), .init("examples", .right),
    ])
    for label in metrics.labels {
      table.append([
        shown(label.label), fixed(label.precision, digits: 4), fixed(label.recall, digits: 4),
        fixed(label.f1, digits: 4), grouped(label.support),
      ])
    }
    table.print()
    // A matrix of many labels says nothing on a terminal; --json has it.
    guard metrics.labels.count <= 12 else { return }
    output.line()
    var matrix = Table(
      [.init("is \\ predicted", shrinks: true)]
        + metrics.labels.map { .init(shown($0.label), .right) })
    for (label, counts) in zip(metrics.labels, metrics.confusion) {
      matrix.append([shown(label.label)] + counts.map(grouped))
    }
    matrix.print()
  }
}
