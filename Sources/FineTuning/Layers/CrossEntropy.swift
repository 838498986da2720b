internal import RealModule

/// Cross entropy over logits, as `torch.nn.functional.cross_entropy` computes it: label smoothing
/// spreads over all classes, the true one included; class weights weigh the mean.
package struct CrossEntropy: Sendable {
  /// The share of the target spread evenly over all classes, in [0, 1).
  package var labelSmoothing: Double
  /// One weight a class; `nil` weighs all alike.
  package var classWeights: [Double]?

  package init(labelSmoothing: Double = 0, classWeights: [Double]? = nil) {
    self.labelSmoothing = labelSmoothing
    self.classWeights = classWeights
  }

  /// The weight of an example with label `label` in the mean.
  package func weight(of label: Int) -> Double { classWeights?[label] ?? 1 }

  /// The sum of the examples' losses over `divisor`, and its gradient with respect to the logits.
  ///
  /// - Parameters:
  ///   - dLogits: written, `[S, K]`, when the gradient is wanted.
  ///   - logits: `[S, K]`.
  ///   - labels: S labels in 0..<K.
  ///   - divisor: what the mean divides by: the sum of the weights of all examples of the update.
  package func forward(
    dLogits: Matrix?, logits: Matrix, labels: [Int], divisor: Double
  ) -> Double {
    precondition(labels.count == logits.rows, "one label a row of logits")
    let classes = logits.columns
    var total = 0.0
    for (row, label) in labels.enumerated() {
      let values = (0..<classes).map { Double(logits[row, $0]) }
      let largest = values.max() ?? 0
      let logSum = largest + Double.log(values.reduce(0) { $0 + Double.exp($1 - largest) })
      let spread = labelSmoothing / Double(classes)
      // Torch weighs the smoothed part by the weight of each class, the true part by the label's.
      let targets = (0..<classes).map { index in
        (classWeights?[index] ?? 1) * (spread + (index == label ? 1 - labelSmoothing : 0))
      }
      let mass = targets.reduce(0, +)
      for index in 0..<classes {
        if targets[index] != 0 { total += targets[index] * (logSum - values[index]) }
        dLogits?[row, index] = Float(
          (mass * Double.exp(values[index] - logSum) - targets[index]) / divisor)
      }
    }
    return total / divisor
  }
}
