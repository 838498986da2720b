public import CheckpointFiles

/// How near predicted numbers are to the right ones.
public struct RegressionMetrics: Sendable, Hashable {
  /// Examples.
  public let count: Int
  /// The mean squared error, which is the loss.
  public let meanSquaredError: Double
  /// The mean absolute error.
  public let meanAbsoluteError: Double
  /// Pearson's correlation coefficient; NaN when predictions or correct numbers are all equal.
  public let pearson: Double
  /// Spearman's rank correlation, ties sharing their mean rank; NaN likewise.
  public let spearman: Double
  /// The predicted numbers.
  package let predictions: [Double]
  /// The right numbers.
  package let values: [Double]

  /// Metrics of predicted numbers, one a right number.
  public init(predictions: [Float], values: [Double]) {
    let predicted = predictions.map(Double.init)
    self.predictions = predicted
    self.values = values
    count = min(predicted.count, values.count)
    let errors = zip(predicted, values).map { $0 - $1 }
    let divisor = Double(max(1, count))
    meanSquaredError = errors.reduce(0) { $0 + $1 * $1 } / divisor
    meanAbsoluteError = errors.reduce(0) { $0 + abs($1) } / divisor
    pearson = RegressionMetrics.correlation(predicted, values)
    spearman =
      predicted.allSatisfy(\.isFinite)
      ? RegressionMetrics.correlation(
        RegressionMetrics.ranks(predicted), RegressionMetrics.ranks(values)) : .nan
  }

  private static func correlation(_ x: [Double], _ y: [Double]) -> Double {
    let count = Double(max(1, x.count))
    let (meanX, meanY) = (x.reduce(0, +) / count, y.reduce(0, +) / count)
    var (xy, xx, yy) = (0.0, 0.0, 0.0)
    for (a, b) in zip(x, y) {
      xy += (a - meanX) * (b - meanY)
      xx += (a - meanX) * (a - meanX)
      yy += (b - meanY) * (b - meanY)
    }
    return xx > 0 && yy > 0 ? xy / (xx.squareRoot() * yy.squareRoot()) : .nan
  }

  /// Ranks from 1; equal numbers share their mean rank.
  private static func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start
      while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
      for place in order[start..<end] { ranks[place] = Double(start + 1 + end) / 2 }
      start = end
    }
    return ranks
  }

  /// The figures as an object. Those that are not finite are `null`.
  public var json: JSONValue {
    .members([
      "examples": .integer(count), "loss": number(meanSquaredError),
      "mse": number(meanSquaredError), "mae": number(meanAbsoluteError),
      "pearson": number(pearson), "spearman": number(spearman),
    ])
  }
}
