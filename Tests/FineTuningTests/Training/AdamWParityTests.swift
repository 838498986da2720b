import CheckpointFiles
import ParameterSurgery
import Testing

@testable import FineTuning

@Suite struct `Twenty AdamW steps equal PyTorch's` {
  /// A trainer over the twenty batches of the fixtures, with the options of the script that made
  /// them, and the indices of each batch.
  private func trainer(
    decay: TrainingOptions.DecayRule = .all, trainable: (String) -> TrainableRows
  ) throws -> (trainer: Trainer, batches: [[Int]]) {
    let reference = try Reference("batches")
    var ids: [[Int32]] = []
    var types: [[Int32]] = []
    var labels: [Int] = []
    var batches: [[Int]] = []
    for index in 0..<20 {
      let batch = try reference.examples("batch.\(index).")
      batches.append(Array(ids.count..<ids.count + batch.labels.count))
      ids += batch.examples.map(\.ids)
      types += batch.examples.map(\.types)
      labels += batch.labels
    }
    let data = TokenizedDataset(ids: ids, types: types, targets: labels.map { .label($0) })
    var options = TrainingOptions()
    options.epochs = 1
    options.batchSize = 4
    options.warmup = .steps(4)
    options.usesDropout = false
    options.decay = decay
    let model = try TinyClassifier.make(trainable: trainable)
    let trainer = try Trainer(
      model: model, training: data, evaluation: data, options: options, rates: LearningRates(1e-3),
      padding: nil)
    return (trainer, batches)
  }

  private func run(
    _ fixture: String, decay: TrainingOptions.DecayRule = .all,
    trainable: (String) -> TrainableRows
  ) throws -> (model: Classifier, reference: Reference) {
    let reference = try Reference(fixture)
    let (trainer, batches) = try trainer(decay: decay, trainable: trainable)
    let losses = try reference.floats("losses")
    for (step, batch) in batches.enumerated() {
      let result = try trainer.update(batch, divisor: Double(batch.count))
      #expect(abs(Float(result.loss) - losses[step]) < 1e-3, "loss of step \(step)")
    }
    return (trainer.model, reference)
  }

  private func compareFinal(
    _ model: Classifier, _ reference: Reference, tolerance: Float = 2e-3
  ) throws {
    var compared = 0
    for key in reference.tensors.keys where key.string.hasPrefix("final.") {
      let name = String(key.string.dropFirst(6))
      // The gradient of a key's bias is rounding alone, which Adam magnifies.
      if name.hasSuffix("key.bias") || name.hasPrefix("bert.pooler") { continue }
      let parameter = model.parameters[name: name]
      #expect(
        relativeError(
          parameter.stackedRows().elements.array, try reference.floats(key.string)) < tolerance,
        "\(name)")
      compared += 1
    }
    #expect(compared > 0)
  }

  @Test func `with everything trainable`() throws {
    let (model, reference) = try run("adamw-all") { _ in .all }
    try compareFinal(model, reference)
  }

  @Test func `with biases and LayerNorms exempt from decay`() throws {
    let (model, reference) = try run("adamw-no-decay", decay: .weights) { _ in .all }
    try compareFinal(model, reference)
  }

  @Test func `with a mask, and what it freezes stays as it was`() throws {
    let trained: Set = [
      "linear.0.weight", "linear.0.bias", "linear.2.weight", "linear.2.bias",
      "bert.encoder.layer.1.attention.output.LayerNorm.weight",
      "bert.encoder.layer.1.attention.output.LayerNorm.bias",
      "bert.encoder.layer.1.output.LayerNorm.weight",
      "bert.encoder.layer.1.output.LayerNorm.bias",
      "bert.encoder.layer.1.output.dense.bias",
      "bert.encoder.layer.0.attention.self.query.bias",
    ]
    let (model, reference) = try run("adamw-mask") { trained.contains($0) ? .all : .none }
    try compareFinal(model, reference)
    let start = try TinyClassifier.checkpoint()
    for parameter in model.parameters.parameters where !parameter.trains {
      #expect(parameter.training == nil)
      #expect(try parameter.values.elements.array == start[parameter.key]?.floats())
    }
  }

  @Test func `with twenty rows of the vocabulary, and the other rows stay as they were`() throws {
    let reference = try Reference("adamw-rows")
    let bounds = try reference.integers("rows")
    let rows = [bounds[0]..<bounds[1], bounds[2]..<bounds[3]]
    let words = "bert.embeddings.word_embeddings.weight"
    let (model, _) = try run("adamw-rows") { name in
      name == words ? .ranges(rows) : name.hasPrefix("linear.") ? .all : .none
    }
    try compareFinal(model, reference)
    let table = model.parameters[name: words]
    #expect(try #require(table.training).gradient.rows == 20)
    let start = try #require(try TinyClassifier.checkpoint()[Key(words)]).floats()
    for row in 0..<table.values.rows where !rows.contains(where: { $0.contains(row) }) {
      let columns = table.values.columns
      #expect(table.values.row(row).array == Array(start[row * columns..<(row + 1) * columns]))
    }
  }

  @Test func `with a layer unfrozen after ten, as add_param_group does`() throws {
    let reference = try Reference("adamw-unfreeze")
    let checkpoint = try TinyClassifier.checkpoint()
    let phases = try TrainingPhase.phases(
      startingWith: FreezeMask(training: ["linear"], in: ParameterTree(checkpoint)),
      unfreezing: [.init(at: 2, "bert.encoder.layer[1]")], in: ParameterTree(checkpoint))
    func build(_ phase: TrainingPhase) throws -> Classifier {
      try TinyClassifier.make(checkpoint: checkpoint) { phase.trainableRows(Key($0)) }
    }
    let (plain, batches) = try trainer { _ in .none }
    var options = plain.options
    options.epochs = 2
    options.warmup = .steps(0)
    options.schedule = .constant
    let trainer = try Trainer(
      model: build(phases[0]), training: plain.training, evaluation: plain.training,
      options: options, rates: LearningRates(1e-3), padding: nil, phases: phases, rebuild: build)
    let losses = try reference.floats("losses")
    for (step, batch) in batches.enumerated() {
      if step == 10 {
        trainer.state.epoch = 1
        try trainer.beginPhase()
      }
      let result = try trainer.update(batch, divisor: Double(batch.count))
      #expect(abs(Float(result.loss) - losses[step]) < 1e-3, "loss of step \(step)")
    }
    let norm = trainer.model.parameters[name: "bert.encoder.layer.1.output.LayerNorm.weight"]
    #expect(norm.training?.steps == 10)
    #expect(trainer.model.parameters[name: "linear.0.weight"].training?.steps == 20)
    try compareFinal(trainer.model, reference)
  }
}
