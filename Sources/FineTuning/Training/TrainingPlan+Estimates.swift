internal import CheckpointFiles

extension TrainingPlan {
  /// The plan of a run that is ready to start.
  ///
  /// - Throws: when the digest of the frozen prefix cannot be computed.
  init(_ trainer: Trainer, notes: [String]) throws {
    let (model, options, padding) = (trainer.model, trainer.options, trainer.padding)
    let (training, evaluation) = (trainer.training, trainer.evaluation)
    let (rates, parameters) = (trainer.rates, model.parameters)
    let trained = parameters.trained
    tensors = trained.map { parameter in
      TrainedTensor(
        name: parameter.name, shape: parameter.shape.dimensions,
        rows: parameter.trainsWhole ? [] : parameter.rows, count: parameter.trainableCount,
        learningRate: rates[parameter.name])
    }
    parameterCount = parameters.parameters.reduce(0) { $0 + $1.shape.count }
    backwardStop = trained.min { $0.stage < $1.stage }?.name ?? ""
    let caches = !options.usesTrunkDropout && model.cut != .start
    cached =
      switch model.cut {
      case _ where !caches: nil
      case .start: nil
      case .layer(0): "the embeddings of every token"
      case .layer(let index): "the input of layer \(index), for every token"
      case .hidden: "the last hidden states of every token"
      case .pooled: "one pooled vector an example"
      }
    let sizes = [training, evaluation].map {
      caches ? FeatureCache.byteCount(model, $0, paddedTo: padding?.length) : 0
    }
    cacheBytes = sizes.reduce(0, +)
    let store = caches ? trainer.featureStore : nil
    cacheFolder = store?.folder
    let isStored =
      try store.map { store in
        try [training, evaluation].allSatisfy {
          store.holds(
            try store.entry(model, $0, padding: padding, precision: options.precision))
        }
      } ?? false
    cacheIsStored = isStored
    cacheSpills = sizes.contains { $0 > options.cacheMemory }
    trunkDropout = options.usesTrunkDropout
    examples = training.count
    tokens = training.tokenCount
    evaluationExamples = evaluation.count
    steps = Trainer.updates(training.count, options) * options.epochs
    learningRate = options.learningRate ?? 0
    self.notes = notes

    let cost = CostModel(model: model, options: options, padding: padding)
    expectedMemory = cost.memory(
      training,
      cacheBytes: isStored ? 0 : sizes.reduce(0) { $0 + ($1 > options.cacheMemory ? 0 : $1) })
    let rate = cost.measuredRate()
    let later = cost.laterEpoch(training, evaluation) / rate
    expectedLaterEpoch = later
    expectedFirstEpoch =
      later + (caches && !isStored ? cost.prefix(training, evaluation) / rate : 0)
  }
}

/// The arithmetic and the memory of a run, for the plan's estimates.
private struct CostModel {
  let model: Classifier
  let options: TrainingOptions
  let padding: (length: Int, token: Int32)?

  /// Operations of one token's way through one layer, but for attention over positions: a
  /// multiplication and an addition for each weight.
  private var layerFlops: Double {
    let c = Double(model.configuration.hiddenSize)
    let f = Double(model.configuration.intermediateSize)
    return 2 * (4 * c * c + 2 * c * f)
  }

  /// Layers below the cut and above it.
  private var layers: (below: Double, above: Double) {
    let count = Double(model.configuration.layerCount)
    return switch model.cut {
    case .start: (0, count)
    case .layer(let index): (Double(index), count - Double(index))
    case .hidden, .pooled: (count, 0)
    }
  }

  private func tokens(_ data: TokenizedDataset) -> Double {
    Double(data.ids.reduce(0) { $0 + max($1.count, padding?.length ?? 0) })
  }

  /// Operations of the frozen prefix over both data sets.
  func prefix(_ training: TokenizedDataset, _ evaluation: TokenizedDataset) -> Double {
    layers.below * layerFlops * (tokens(training) + tokens(evaluation))
  }

  /// Operations of an epoch above the cut: forward, the gradients of what layers read, the gradients
  /// of the weights that train, and the evaluation.
  func laterEpoch(_ training: TokenizedDataset, _ evaluation: TokenizedDataset) -> Double {
    let above = layers.above * layerFlops
    let weights = model.parameters.trained.reduce(0.0) { sum, parameter in
      parameter.shape.rank == 2 && parameter.stage > .embeddings
        ? sum + 2 * Double(parameter.trainableCount) : sum
    }
    let trunk = options.usesTrunkDropout ? layers.below * layerFlops : 0
    return tokens(training) * (2 * above + weights + trunk) + tokens(evaluation) * (above + trunk)
      + 40 * Double(model.parameters.trained.reduce(0) { $0 + $1.trainableCount })
      * Double(Trainer.updates(training.count, options))
  }

  /// Bytes at the peak: what trains four times (values, gradient, two moments) and once more while
  /// the best rows stay in memory, frozen weights once, features, and the tape of a batch.
  func memory(_ training: TokenizedDataset, cacheBytes: Int) -> Int {
    let configuration = model.configuration
    let trained = model.parameters.trained.reduce(0) { $0 + $1.trainableCount }
    let all = model.parameters.parameters.reduce(0) { $0 + $1.shape.count }
    let mean = tokens(training) / Double(max(1, training.count))
    let batch = min(Double(options.batchSize) * mean * 1.3, tokens(training))
    let tape =
      layers.above * batch
      * Double(10 * configuration.hiddenSize + configuration.intermediateSize)
    let pass =
      Double(Trainer.groupTokens(configuration))
      * Double(6 * configuration.hiddenSize + configuration.intermediateSize)
    let copies = 4 * trained > BestRows.memoryLimit ? 3 : 4
    return 4 * (all + copies * trained) + cacheBytes + Int(4 * (tape + pass)) + 30_000_000
  }

  /// Operations a second, measured by a product of the model's own shape.
  func measuredRate() -> Double {
    let width = model.configuration.hiddenSize
    let x = Matrix(rows: 512, columns: width)
    let weight = Matrix(rows: width, columns: width)
    let out = Matrix(rows: 512, columns: width)
    let clock = ContinuousClock()
    let flops = 2 * 512 * Double(width) * Double(width)
    model.math.multiply(out, x, weight, transpose: .second)
    let start = clock.now
    var count = 0
    while count < 3 || (seconds(clock.now - start) < 0.01 && count < 1000) {
      model.math.multiply(out, x, weight, transpose: .second)
      count += 1
    }
    // Row kernels and attention take a share that the product's rate does not show.
    return 0.75 * flops * Double(count) / max(1e-6, seconds(clock.now - start))
  }
}
