internal import CheckpointFiles
internal import ParameterSurgery

/// What trains in a phase of a run, without the memory for it.
struct PhaseOutline {
  /// The parameters that train and their rows, in the order of the state dict.
  let trained: [(parameter: Parameter, rows: RowSet, count: Int)]
  let cut: Classifier.Cut

  init(_ phase: TrainingPhase, _ store: ParameterStore) {
    trained = store.parameters.compactMap { parameter in
      let rows = phase.rows(of: parameter, in: store)
      return rows.isEmpty ? nil : (parameter, rows, rows.count * parameter.values.columns)
    }
    cut = Classifier.Cut(lowestTrained: trained.map(\.parameter.stage).min())
  }

  /// Elements that train.
  var count: Int { trained.reduce(0) { $0 + $1.count } }

  /// The lowest tensor that trains.
  var backwardStop: String {
    trained.min { $0.parameter.stage < $1.parameter.stage }?.parameter.name ?? ""
  }

  /// The tensors as a plan lists them.
  func tensors(_ rates: LearningRates, peak: Double) -> [TrainingPlan.TrainedTensor] {
    trained.map { parameter, rows, count in
      TrainingPlan.TrainedTensor(
        name: parameter.name, shape: parameter.shape.dimensions,
        rows: rows == RowSet([0..<parameter.values.rows]) ? [] : rows.ranges, count: count,
        learningRate: rates[parameter.name] * peak)
    }
  }

  /// What the frozen prefix computes; `nil` when nothing is kept.
  func cached(_ options: TrainingOptions) -> TrainingPlan.CachedFeatures? {
    switch cut {
    case _ where options.usesTrunkDropout: nil
    case .start: nil
    case .layer(0): .embeddings
    case .layer(let index): .layerInput(index)
    case .feedForward(let index): .feedForwardInput(index)
    case .hidden: .hiddenStates
    case .pooled: .pooledVectors
    }
  }
}

/// The arithmetic and the memory of a run, for the plan's estimates.
struct CostModel {
  let model: Classifier
  let outline: PhaseOutline
  let options: TrainingOptions
  let padding: (length: Int, token: Int32)?

  /// Operations of one token's way through one layer, but for attention over positions: a
  /// multiplication and an addition for each weight.
  private var layerFlops: Double {
    let c = Double(model.configuration.hiddenSize)
    let f = Double(model.configuration.intermediateSize)
    return 2 * (4 * c * c + 2 * c * f)
  }

  /// The share of a layer's operations that lies before its feed-forward.
  private var attentionShare: Double {
    let c = Double(model.configuration.hiddenSize)
    let f = Double(model.configuration.intermediateSize)
    return 4 * c * c / (4 * c * c + 2 * c * f)
  }

  /// Layers below the cut and above it.
  private var layers: (below: Double, above: Double) {
    let count = Double(model.configuration.layerCount)
    return switch outline.cut {
    case .start: (0, count)
    case .layer(let index): (Double(index), count - Double(index))
    case .feedForward(let index):
      (Double(index) + attentionShare, count - Double(index) - attentionShare)
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
    let weights = outline.trained.reduce(0.0) { sum, part in
      part.parameter.shape.rank == 2 && part.parameter.stage > .embeddings
        ? sum + 2 * Double(part.count) : sum
    }
    let trunk = options.usesTrunkDropout ? layers.below * layerFlops : 0
    return tokens(training) * (2 * above + weights + trunk) + tokens(evaluation) * (above + trunk)
      + 40 * Double(outline.count) * Double(Trainer.updates(training.count, options))
  }

  /// Bytes at the peak: what trains four times (values, gradient, two moments) and once more while
  /// the best rows stay in memory, frozen weights once, features, and the tape of a batch.
  func memory(_ training: TokenizedDataset, cacheBytes: Int) -> Int {
    let configuration = model.configuration
    let trained = outline.count
    let all = model.parameters.parameters.reduce(0) { $0 + $1.shape.count }
    let mean = tokens(training) / Double(max(1, training.count))
    let batch = min(Double(options.batchSize) * mean * 1.3, tokens(training))
    let tape =
      layers.above * batch
      * Double(10 * configuration.hiddenSize + configuration.intermediateSize)
    let pass =
      Double(Trainer.groupTokens(configuration))
      * Double(6 * configuration.hiddenSize + configuration.intermediateSize)
    // Rounded rows are evaluated while the exact ones wait.
    let rounds = outline.trained.contains { $0.parameter.tensor.dtype != .float32 }
    let copies = (4 * trained > BestRows.memoryLimit ? 3 : 4) + (rounds ? 1 : 0)
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
