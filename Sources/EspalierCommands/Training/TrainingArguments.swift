import ArgumentParser
import FineTuning

/// How `train` trains.
struct TrainingArguments: ParsableArguments {
  @Option(help: "Passes over the training data.")
  var epochs = 3

  @Option(help: "Examples in a batch.")
  var batchSize = 32

  @Option(help: "Batches in one update.")
  var accumulate = 1

  @Option(
    name: [.customLong("lr"), .customLong("learning-rate")],
    help: ArgumentHelp(
      """
      The highest learning rate, or SELECTOR=RATE for some tensors; may be repeated. Default: 1e-3 \
      when only the head trains, otherwise 5e-5.
      """, valueName: "rate"))
  var learningRates: [RateArgument] = []

  @Option(
    name: .customLong("lr-decay"),
    help: ArgumentHelp(
      "Multiply the rate by this from layer to layer towards the input.", valueName: "factor"))
  var layerDecay = 1.0

  @Option(help: "Decoupled weight decay, as torch.optim.AdamW.")
  var weightDecay = 0.01

  @Option(help: "What decays: all, or weights (no biases and no LayerNorm).")
  var decay = TrainingOptions.DecayRule.all

  @Option(
    help: ArgumentHelp(
      "Updates of warm-up: a number, or a share of the run below 1 such as 0.1.",
      valueName: "n"))
  var warmup = Warmup.steps(0)

  @Option(help: "The learning rate after the warm-up: linear, constant or cosine.")
  var schedule = LearningRateSchedule.Decay.linear

  @Option(
    help: ArgumentHelp("The largest norm of all gradients; 0 does not clip.", valueName: "norm"))
  var maxGradNorm = 1.0

  @Option(help: "The share of each target spread over all labels.")
  var labelSmoothing = 0.0

  @Flag(
    help: """
      Weigh examples inversely to the frequency of their label, in the training loss alone: the \
      evaluation loss is that of evaluate.
      """)
  var balance = false

  @Option(
    help: """
      How hidden states become one vector: mean, mean-all, cls or pooler. Default: what the model's own class \
      or its sentence-transformers folder has, otherwise mean.
      """)
  var pooling: Pooling?

  @Option(
    help: ArgumentHelp(
      """
      The longest sequence, in tokens. Default: the model's own if it is a trained classifier or a \
      sentence-transformers folder, otherwise 128, or what the model reads if that is less. Longer texts are cut, and a note says how many.
      """, valueName: "n"))
  var maxLength: Int?

  @Option(help: "Decides the order of the data, dropout and a new head's weights.")
  var seed: UInt64 = 42

  @Option(
    help: ArgumentHelp("Stop after this many epochs without improvement.", valueName: "epochs"))
  var patience: Int?

  @Option(
    help: """
      What makes an epoch the best: loss, accuracy or f1; for several labels also micro-f1, for numbers \
      pearson or spearman.
      """)
  var bestBy = TrainingOptions.Criterion.loss

  @Flag(help: "Train without dropout.")
  var noDropout = false

  @Flag(
    help: """
      Let dropout act in the frozen trunk too, as PyTorch's model.train() does; the trunk is then \
      computed again in every epoch.
      """)
  var trunkDropout = false

  @Option(
    help: ArgumentHelp(
      "Hold at most this much of the cached trunk in memory, the rest in a temporary file.",
      valueName: "bytes"))
  var cacheMemory = ByteCount(bytes: 2_000_000_000)

  @Option(
    help: ArgumentHelp(
      """
      Keep the cached trunk in this folder for later runs. A file there holds as long as the frozen \
      weights, the texts and the settings it was computed with; it may be deleted at any time.
      """, valueName: "dir"), completion: .directory)
  var cacheDir: String?

  @Option(
    help: """
      f32, or bf16: the products of linear layers with factors rounded to bfloat16 and sums in f32, where \
      the processor multiplies it natively (elsewhere a run says so and stays in f32). bf16-emulated \
      computes that anywhere, slowly, to see what it does to a run.
      """)
  var precision = TrainingOptions.Precision.float32

  @Option(help: ArgumentHelp("Threads; default: one a core.", valueName: "n"))
  var threads: Int?

  func validate() throws {
    if let threads, !(1...ThreadPool.maximumThreads).contains(threads) {
      throw ValidationError("--threads takes a count from 1 to 1,024")
    }
    if noDropout, trunkDropout {
      throw ValidationError("--no-dropout and --trunk-dropout exclude each other")
    }
    if cacheDir != nil, trunkDropout {
      throw ValidationError("with --trunk-dropout nothing is cached: leave out --cache-dir")
    }
    do { try options.validate() } catch {
      throw ValidationError(error.description)
    }
  }

  var options: TrainingOptions {
    var options = TrainingOptions()
    options.epochs = epochs
    options.batchSize = batchSize
    options.accumulation = accumulate
    options.learningRate = learningRates.last { $0.selector == nil }?.rate
    options.selectedRates = learningRates.compactMap { argument in
      argument.selector.map { TrainingOptions.SelectedRate($0, argument.rate) }
    }
    options.layerDecay = layerDecay
    options.weightDecay = weightDecay
    options.decay = decay
    options.warmup = warmup
    options.schedule = schedule
    options.maximumGradientNorm = maxGradNorm
    options.labelSmoothing = labelSmoothing
    options.balancesLabels = balance
    options.seed = seed
    options.patience = patience
    options.criterion = bestBy
    options.usesDropout = !noDropout
    options.usesTrunkDropout = trunkDropout
    options.cacheMemory = cacheMemory.bytes
    options.precision = precision
    return options
  }
}
