public import CheckpointFiles

/// How good predicted sets of labels are. A label is predicted when its logit is above 0, that is
/// its probability above one half. The definitions are scikit-learn's; what has no case is 0.
public struct MultiLabelMetrics: Sendable, Hashable {
  /// Examples.
  public let count: Int
  /// The mean binary cross entropy.
  public let loss: Double
  /// The share of examples of which every label is right.
  public let subsetAccuracy: Double
  /// F1 over all decisions.
  public let microF1: Double
  /// The mean of F1 over all labels.
  public let macroF1: Double
  /// The figures of each label.
  public let labels: [ClassificationMetrics.LabelMetrics]

  /// Metrics of predictions.
  ///
  /// - Parameters:
  ///   - logits: a row for each example, a column for each label.
  ///   - labelSets: the right labels of each example, ascending.
  ///   - labelNames: the labels' names.
  public init(logits: [[Float]], labelSets: [[Int]], labelNames: [String]) {
    let classes = labelNames.count
    var right = [Int](repeating: 0, count: classes)
    var supports = right
    var predicted = right
    var exact = 0
    for (row, set) in zip(logits, labelSets) {
      let chosen = row.indices.filter { row[$0] > 0 && $0 < classes }
      for label in set where label < classes { supports[label] += 1 }
      for label in chosen {
        predicted[label] += 1
        if set.contains(label) { right[label] += 1 }
      }
      if chosen == set { exact += 1 }
    }
    func ratio(_ a: Int, _ b: Int) -> Double { b == 0 ? 0 : Double(a) / Double(b) }
    labels = (0..<classes).map { index in
      ClassificationMetrics.LabelMetrics(
        label: labelNames[index], precision: ratio(right[index], predicted[index]),
        recall: ratio(right[index], supports[index]),
        f1: ratio(2 * right[index], supports[index] + predicted[index]),
        support: supports[index])
    }
    count = min(logits.count, labelSets.count)
    subsetAccuracy = ratio(exact, count)
    microF1 = ratio(
      2 * right.reduce(0, +), supports.reduce(0, +) + predicted.reduce(0, +))
    macroF1 = labels.reduce(0) { $0 + $1.f1 } / Double(max(1, classes))
    loss =
      logits.isEmpty
      ? 0
      : BinaryCrossEntropy().forward(
        dLogits: nil, logits: Matrix(logits), labels: labelSets, divisor: Double(max(1, count)))
  }

  /// The figures as an object.
  public var json: JSONValue {
    .members([
      "examples": .integer(count), "loss": number(loss),
      "subset_accuracy": number(subsetAccuracy), "micro_f1": number(microF1),
      "macro_f1": number(macroF1),
      "labels": .array(labels.map(\.json)),
    ])
  }
}
