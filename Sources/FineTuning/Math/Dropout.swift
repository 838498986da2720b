internal import CEspalierKernels

/// What is dropped: a pure function of seed, stream, row and column, so that forward and backward
/// agree without a stored mask and results do not depend on threads.
package struct Dropout: Sendable, Hashable {
  /// The share that is dropped, in `0..<1`.
  package var probability: Float
  /// The seed; another for every step.
  package var seed: UInt64
  /// Which of the step's dropouts it is; another for every site in the model.
  package var stream: UInt32

  /// A dropout. Traps unless `probability` lies in `0..<1`.
  package init(probability: Float, seed: UInt64, stream: UInt32) {
    precondition(probability >= 0 && probability < 1, "a dropout probability is in 0..<1")
    self.probability = probability
    self.seed = seed
    self.stream = stream
  }

  var c: espalier_dropout {
    espalier_dropout(probability: probability, stream: stream, seed: seed)
  }

  static let none = espalier_dropout(probability: 0, stream: 0, seed: 0)
}
