/// What training minimises.
package struct Objective: Sendable {
  package let task: PredictionTask
  /// For classification.
  let crossEntropy: CrossEntropy

  package init(_ task: PredictionTask, crossEntropy: CrossEntropy = CrossEntropy()) {
    self.task = task
    self.crossEntropy = crossEntropy
  }

  /// The weight of an example in the mean.
  func weight(of target: Target) -> Double {
    if case .label(let label) = target { crossEntropy.weight(of: label) } else { 1 }
  }

  /// The sum of the examples' losses over `divisor`, and its gradient with respect to the logits.
  ///
  /// - Parameters:
  ///   - dLogits: written, `[S, K]`, when the gradient is wanted.
  ///   - logits: `[S, K]`.
  ///   - targets: one an example.
  ///   - divisor: what the mean divides by: the sum of the weights of all examples of the update.
  package func forward(
    dLogits: Matrix?, logits: Matrix, targets: [Target], divisor: Double
  ) -> Double {
    switch task {
    case .classification:
      crossEntropy.forward(
        dLogits: dLogits, logits: logits, labels: targets.labels, divisor: divisor)
    case .regression:
      MeanSquaredError().forward(
        dLogits: dLogits, logits: logits, values: targets.values, divisor: divisor)
    case .multiLabel:
      BinaryCrossEntropy().forward(
        dLogits: dLogits, logits: logits, labels: targets.labelSets, divisor: divisor)
    }
  }

  /// How many rows of logits are right in every label; `nil` for numbers, which are never right.
  func correct(_ logits: Matrix, _ targets: [Target]) -> Int? {
    switch task {
    case .classification: zip(targets.labels, predictions(logits)).count { $0 == $1 }
    case .regression: nil
    case .multiLabel:
      zip(targets.labelSets, 0..<logits.rows).count { set, row in
        set == (0..<logits.columns).filter { logits[row, $0] > 0 }
      }
    }
  }
}

extension [Target] {
  /// The labels; 0 for examples without a label.
  var labels: [Int] { map { if case .label(let label) = $0 { label } else { 0 } } }

  /// The numbers; 0 for examples without a number.
  var values: [Double] { map { if case .value(let value) = $0 { value } else { 0 } } }

  /// The sets of labels; empty for examples without a set.
  var labelSets: [[Int]] { map { if case .labels(let labels) = $0 { labels } else { [] } } }
}
