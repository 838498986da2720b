public import CheckpointFiles
internal import RealModule

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
  /// How often a label was predicted for examples of a label.
  public struct Confusion: Sendable, Hashable {
    /// The place of the label that is right.
    public let label: Int
    /// The place of the label that was predicted.
    public let predicted: Int
    /// Examples.
    public let count: Int
  }

  /// The pairs of a right and a predicted label that occur, in the order of both: at most one for each example,
  /// however many labels there are.
  public let confusions: [Confusion]

  /// With more labels, a matrix of them is not shown: it grows with the square of their number.
  public static let maximumMatrix = 50

  /// `confusion[i][j]`: examples of label i that were predicted to be label j. `nil` for more than
  /// ``maximumMatrix`` labels.
  public var confusion: [[Int]]? {
    guard labels.count <= ClassificationMetrics.maximumMatrix else { return nil }
    var matrix = [[Int]](
      repeating: [Int](repeating: 0, count: labels.count), count: labels.count)
    for part in confusions { matrix[part.label][part.predicted] = part.count }
    return matrix
  }

  /// The most frequent wrong predictions, the most frequent first.
  ///
  /// - Parameter limit: how many at most.
  public func mostConfused(_ limit: Int = 100) -> [Confusion] {
    let wrong = confusions.filter { $0.label != $0.predicted }.sorted {
      ($1.count, $0.label, $0.predicted) < ($0.count, $1.label, $1.predicted)
    }
    return Array(wrong.prefix(limit))
  }

  /// Metrics of predictions.
  ///
  /// - Parameters:
  ///   - logits: a row for each example, a column for each label.
  ///   - labels: the right label of each example, below the number of labels.
  ///   - labelNames: the labels' names.
  public init(logits: [[Float]], labels: [Int], labelNames: [String]) {
    let classes = labelNames.count
    // By the place in a matrix that is never made.
    var counts: [Int: Int] = [:]
    var supports = [Int](repeating: 0, count: classes)
    var predicted = supports
    var correct = supports
    var loss = 0.0
    for (row, label) in zip(logits, labels) where label < classes && row.count == classes {
      let prediction = row.indices.reduce(0) { row[$1] > row[$0] ? $1 : $0 }
      counts[label * classes + prediction, default: 0] += 1
      supports[label] += 1
      predicted[prediction] += 1
      if prediction == label { correct[label] += 1 }
      let top = Double(row.max() ?? 0)
      let sum = row.reduce(0.0) { $0 + Double.exp(Double($1) - top) }
      loss += Double.log(sum) + top - Double(row[label])
    }
    let count = supports.reduce(0, +)
    let right = correct.reduce(0, +)
    func ratio(_ a: Int, _ b: Int) -> Double { b == 0 ? 0 : Double(a) / Double(b) }
    let figures = (0..<classes).map { index in
      LabelMetrics(
        label: labelNames[index],
        precision: ratio(correct[index], predicted[index]),
        recall: ratio(correct[index], supports[index]),
        f1: ratio(2 * correct[index], supports[index] + predicted[index]),
        support: supports[index])
    }
    let present = (0..<classes).filter { supports[$0] + predicted[$0] > 0 }
    self.count = count
    self.loss = count == 0 ? 0 : loss / Double(count)
    accuracy = ratio(right, count)
    macroF1 = present.reduce(0) { $0 + figures[$1].f1 } / Double(max(1, present.count))
    self.labels = figures
    confusions = counts.sorted { $0.key < $1.key }.map {
      Confusion(label: $0.key / classes, predicted: $0.key % classes, count: $0.value)
    }

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
  ///
  /// It has the matrix of ``confusion``, or above ``maximumMatrix`` labels the pairs of ``mostConfused(_:)``.
  public var json: JSONValue {
    var members: [(String, JSONValue)] = [
      ("examples", .integer(count)), ("loss", number(loss)), ("accuracy", number(accuracy)),
      ("macro_f1", number(macroF1)), ("matthews", number(matthews)),
      ("auc", areaUnderCurve.map(number) ?? .null), ("labels", .array(labels.map(\.json))),
    ]
    if let confusion {
      members.append(("confusion", .array(confusion.map { .array($0.map { .integer($0) }) })))
    } else {
      let pairs = mostConfused().map { pair in
        JSONValue.members([
          "label": .string(labels[pair.label].label),
          "predicted": .string(labels[pair.predicted].label), "count": .integer(pair.count),
        ])
      }
      members.append(("most_confused", .array(pairs)))
    }
    return .object(pairs: members)
  }
}
