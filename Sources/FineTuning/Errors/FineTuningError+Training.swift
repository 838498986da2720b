internal import CheckpointFiles
internal import ParameterSurgery

/// What can go wrong while a run trains.
extension FineTuningError {
  static func notFinite(_ name: String, _ value: Float, at index: Int) -> FineTuningError {
    FineTuningError(
      .malformedModel, key: Key(name),
      "the model's \(quoted(name)) is \(value) at element \(grouped(index)), and training needs finite weights; "
        + "repair the checkpoint first")
  }

  static var noTrainingExamples: FineTuningError {
    FineTuningError(.malformedData, "the training data has no examples")
  }

  /// A loss or a gradient that is not finite.
  static func diverged(step: Int, gradientOf name: String?, loss: Double) -> FineTuningError {
    FineTuningError(
      .diverged, key: name.map { Key($0) },
      "step \(step): "
        + (name.map { "the gradient of \(quoted($0)) is not finite" } ?? "the loss is \(loss)")
        + "; lower the learning rate. The state of the last epoch is kept")
  }

  static var noFiniteLoss: FineTuningError {
    FineTuningError(.diverged, "no epoch gave a finite loss, so there is no model to keep")
  }

  static func folderNotEmpty(_ folder: String, holdsRun: Bool) -> FineTuningError {
    FineTuningError(
      .outputInUse, path: folder, advice: holdsRun ? [.resume] : [],
      "\(folder): the folder is not empty"
        + (holdsRun ? " and holds a run" : "; name another folder"))
  }

  static func noHead(_ model: String) -> FineTuningError {
    FineTuningError(
      .malformedModel, path: model, advice: [.addHead],
      "\(model): the checkpoint has no classification head")
  }

  static var nothingToEvaluate: FineTuningError {
    FineTuningError(
      .malformedData, advice: [.giveEvaluationData], "no example is left to evaluate on")
  }

  static var bFloat16NotEmulated: FineTuningError {
    FineTuningError(
      .invalidOption, "bf16 is emulated with AVX2, which this processor does not have")
  }

  static func otherTokenizer(_ folder: String, tokens: Int, rows: Int) -> FineTuningError {
    FineTuningError(
      .tokenizer, path: folder,
      "\(folder): the tokenizer has \(grouped(tokens)) tokens and the model \(grouped(rows)) word embeddings; they "
        + "do not belong together")
  }

  static func otherTask(
    training: PredictionTask, evaluation: PredictionTask
  ) -> FineTuningError {
    FineTuningError(
      .invalidOption,
      "the training data is for \(training.rawValue), the evaluation data for \(evaluation.rawValue)"
    )
  }

  static func otherTextCount(
    _ path: String, isPaired: Bool, training: String
  ) -> FineTuningError {
    FineTuningError(
      .columns, path: path,
      "\(path): \(isPaired ? "two texts" : "one text") a row, but \(training) has "
        + (isPaired ? "one" : "two"))
  }
}
