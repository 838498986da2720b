internal import CheckpointFiles
internal import ParameterSurgery

/// How a run trains. The defaults are those of `torch.optim.AdamW` and of `transformers.Trainer`
/// where they agree with common practice; everything is printed in the plan.
public struct TrainingOptions: Sendable, Hashable {
  /// Passes over the training data.
  public var epochs = 3
  /// Examples in one forward and backward pass.
  public var batchSize = 32
  /// Batches in one update; the loss is the mean over all their examples.
  public var accumulation = 1
  /// The highest learning rate; `nil` takes 1e-3 when only the head trains, 5e-5 otherwise.
  public var learningRate: Double?
  /// Other highest rates for what selectors select; of several that match, the last holds.
  public var selectedRates: [SelectedRate] = []
  /// The factor by which the rate falls from layer to layer towards the input; 1 changes nothing.
  public var layerDecay = 1.0
  /// Decoupled weight decay.
  public var weightDecay = 0.01
  /// Which parameters decay.
  public var decay = DecayRule.all
  /// AdamW's β₁.
  public var beta1 = 0.9
  /// AdamW's β₂.
  public var beta2 = 0.999
  /// AdamW's ε.
  public var epsilon = 1e-8
  /// The learning rate after the warm-up.
  public var schedule = LearningRateSchedule.Decay.linear
  /// Updates during which the rate rises from 0.
  public var warmup = Warmup.ratio(0)
  /// The largest norm of all gradients together; 0 turns clipping off.
  public var maximumGradientNorm = 1.0
  /// The share of each target spread over all labels.
  public var labelSmoothing = 0.0
  /// Whether examples weigh inversely to the frequency of their label.
  public var balancesLabels = false
  /// Determines the order of the data and what dropout drops.
  public var seed: UInt64 = 42
  /// Epochs without an improvement after which the run stops; `nil` never stops early.
  public var patience: Int?
  /// What makes an epoch better than another.
  public var criterion = Criterion.loss
  /// Whether dropout acts above the frozen prefix, as the configuration says.
  public var usesDropout = true
  /// Whether dropout acts in the frozen prefix too, which is then computed again forevery batch.
  public var usesTrunkDropout = false
  /// How wide the numbers of matrix products are.
  public var precision = Precision.float32
  /// Bytes of features held in memory; more lie in a mapped temporary file.
  public var cacheMemory = 2_000_000_000

  /// What trains from a later epoch on, besides what trains from the start.
  public var unfreezing: [Unfreezing] = []

  /// The default options.
  public init() {}

  /// What trains from an epoch on.
  public struct Unfreezing: Sendable, Hashable {
    /// The epoch, from 2.
    public var epoch: Int
    /// What trains besides.
    public var selector: String

    /// A selector and an epoch.
    public init(at epoch: Int, _ selector: String) {
      self.epoch = epoch
      self.selector = selector
    }
  }

  /// A learning rate of its own for some tensors.
  public struct SelectedRate: Sendable, Hashable {
    /// What it holds for.
    public var selector: String
    /// The highest learning rate.
    public var rate: Double

    /// A rate for a selector.
    public init(_ selector: String, _ rate: Double) {
      self.selector = selector
      self.rate = rate
    }
  }

  /// How wide the numbers of matrix products are.
  public enum Precision: String, Sendable, Hashable, CaseIterable {
    /// Single precision.
    case float32 = "f32"
    /// Where the processor multiplies bfloat16 natively; elsewhere a run says so and stays in f32.
    case bfloat16 = "bf16"
    /// The numbers of bfloat16 on any processor, slowly: to see what it does to a run.
    case emulatedBFloat16 = "bf16-emulated"

    /// What the kernels multiply.
    var product: ProductPrecision { self == .float32 ? .float32 : .bfloat16 }
  }

  /// Which parameters decay.
  public enum DecayRule: String, Sendable, Hashable, CaseIterable {
    /// All, as `torch.optim.AdamW` over `model.parameters()`.
    case all
    /// All but biases and LayerNorm, as `transformers.Trainer`.
    case weights
  }

  /// What makes an epoch better than another.
  public enum Criterion: String, Sendable, Hashable, CaseIterable {
    /// Lower loss on the evaluation data.
    case loss
    /// Higher accuracy, every label right; of equal ones the lower loss.
    case accuracy
    /// Higher macro F1; of equal ones the lower loss.
    case f1
    /// Higher micro F1, for several labels a text; of equal ones the lower loss.
    case microF1 = "micro-f1"
    /// Higher correlation of numbers; of equal ones the lower loss.
    case pearson
    /// Higher rank correlation of numbers; of equal ones the lower loss.
    case spearman
  }

  /// The most epochs, examples in a batch and batches in an update: products of them are far from the
  /// end of the integers.
  static let maximumCount = 1_000_000

  /// - Throws: `FineTuningError` when a value makes no sense.
  public func validate() throws(FineTuningError) {
    func demand(
      _ condition: Bool, _ option: FineTuningError.OptionValue
    ) throws(FineTuningError) {
      guard condition else { throw .outOfRange(option) }
    }
    let counts = 1...TrainingOptions.maximumCount
    try demand(counts.contains(epochs), .epochs(epochs))
    try demand(counts.contains(batchSize), .batchSize(batchSize))
    try demand(counts.contains(accumulation), .accumulation(accumulation))
    if let learningRate {
      try demand(
        learningRate > 0 && Float(learningRate).isNormal, .learningRate(learningRate))
    }
    for selected in selectedRates {
      let rate = Float(selected.rate)
      try demand(
        selected.rate >= 0 && (rate.isNormal || selected.rate == 0), .selectedRate(selected))
    }
    try demand(layerDecay > 0 && layerDecay <= 1, .layerDecay(layerDecay))
    try demand(weightDecay >= 0 && Float(weightDecay).isFinite, .weightDecay(weightDecay))
    try demand(beta1 >= 0 && beta1 < 1, .beta1(beta1))
    try demand(beta2 >= 0 && beta2 < 1, .beta2(beta2))
    try demand(epsilon > 0 && Float(epsilon).isFinite, .epsilon(epsilon))
    try demand(cacheMemory >= 0, .cacheMemory(cacheMemory))
    try demand(maximumGradientNorm >= 0, .gradientNorm(maximumGradientNorm))
    try demand(labelSmoothing >= 0 && labelSmoothing < 1, .labelSmoothing(labelSmoothing))
    for part in unfreezing {
      try demand(part.epoch >= 2 && part.epoch <= epochs, .unfreezing(part, epochs: epochs))
    }
    if let patience { try demand(patience >= 1, .patience(patience)) }
    switch warmup {
    case .steps(let steps): try demand(steps >= 0, .warmupSteps(steps))
    case .ratio(let share): try demand(share >= 0 && share < 1, .warmupShare(share))
    }
  }
}
