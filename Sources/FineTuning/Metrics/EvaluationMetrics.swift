public import CheckpointFiles

/// The figures of a model on labelled texts, whatever it predicts.
public enum EvaluationMetrics: Sendable, Hashable {
  case classification(ClassificationMetrics)
  case regression(RegressionMetrics)
  case multiLabel(MultiLabelMetrics)

  /// Metrics of predictions.
  ///
  /// - Parameters:
  ///   - task: what was predicted.
  ///   - logits: a row for each example.
  ///   - targets: what is right for each.
  ///   - labelNames: the labels' names.
  public init(
    _ task: PredictionTask, logits: [[Float]], targets: [Target], labelNames: [String]
  ) {
    self =
      switch task {
      case .classification:
        .classification(
          ClassificationMetrics(logits: logits, labels: targets.labels, labelNames: labelNames))
      case .regression:
        .regression(
          RegressionMetrics(
            predictions: logits.map { $0.first ?? .nan }, values: targets.values))
      case .multiLabel:
        .multiLabel(
          MultiLabelMetrics(
            logits: logits, labelSets: targets.labelSets, labelNames: labelNames))
      }
  }

  /// The mean loss.
  public var loss: Double {
    switch self {
    case .classification(let metrics): metrics.loss
    case .regression(let metrics): metrics.meanSquaredError
    case .multiLabel(let metrics): metrics.loss
    }
  }

  /// The share of examples that are right in every label; `nil` for numbers.
  public var accuracy: Double? {
    switch self {
    case .classification(let metrics): metrics.accuracy
    case .regression: nil
    case .multiLabel(let metrics): metrics.subsetAccuracy
    }
  }

  /// Examples.
  public var count: Int {
    switch self {
    case .classification(let metrics): metrics.count
    case .regression(let metrics): metrics.count
    case .multiLabel(let metrics): metrics.count
    }
  }

  /// The figures as an object.
  public var json: JSONValue {
    switch self {
    case .classification(let metrics): metrics.json
    case .regression(let metrics): metrics.json
    case .multiLabel(let metrics): metrics.json
    }
  }
}

/// A figure of an epoch, by its name.
package struct EpochFigure: Sendable {
  /// Such as `macro F1`.
  package let name: String
  /// Such as `eval F1`, for the heading of a column.
  package let heading: String
  /// The figure of an epoch.
  package let value: @Sendable (EpochRecord) -> Double?
}

extension PredictionTask {
  /// What is measured on the evaluation data after every epoch, besides the loss.
  package var figures: [EpochFigure] {
    switch self {
    case .classification:
      [
        EpochFigure(name: "accuracy", heading: "eval acc") { $0.evalAccuracy },
        EpochFigure(name: "macro F1", heading: "eval F1") { $0.evalF1 },
      ]
    case .regression:
      [
        EpochFigure(name: "Pearson", heading: "Pearson") { $0.evalPearson },
        EpochFigure(name: "Spearman", heading: "Spearman") { $0.evalSpearman },
      ]
    case .multiLabel:
      [
        EpochFigure(name: "subset accuracy", heading: "   acc") { $0.evalAccuracy },
        EpochFigure(name: "micro F1", heading: "micro F1") { $0.evalMicroF1 },
        EpochFigure(name: "macro F1", heading: "macro F1") { $0.evalF1 },
      ]
    }
  }

  /// What can make an epoch the best.
  package var criteria: [TrainingOptions.Criterion] {
    switch self {
    case .classification: [.loss, .accuracy, .f1]
    case .regression: [.loss, .pearson, .spearman]
    case .multiLabel: [.loss, .accuracy, .f1, .microF1]
    }
  }
}
