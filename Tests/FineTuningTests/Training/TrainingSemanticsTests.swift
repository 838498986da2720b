import CheckpointFiles
import EspalierTestSupport
import FineTuning
import OrderedCollections
import ParameterSurgery
import Testing

@Suite("What training means")
struct TrainingSemanticsTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private let words: Key = "bert.embeddings.word_embeddings.weight"
  private let decoder: Key = "cls.predictions.decoder.weight"

  /// A run over a checkpoint in which the decoder of the language model is tied to the words.
  private func tied(
    _ selectors: [String], _ change: (inout TrainingRun.Request) throws -> Void = { _ in }
  ) throws -> TrainingRun {
    try TinyRun.make(selectors, model: Fixtures.path("bert-tiny-old"), change)
  }

  private func weights(_ name: String) throws -> Checkpoint {
    try Checkpoint.open(folder.path("\(name)/model.safetensors"))
  }

  @Test func `the fixture is tied`() throws {
    let tree = ParameterTree(try Checkpoint.open(Fixtures.path("bert-tiny-old")))
    #expect(tree.ties.contains { Set($0) == [words, decoder] })
  }

  @Test func `of a tie the classifier's own name trains, and is the one written`() throws {
    let run = try tied([words.string, decoder.string, "linear"])
    #expect(run.plan.tensors.contains { $0.name == words.string })
    #expect(
      run.plan.notes.contains {
        $0.description.contains(
          "\"\(decoder)\" is \"\(words)\" under another name: it trains there")
      })
    _ = try run.train(into: folder.path("a"))
    let tuned = try weights("a")
    #expect(tuned[decoder] == nil)
    #expect(run.mask[decoder] == nil)
    #expect(run.mask[words] == .trainable)
    let base = try Checkpoint.open(Fixtures.path("bert-tiny-old"))
    #expect(try tuned[words]?.bytes() != base[words]?.bytes())
    // The base stays as it is: what trains is a copy, tie or not.
    #expect(try base[words]?.bytes() == base[decoder]?.bytes())
    // Selecting the words alone is the same run.
    _ = try tied([words.string, "linear"]).train(into: folder.path("b"))
    #expect(
      try Fixtures.bytes(folder.path("a/model.safetensors"))
        == Fixtures.bytes(folder.path("b/model.safetensors")))
  }

  @Test func `the other name of a tie alone is refused, with the one to select`() throws {
    let error = #expect(throws: FineTuningError.self) { try tied([decoder.string]) }
    #expect(error?.description.contains("select that") == true)
    #expect(error?.description.contains(words.string) == true)
    let run = try tied([decoder.string, "linear"])
    #expect(run.mask[words] == .frozen)
    #expect(run.plan.notes.contains { $0.description.contains("select that") })
  }

  @Test func `a delta of a tied base makes the model of a normal run`() throws {
    _ = try tied([words.string]).train(into: folder.path("whole"))
    _ = try tied([words.string]) { $0.saves = .delta }.train(into: folder.path("delta"))
    let file = try #require(CheckpointDelta.path(at: folder.path("delta")))
    let again = try Checkpoint.open(Fixtures.path("bert-tiny-old")).applying(
      CheckpointDelta(reading: Checkpoint.open(file)))
    #expect(try TinyRun.sameTensors(again, weights("whole")).count == again.tensors.count)
  }

  /// One epoch over 60 examples: updates of 16, and the last of 12.
  private func accumulated(
    _ batch: Int, _ accumulation: Int, _ name: String,
    _ change: (inout TrainingRun.Request) throws -> Void
  ) throws -> [Key: [Float]] {
    let run = try TinyRun.make(["linear", "bert.encoder.layer[1]"], limit: 60) {
      $0.options.epochs = 1
      $0.options.batchSize = batch
      $0.options.accumulation = accumulation
      $0.options.usesDropout = false
      try change(&$0)
    }
    #expect(run.plan.steps == 4)
    _ = try run.train(into: folder.path(name))
    let tuned = try weights(name)
    return Dictionary(
      uniqueKeysWithValues: try tuned.keys.map { ($0, try tuned[$0]?.floats() ?? []) })
  }

  @Test(arguments: [false, true])
  func `an update over several batches is one over all their examples`(weighs: Bool) throws {
    func change(_ request: inout TrainingRun.Request) {
      guard weighs else { return }
      // Labels that are not balanced: a mean of means would weigh examples by their batch.
      request.options.balancesLabels = true
      request.options.labelSmoothing = 0.1
      request.training = LabelledDataset(
        examples: request.training.examples.enumerated().map { index, example in
          LabelledDataset.Example(text: example.text, label: index % 5 == 0 ? 1 : 0)
        }, labels: request.training.labels)
    }
    let whole = try accumulated(16, 1, "whole", change)
    for (batch, accumulation) in [(8, 2), (4, 4), (1, 16)] {
      let parts = try accumulated(batch, accumulation, "\(batch)", change)
      for (key, values) in whole {
        let other = try #require(parts[key])
        let worst = zip(values, other).reduce(0) { max($0, abs($1.0 - $1.1)) }
        // Adam divides by the gradient's size: of a key's bias, whose gradient is rounding, nothing holds.
        if key.string.hasSuffix("key.bias") { continue }
        #expect(worst < 2e-5, "\(key), \(batch) × \(accumulation): \(worst)")
      }
    }
  }

  @Test func `a figure that is not a number never makes an epoch the best`() throws {
    // Right numbers that are all the same: no correlation exists.
    let run = try TinyRun.make {
      $0.training = LabelledDataset(
        examples: $0.training.examples.map {
          LabelledDataset.Example(text: $0.text, target: .value(1))
        }, labels: [], task: .regression)
      $0.evaluation = $0.training
      $0.options.criterion = .pearson
    }
    let result = try run.train(into: folder.path("a"))
    #expect(result.records.allSatisfy { $0.evalPearson?.isNaN == true })
    #expect(result.records.map(\.isBest) == [true, false, false])
  }

  @Test func `a run that diverges later names step and tensor, and keeps what was stored`() throws {
    let change = { (request: inout TrainingRun.Request) in
      request.options.maximumGradientNorm = 0
      request.options.unfreezing = [.init(at: 2, "bert.encoder.layer[1].intermediate.dense")]
      request.options.selectedRates = [.init("bert.encoder.layer[1].intermediate.dense", 1e30)]
    }
    let error = #expect(throws: FineTuningError.self) {
      try TinyRun.make(["linear"], change).train(into: folder.path("a"))
    }
    // Eight updates an epoch: the ninth is the first with the layer, and LayerNorm holds out for one more.
    let text = try #require(error?.description)
    #expect(text.hasPrefix("step 11: the gradient of \"bert.encoder.layer.1."), "\(text)")
    #expect(!folder.names("a").contains("model.safetensors"))
    let stored = try StoredRun(folder: folder.path("a"))
    #expect(stored.trainedNames.count == 4)
  }

  @Test(arguments: [
    ("encoder.layer.0.output.dense.weight", Float.nan), ("linear.0.weight", .infinity),
    ("embeddings.LayerNorm.bias", -.infinity),
  ])
  func `a weight that is not finite is named before the first step`(
    _ tensor: String, _ value: Float
  ) throws {
    let key = Key(tensor)
    _ = try TinyRun.make { $0.options.epochs = 1 }.train(into: folder.path("base"))
    var model = try TinyRun.weights(folder, "base")
    let name = model[key] == nil ? Key("bert.\(key.string)") : key
    let tensor = try #require(model[name])
    var elements = try tensor.floats()
    elements[3] = value
    model.tensors[name] = Tensor(elements, shape: tensor.shape)
    try model.write(to: folder.path("new.safetensors"))
    try folder.write(
      "base/model.safetensors", bytes: Fixtures.bytes(folder.path("new.safetensors")))
    let run = try TinyRun.make(model: folder.path("base")) { $0.head = nil }
    let error = #expect(throws: FineTuningError.self) { try run.train(into: folder.path("out")) }
    #expect(error?.kind == .malformedModel)
    #expect(error?.key == name)
    #expect(
      error?.description.contains("is \(value) at element 3") == true,
      "\(String(describing: error))")
    #expect(!folder.names().contains("out"))
  }
}
