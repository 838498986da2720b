import CheckpointFiles
import FineTuning

/// The JSON of `train`, described in docs/json.md.
enum TrainingJSON {
  private static func tensors(_ tensors: [TrainingPlan.TrainedTensor]) -> JSONValue {
    .array(
      tensors.map { tensor in
        .members([
          "key": .string(tensor.name),
          "shape": .array(tensor.shape.map { .integer($0) }),
          "rows": tensor.rows.isEmpty
            ? .null
            : .array(tensor.rows.map { [.integer($0.lowerBound), .integer($0.upperBound)] }),
          "parameters": .integer(tensor.count),
          "learning_rate": .real(tensor.learningRate),
        ])
      })
  }

  private static func phase(_ phase: TrainingPlan.Phase) -> JSONValue {
    .members([
      "epoch": .integer(phase.firstEpoch),
      "selectors": .array(phase.selectors.map { .string($0) }),
      "tensors": tensors(phase.tensors),
      "added_parameters": .integer(phase.addedCount),
      "trained_parameters": .integer(phase.trainedCount),
      "backward_stops_at": .string(phase.backwardStop),
      "cached": phase.cached.map { .string($0.sentence) } ?? .null,
      "cache_bytes": .integer(phase.cacheBytes),
      "keeps_cache": .bool(phase.keepsCache),
      "expected_epoch_seconds": .real(phase.expectedEpoch),
    ])
  }

  /// The name of a column, or its number in a file without a header.
  private static func column(_ column: DataColumn?) -> JSONValue {
    switch column {
    case .named(let name): .string(name)
    case .numbered(let number): .integer(number)
    case nil: .null
    }
  }

  static func plan(_ plan: TrainingPlan) -> JSONValue {
    .members([
      "trained_tensors": tensors(plan.tensors),
      "trained_parameters": .integer(plan.trainedCount),
      "parameters": .integer(plan.parameterCount),
      "backward_stops_at": .string(plan.backwardStop),
      "cached": plan.cached.map { .string($0.sentence) } ?? .null,
      "cache_bytes": .integer(plan.cacheBytes),
      "cache_spills": .bool(plan.cacheSpills),
      "cache_dir": plan.cacheFolder.map { .string($0) } ?? .null,
      "cache_found": .bool(plan.cacheIsStored),
      "trunk_dropout": .bool(plan.trunkDropout),
      "examples": .integer(plan.examples),
      "tokens": .integer(plan.tokens),
      "eval_examples": .integer(plan.evaluationExamples),
      "text_column": column(plan.columns?.text),
      "text_pair_column": column(plan.columns?.pair),
      "label_columns": .array((plan.columns?.labels ?? []).map { column($0) }),
      "labels": .array(
        plan.labels.map {
          .members([
            "label": .string($0.name), "examples": .integer($0.training),
            "eval_examples": .integer($0.evaluation),
          ])
        }),
      "pooling": .string(plan.pooling.rawValue),
      "max_length": .integer(plan.maximumLength),
      "cut_examples": .integer(plan.cutExamples),
      "cut_eval_examples": .integer(plan.cutEvaluationExamples),
      "untouched_rows": plan.untouchedRows.map { rows in
        .members([
          "key": .string(rows.name), "trained": .integer(rows.trained),
          "untouched": .integer(rows.untouched), "decays": .bool(rows.decays),
        ])
      } ?? .null,
      "steps": .integer(plan.steps),
      "learning_rate": .real(plan.learningRate),
      "expected_memory_bytes": .integer(plan.expectedMemory),
      "expected_first_epoch_seconds": .real(plan.expectedFirstEpoch),
      "expected_later_epoch_seconds": .real(plan.expectedLaterEpoch),
      "unfreezing": .array(plan.phases.map(phase)),
      "notes": .array(plan.notes.map { .string($0.sentenceWithOptions) }),
    ])
  }

  static func result(
    _ run: TrainingRun, _ result: TrainingRun.Result, folder: String
  ) -> JSONValue {
    .members([
      "output": .string(folder),
      "plan": plan(run.plan),
      "epochs": .array(result.records.map(\.json)),
      "best_epoch": result.records.last(where: \.isBest).map { .integer($0.epoch) } ?? .null,
      "stopped_early": .bool(result.stoppedEarly),
      "metrics": result.metrics.json,
      "seconds": .real(result.seconds),
    ])
  }
}
