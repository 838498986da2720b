public import CheckpointFiles

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// How good predictions are. The definitions are scikit-learn's: a precision or recall without any
/// case is 0.
public struct ClassificationMetrics: Sendable, Hashable {
  /// The figures of one label.
  public struct LabelMetrics: Sendable, Hashable {
    /// The label.
    public let label: String
    /// Of the examples predicted to have the label, the share that has it.
    public let precision: Double
    /// Of the examples that have the label, the share predicted.
    public let recall: Double
    /// The harmonic mean of both.
    public let f1: Double
    /// Examples that have the label.
    public let support: Int

    /// The figures as an object.
    var json: JSONValue {
      .members([
        "label": .string(label), "precision": number(precision), "recall": number(recall),
        "f1": number(f1), "support": .integer(support),
      ])
    }
  }

  /// Examples.
  public let count: Int
  /// The mean cross entropy.
  public let loss: Double
  /// The share of examples that are right.
  public let accuracy: Double
  /// The mean of F1 over the labels that occur, among examples or predictions.
  public let macroF1: Double
  /// Matthews' correlation coefficient (`matthews_corrcoef`, the multi-class one).
  public let matthews: Double
  /// The area under the ROC curve of the second label; `nil` unless there are two labels and both
  /// occur.
  public let areaUnderCurve: Double?
  /// The figures of each label.
  public let labels: [LabelMetrics]
  /// `confusion[i][j]`: examples of label i that were predicted to be label j.
  public let confusion: [[Int]]

  /// Metrics of predictions.
  ///
  /// - Parameters:
  ///   - logits: a row for each example, a column for each label.
  ///   - labels: the right label of each example, below the number of labels.
  ///   - labelNames: the labels' names.
  public init(logits: [[Float]], labels: [Int], labelNames: [String]) {
    let classes = labelNames.count
    var confusion = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
    var loss = 0.0
    for (row, label) in zip(logits, labels) where label < classes && row.count == classes {
      let prediction = row.indices.reduce(0) { row[$1] > row[$0] ? $1 : $0 }
      confusion[label][prediction] += 1
      let top = Double(row.max() ?? 0)
      let sum = row.reduce(0.0) { $0 + exp(Double($1) - top) }
      loss += log(sum) + top - Double(row[label])
    }
    let count = confusion.reduce(0) { $0 + $1.reduce(0, +) }
    let right = (0..<classes).reduce(0) { $0 + confusion[$1][$1] }
    let supports = confusion.map { $0.reduce(0, +) }
    let predicted = (0..<classes).map { column in confusion.reduce(0) { $0 + $1[column] } }
    func ratio(_ a: Int, _ b: Int) -> Double { b == 0 ? 0 : Double(a) / Double(b) }
    let figures = (0..<classes).map { index in
      LabelMetrics(
        label: labelNames[index],
        precision: ratio(confusion[index][index], predicted[index]),
        recall: ratio(confusion[index][index], supports[index]),
        f1: ratio(2 * confusion[index][index], supports[index] + predicted[index]),
        support: supports[index])
    }
    let present = (0..<classes).filter { supports[$0] + predicted[$0] > 0 }
    self.count = count
    self.loss = count == 0 ? 0 : loss / Double(count)
    accuracy = ratio(right, count)
    macroF1 = present.reduce(0) { $0 + figures[$1].f1 } / Double(max(1, present.count))
    self.labels = figures
    self.confusion = confusion

    let total = Double(count)
    let covariance =
      total * Double(right)
      - zip(supports, predicted).reduce(0.0) { sum, pair in
        sum + Double(pair.0) * Double(pair.1)
      }
    let spreadTrue = total * total - supports.reduce(0.0) { $0 + Double($1) * Double($1) }
    let spreadPredicted = total * total - predicted.reduce(0.0) { $0 + Double($1) * Double($1) }
    let product = spreadTrue * spreadPredicted
    matthews = product > 0 ? covariance / product.squareRoot() : 0
    areaUnderCurve =
      classes == 2
      ? ClassificationMetrics.area(
        scores: logits.map { $0.count == 2 ? Double($0[1]) - Double($0[0]) : 0 }, labels: labels)
      : nil
  }

  /// The probability that an example of label 1 scores above one of label 0, ties counting half
  /// (Mann and Whitney's U over n₀·n₁).
  private static func area(scores: [Double], labels: [Int]) -> Double? {
    let positives = labels.count { $0 == 1 }
    let negatives = labels.count - positives
    guard positives > 0, negatives > 0, scores.allSatisfy(\.isFinite) else { return nil }
    let order = scores.indices.sorted { scores[$0] < scores[$1] }
    var rankSum = 0.0
    var start = 0
    while start < order.count {
      var end = start
      while end < order.count, scores[order[end]] == scores[order[start]] { end += 1 }
      // Ranks start + 1 ... end share their mean.
      let rank = Double(start + 1 + end) / 2
      rankSum += rank * Double(order[start..<end].count { labels[$0] == 1 })
      start = end
    }
    let u = rankSum - Double(positives) * Double(positives + 1) / 2
    return u / (Double(positives) * Double(negatives))
  }

  /// The figures as an object.
  public var json: JSONValue {
    .members([
      "examples": .integer(count), "loss": number(loss), "accuracy": number(accuracy),
      "macro_f1": number(macroF1), "matthews": number(matthews),
      "auc": areaUnderCurve.map(number) ?? .null,
      "labels": .array(labels.map(\.json)),
      "confusion": .array(confusion.map { .array($0.map { .integer($0) }) }),
    ])
  }
}
