/// The mean squared error of one output, as `torch.nn.functional.mse_loss` computes it.
package struct MeanSquaredError: Sendable {
  package init() {}

  /// The sum of the examples' losses over `divisor`, and its gradient with respect to the outputs.
  ///
  /// - Parameters:
  ///   - dLogits: written, `[S, 1]`, when the gradient is wanted.
  ///   - logits: `[S, 1]`.
  ///   - values: S numbers.
  ///   - divisor: the number of all examples of the update.
  package func forward(
    dLogits: Matrix?, logits: Matrix, values: [Double], divisor: Double
  ) -> Double {
    precondition(values.count == logits.rows && logits.columns == 1, "one output an example")
    var total = 0.0
    for (row, value) in values.enumerated() {
      let error = Double(logits[row, 0]) - value
      total += error * error
      dLogits?[row, 0] = Float(2 * error / divisor)
    }
    return total / divisor
  }
}
