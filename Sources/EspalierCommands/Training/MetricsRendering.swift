import CheckpointFiles
import FineTuning
import ParameterSurgery

/// The figures of a model, as a person reads them.
struct MetricsRendering {
  let metrics: EvaluationMetrics

  init(_ metrics: EvaluationMetrics) { self.metrics = metrics }

  func print() {
    switch metrics {
    case .classification(let metrics): print(metrics)
    case .regression(let metrics):
      StandardOutput.shared.line(
        "Pearson \(fixed(metrics.pearson, digits: 4)), Spearman "
          + "\(fixed(metrics.spearman, digits: 4)), MSE \(fixed(metrics.meanSquaredError, digits: 4)), "
          + "MAE \(fixed(metrics.meanAbsoluteError, digits: 4)) on \(Text.counted(metrics.count, "example"))"
      )
    case .multiLabel(let metrics):
      StandardOutput.shared.line(
        "micro F1 \(fixed(metrics.microF1, digits: 4)), macro F1 "
          + "\(fixed(metrics.macroF1, digits: 4)), subset accuracy "
          + "\(fixed(metrics.subsetAccuracy, digits: 4)), loss \(fixed(metrics.loss, digits: 4)) on "
          + Text.counted(metrics.count, "example"))
      StandardOutput.shared.line()
      print(metrics.labels)
    }
  }

  private func print(_ metrics: ClassificationMetrics) {
    let output = StandardOutput.shared
    output.line(
      "accuracy \(fixed(metrics.accuracy, digits: 4)), macro F1 \(fixed(metrics.macroF1, digits: 4)), "
        + "Matthews \(fixed(metrics.matthews, digits: 4))"
        + (metrics.areaUnderCurve.map { ", AUC \(fixed($0, digits: 4))" } ?? "")
        + ", loss \(fixed(metrics.loss, digits: 4)) on \(Text.counted(metrics.count, "example"))")
    output.line()
    print(metrics.labels)
    // A matrix of many labels says nothing on a terminal; --json has it.
    guard metrics.labels.count <= 12, let confusion = metrics.confusion else { return }
    output.line()
    var matrix = Table(
      [.init("is \\ predicted", shrinks: true)]
        + metrics.labels.map { .init(shown($0.label), .right) })
    for (label, counts) in zip(metrics.labels, confusion) {
      matrix.append([shown(label.label)] + counts.map(grouped))
    }
    matrix.print()
  }

  private func print(_ labels: [ClassificationMetrics.LabelMetrics]) {
    var table = Table([
      .init("label", shrinks: true), .init("precision", .right), .init("recall", .right),
      .init("F1", .right), .init("examples", .right),
    ])
    for label in labels {
      table.append([
        shown(label.label), fixed(label.precision, digits: 4), fixed(label.recall, digits: 4),
        fixed(label.f1, digits: 4), grouped(label.support),
      ])
    }
    table.print()
  }
}
