internal import CheckpointFiles

extension Trainer {
  /// Loss and metrics on the evaluation data, without dropout, of the weights as they would be written:
  /// in a checkpoint of half precision, what trained is rounded to its dtype.
  ///
  /// - Parameter labelNames: the labels' names; their numbers when there are none.
  package func evaluate(
    labelNames: [String]? = nil
  ) throws -> EvaluationMetrics {
    EvaluationMetrics(
      objective.task, logits: try evaluationLogits(), targets: evaluation.targets,
      labelNames: labelNames ?? (0..<model.labelCount).map(String.init))
  }

  /// The logits of the evaluation data, a row for each example.
  func evaluationLogits() throws -> [[Float]] {
    let logits = try withRowsAsStored {
      Trainer.logits(model, evaluation, features: evaluationFeatures, padding: padding)
    }
    return (0..<logits.rows).map { logits.row($0).array }
  }

  /// Calls `body` while the rows that train have the values that a file would hold, and gives them back
  /// their own, with which training continues.
  private func withRowsAsStored<R>(_ body: () throws -> R) throws -> R {
    let rounded = model.parameters.trained.filter(\.roundsWhenStored)
    let exact = rounded.map { $0.stacked($0.rows) }
    for parameter in rounded { parameter.assign(stackedRows: try parameter.rowsAsStored()) }
    defer {
      for (parameter, rows) in zip(rounded, exact) { parameter.assign(stackedRows: rows) }
    }
    return try body()
  }

  /// The logits `[N, K]` of every example, in order.
  package static func logits(
    _ model: Classifier, _ data: TokenizedDataset, features: FeatureCache?,
    padding: (length: Int, token: Int32)?
  ) -> Matrix {
    let out = Matrix(rows: data.count, columns: model.labelCount)
    for group in data.groups(
      ofTokens: groupTokens(model.configuration), paddedTo: padding?.length)
    {
      let batch = data.batch(group, padding: padding)
      let values = model.forward(
        batch, features: features?.rows(of: group) ?? model.prefix(batch), recording: false,
        dropout: nil
      ).logits
      out.rows(group).assign(values)
    }
    return out
  }

  /// Whether `record` is better than the best so far. NaN never is; of equals the earliest stays.
  func improves(_ record: EpochRecord) -> Bool {
    guard record.evalLoss.isFinite else { return false }
    guard let best = state.records.last(where: \.isBest) else { return true }
    func isHigher(_ figure: KeyPath<EpochRecord, Double?>) -> Bool {
      guard let value = record[keyPath: figure], value.isFinite else { return false }
      guard let before = best[keyPath: figure], before.isFinite else { return true }
      return (value, -record.evalLoss) > (before, -best.evalLoss)
    }
    return switch options.criterion {
    case .loss: record.evalLoss < best.evalLoss
    case .accuracy: isHigher(\.evalAccuracy)
    case .f1: isHigher(\.evalF1)
    case .microF1: isHigher(\.evalMicroF1)
    case .pearson: isHigher(\.evalPearson)
    case .spearman: isHigher(\.evalSpearman)
    }
  }
}
