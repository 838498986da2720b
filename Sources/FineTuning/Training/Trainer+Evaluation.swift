extension Trainer {
  /// Loss and metrics on the evaluation data, without dropout.
  ///
  /// - Parameter labelNames: the labels' names; their numbers when there are none.
  package func evaluate(
    labelNames: [String]? = nil
  ) throws -> (loss: Double, metrics: ClassificationMetrics) {
    let logits = Trainer.logits(
      model, evaluation, features: evaluationFeatures, padding: padding)
    let plain = CrossEntropy()
    let value = plain.forward(
      dLogits: nil, logits: logits, labels: evaluation.labels,
      divisor: Double(max(1, evaluation.count)))
    let metrics = ClassificationMetrics(
      logits: (0..<logits.rows).map { logits.row($0).array }, labels: evaluation.labels,
      labelNames: labelNames ?? (0..<model.labelCount).map(String.init))
    return (value, metrics)
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
    switch options.criterion {
    case .loss: return record.evalLoss < best.evalLoss
    case .accuracy:
      return (record.evalAccuracy, -record.evalLoss) > (best.evalAccuracy, -best.evalLoss)
    case .f1: return (record.evalF1, -record.evalLoss) > (best.evalF1, -best.evalLoss)
    }
  }
}
