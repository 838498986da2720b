internal import RealModule

/// A binary cross entropy for each label, as `torch.nn.functional.binary_cross_entropy_with_logits`
/// computes it: an example's loss is the mean over the labels.
package struct BinaryCrossEntropy: Sendable {
  package init() {}

  /// The sum of the examples' losses over `divisor`, and its gradient with respect to the logits.
  ///
  /// - Parameters:
  ///   - dLogits: written, `[S, K]`, when the gradient is wanted.
  ///   - logits: `[S, K]`.
  ///   - labels: the labels that each of the S examples has.
  ///   - divisor: the number of all examples of the update.
  package func forward(
    dLogits: Matrix?, logits: Matrix, labels: [[Int]], divisor: Double
  ) -> Double {
    precondition(labels.count == logits.rows, "a set of labels a row of logits")
    let share = 1 / (divisor * Double(max(1, logits.columns)))
    var total = 0.0
    for (row, set) in labels.enumerated() {
      var targets = [Double](repeating: 0, count: logits.columns)
      for label in set { targets[label] = 1 }
      for (column, target) in targets.enumerated() {
        let x = Double(logits[row, column])
        // Neither exponential overflows.
        total += max(x, 0) - x * target + Double.log(onePlus: Double.exp(-abs(x)))
        dLogits?[row, column] = Float((sigmoid(x) - target) * share)
      }
    }
    return total * share
  }
}

/// 1 / (1 + exp(−x)).
func sigmoid(_ x: Double) -> Double {
  x >= 0 ? 1 / (1 + Double.exp(-x)) : Double.exp(x) / (1 + Double.exp(x))
}
