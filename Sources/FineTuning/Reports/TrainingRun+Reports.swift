internal import CheckpointFiles

extension TrainingRun {
  /// Writes the learning curve and the report page into `folder`.
  ///
  /// - Throws: `FineTuningError` when a file cannot be written.
  func writeReports(
    in folder: String, metrics: EvaluationMetrics, seconds: Double
  ) throws(FineTuningError) {
    let records = trainer.state.records
    try replaceFile(
      at: Path.join(folder, FileName.curve),
      Array(
        LearningCurve(
          records: records, task: settings.task, unfreezings: plan.phases.map(\.firstEpoch)
        ).svg.utf8))
    let name = Path.name(of: folder)
    let report = RunReport(
      name: name, plan: plan, options: options, settings: settings, records: records,
      metrics: metrics, seconds: seconds)
    try replaceFile(at: Path.join(folder, FileName.report), Array(report.html.utf8))
  }
}
