/// What is predicted of a text.
public enum PredictionTask: String, Sendable, Hashable, CaseIterable {
  /// One label of several: softmax and cross entropy.
  case classification
  /// A number: one output, and the mean squared error.
  case regression
  /// Any number of labels: a sigmoid and a binary cross entropy each.
  case multiLabel = "multi-label"

  /// The `problem_type` of a `config.json` of transformers.
  public var problemType: String {
    switch self {
    case .classification: "single_label_classification"
    case .regression: "regression"
    case .multiLabel: "multi_label_classification"
    }
  }

  /// The task that a `problem_type` means.
  public init?(problemType: String) {
    guard let task = PredictionTask.allCases.first(where: { $0.problemType == problemType }) else {
      return nil
    }
    self = task
  }
}

/// What is right for a text.
public enum Target: Sendable, Hashable {
  /// The place of the one label.
  case label(Int)
  /// The number.
  case value(Double)
  /// The places of the labels, ascending; there may be none.
  case labels([Int])
}
