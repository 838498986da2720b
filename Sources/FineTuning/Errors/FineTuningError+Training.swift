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

  // MARK: The folders

  static func folderNotEmpty(_ folder: String, holdsRun: Bool) -> FineTuningError {
    FineTuningError(
      .outputInUse, path: folder, advice: holdsRun ? [.resume] : [],
      "the folder is not empty" + (holdsRun ? " and holds a run" : "; name another folder"))
  }

  static func outputIsFile(_ folder: String) -> FineTuningError {
    FineTuningError(
      .outputInUse, path: folder, "is a file; name a folder for the trained model")
  }

  static func outputNotWritable(_ folder: String) -> FineTuningError {
    FineTuningError(.outputInUse, path: folder, "cannot be written")
  }

  static func cacheIsFile(_ folder: String) -> FineTuningError {
    FineTuningError(.invalidOption, path: folder, "is a file; name a folder for the cache")
  }

  static func cacheNotWritable(_ folder: String) -> FineTuningError {
    FineTuningError(.invalidOption, path: folder, "the cache cannot be written there")
  }

  /// A file of features that was changed after it was written.
  static func changedFeatures(_ path: String) -> FineTuningError {
    FineTuningError(.file, path: path, "the features are not those that were written")
  }

  /// A file of features that are not those of its name.
  static func otherFeatures(_ path: String) -> FineTuningError {
    FineTuningError(.file, path: path, "not the features that its name promises")
  }

  // MARK: The model

  static func noHead(_ model: String) -> FineTuningError {
    FineTuningError(
      .malformedModel, path: model, advice: [.addHead],
      "the checkpoint has no classification head")
  }

  /// A model without a head, of which predictions are asked.
  static func untrainedModel(_ model: String) -> FineTuningError {
    FineTuningError(
      .malformedModel, path: model,
      "the checkpoint has no classification head; train one first")
  }

  static func otherHead(_ found: Head, asked head: Head, of model: String) -> FineTuningError {
    FineTuningError(
      .invalidOption, path: model, "the checkpoint has the head \(found), not \(head)")
  }

  static func labelNames(_ count: Int, outputs: Int, of model: String) -> FineTuningError {
    FineTuningError(
      .malformedModel, path: model,
      "\(ClassifierSettings.fileName) names \(count) labels, the head has \(outputs)")
  }

  static func regressionOutputs(_ outputs: Int, of model: String) -> FineTuningError {
    FineTuningError(
      .label, path: model,
      "the head has \(outputs) outputs, regression has one; start from a checkpoint without a head"
    )
  }

  static func otherTokenizer(_ folder: String, tokens: Int, rows: Int) -> FineTuningError {
    FineTuningError(
      .tokenizer, path: folder,
      "the tokenizer has \(grouped(tokens)) tokens and the model \(grouped(rows)) word embeddings; they "
        + "do not belong together")
  }

  static func maximumLength(_ length: Int, limit: Int, of model: String) -> FineTuningError {
    FineTuningError(
      .invalidOption, field: "max_length",
      "the maximum length is \(length), expected 3 to \(limit), the most that \(model) reads")
  }

  static func otherPooling(
    _ pooling: Pooling, than own: Pooling, of className: String, model: String
  ) -> FineTuningError {
    FineTuningError(
      .invalidOption, path: model, field: "pooling",
      "the head classifier is that of \(className), which pools with \(own.rawValue) and not "
        + "with \(pooling.rawValue)")
  }

  // MARK: The data

  static var nothingToEvaluate: FineTuningError {
    FineTuningError(
      .malformedData, advice: [.giveEvaluationData], "no example is left to evaluate on")
  }

  static var noLabels: FineTuningError {
    FineTuningError(
      .label, "no training example has a label; multi-label needs one or more")
  }

  static func oneLabel(_ label: String) -> FineTuningError {
    FineTuningError(
      .label,
      "all training examples have the label \(quoted(label)); a classifier needs two labels or more"
    )
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
    _ evaluation: LabelledDataset, training: LabelledDataset
  ) -> FineTuningError {
    about(
      evaluation.path, or: "the evaluation data", .columns,
      "\(evaluation.isPaired ? "two texts" : "one text") a row, but "
        + "\(training.path ?? "the training data") has \(evaluation.isPaired ? "one" : "two")")
  }

  /// A text with a token for which the model has no embedding.
  static func addedToken(
    _ id: Int32, example: Int, of path: String?, rows: Int
  ) -> FineTuningError {
    about(
      path, or: "the data", .tokenizer,
      "example \(example) has the added token \(id), and the word embeddings have "
        + "\(rows) rows; resize them, or remove the token from the tokenizer's files")
  }

  /// A pair for a model that has no embedding for the type of the second text.
  static func tokenType(
    _ type: UInt8, example: Int, of path: String?, types: Int
  ) -> FineTuningError {
    about(
      path, or: "the data", .unsupportedModel,
      "example \(example) is a pair, whose second text has the token type \(type), "
        + "and the model has \(Text.counted(types, "token type")) (\"type_vocab_size\")")
  }

  /// An error about a file, or about data that is not from a file.
  static func about(
    _ path: String?, or data: String, line: Int? = nil, _ kind: Kind, advice: [Advice] = [],
    _ reason: String
  ) -> FineTuningError {
    FineTuningError(
      kind, path: path, line: line, advice: advice, (path == nil ? "\(data): " : "") + reason)
  }
}
