internal import CheckpointFiles
internal import ParameterSurgery

/// What can be wrong with the options of a run.
extension FineTuningError {
  /// A training option with a value outside of its range.
  enum OptionValue {
    case epochs(Int)
    case batchSize(Int)
    case accumulation(Int)
    case learningRate(Double)
    case selectedRate(TrainingOptions.SelectedRate)
    case layerDecay(Double)
    case weightDecay(Double)
    case beta1(Double)
    case beta2(Double)
    case epsilon(Double)
    case cacheMemory(Int)
    case gradientNorm(Double)
    case labelSmoothing(Double)
    case unfreezing(TrainingOptions.Unfreezing, epochs: Int)
    case patience(Int)
    case warmupSteps(Int)
    case warmupShare(Double)
  }

  static func outOfRange(_ option: OptionValue) -> FineTuningError {
    FineTuningError(.invalidOption, field: option.name, option.sentence)
  }

  static func otherCriterion(
    _ criterion: TrainingOptions.Criterion, than criteria: [TrainingOptions.Criterion],
    for task: PredictionTask
  ) -> FineTuningError {
    FineTuningError(
      .invalidOption, field: "criterion",
      "the best epoch by \(criterion.rawValue) does not go with \(task.rawValue); choose "
        + criteria.map(\.rawValue).joined(separator: ", "))
  }

  static func weighedLabels(for task: PredictionTask) -> FineTuningError {
    FineTuningError(
      .invalidOption,
      "label smoothing and balanced labels are for one label a text, not for \(task.rawValue)")
  }

  static var bFloat16NotEmulated: FineTuningError {
    FineTuningError(
      .invalidOption, field: "precision",
      "bf16 is emulated with AVX2, which this processor does not have")
  }

  /// Unfreezing that lets nothing more train.
  static func unfreezesNothing(_ selectors: [String], atEpoch epoch: Int) -> FineTuningError {
    FineTuningError(
      .mask, field: "unfreezing",
      "\(selectors.map(quoted).joined(separator: ", ")), to be unfrozen at epoch \(epoch), trains already or "
        + "receives no gradient")
  }

  static func rateOfFrozen(_ selector: String) -> FineTuningError {
    FineTuningError(
      .mask, field: "selected_rates",
      "the learning rate of \(quoted(selector)) has nothing to hold for: what it selects is frozen"
    )
  }

  // MARK: Studies

  static var foldsWithEvaluationData: FineTuningError {
    FineTuningError(
      .invalidOption, "folds evaluate on the training data; leave out the evaluation data")
  }

  static func foldCount(_ count: Int, examples: Int) -> FineTuningError {
    FineTuningError(
      .invalidOption, "\(count) folds of \(examples) examples: expected 2 to \(examples)")
  }

  static func seedCount(_ count: Int) -> FineTuningError {
    FineTuningError(.invalidOption, "the number of seeds is \(count), expected 1 or more")
  }
}

extension FineTuningError.OptionValue {
  /// The option's name in the state of a run.
  fileprivate var name: String {
    switch self {
    case .epochs: "epochs"
    case .batchSize: "batch_size"
    case .accumulation: "accumulation"
    case .learningRate: "learning_rate"
    case .selectedRate: "selected_rates"
    case .layerDecay: "layer_decay"
    case .weightDecay: "weight_decay"
    case .beta1: "beta1"
    case .beta2: "beta2"
    case .epsilon: "epsilon"
    case .cacheMemory: "cache_memory"
    case .gradientNorm: "maximum_gradient_norm"
    case .labelSmoothing: "label_smoothing"
    case .unfreezing: "unfreezing"
    case .patience: "patience"
    case .warmupSteps, .warmupShare: "warmup"
    }
  }

  fileprivate var sentence: String {
    let counts = "expected 1 to \(grouped(TrainingOptions.maximumCount))"
    return switch self {
    case .epochs(let count): "the number of epochs is \(count), \(counts)"
    case .batchSize(let count): "the batch size is \(count), \(counts)"
    case .accumulation(let count): "the accumulation is \(count), \(counts)"
    case .learningRate(let rate):
      "the learning rate is \(rate), expected a number above 0 that single precision holds"
    case .selectedRate(let selected):
      "the learning rate of \(quoted(selected.selector)) is \(selected.rate), expected 0 or a number "
        + "above it that single precision holds"
    case .layerDecay(let factor):
      "the layer decay is \(factor), expected a number above 0 and at most 1"
    case .weightDecay(let decay):
      "the weight decay is \(decay), expected a number ≥ 0 that single precision holds"
    case .beta1(let factor): "AdamW's β₁ is \(factor), expected a number in 0 ..< 1"
    case .beta2(let factor): "AdamW's β₂ is \(factor), expected a number in 0 ..< 1"
    case .epsilon(let epsilon):
      "AdamW's ε is \(epsilon), expected a number above 0 that single precision holds"
    case .cacheMemory(let bytes):
      "the memory of the cache is \(bytes) bytes, expected 0 or more"
    case .gradientNorm(let norm):
      "the largest gradient norm is \(norm), expected a number ≥ 0"
    case .labelSmoothing(let share):
      "the label smoothing is \(share), expected a number in 0 ..< 1"
    case .unfreezing(let part, let epochs):
      "\(quoted(part.selector)) is to train from epoch \(part.epoch) on, expected an epoch from 2 to "
        + "\(epochs); what trains from the start belongs to the mask"
    case .patience(let epochs): "the patience is \(epochs), expected 1 or more"
    case .warmupSteps(let steps): "the warm-up is \(steps) steps, expected 0 or more"
    case .warmupShare(let share): "the warm-up is \(share), expected a share in 0 ..< 1"
    }
  }
}
