import CheckpointFiles
import EspalierTestSupport
import FineTuning
import OrderedCollections
import ParameterSurgery
import Testing

@Suite("Training runs")
struct TrainingRunTests {
  @Test(arguments: [["linear"], ["linear", "bert.encoder.layer[1]"], ["**"]])
  func `the same seed writes the same bytes, whatever the number of threads`(
    selectors: [String]
  ) throws {
    let folder = try TemporaryFolder()
    for (name, threads) in [("a", 1), ("b", 2), ("c", 3)] {
      _ = try TinyRun.make(selectors) { $0.threads = threads }.train(into: folder.path(name))
    }
    let bytes = try ["a", "b", "c"].map {
      try Fixtures.bytes(folder.path("\($0)/model.safetensors"))
    }
    #expect(bytes[0] == bytes[1])
    #expect(bytes[0] == bytes[2])
  }

  @Test func `another seed writes other bytes`() throws {
    let folder = try TemporaryFolder()
    _ = try TinyRun.make().train(into: folder.path("a"))
    _ = try TinyRun.make { $0.options.seed = 7 }.train(into: folder.path("b"))
    #expect(
      try Fixtures.bytes(folder.path("a/model.safetensors"))
        != Fixtures.bytes(folder.path("b/model.safetensors")))
  }

  @Test(arguments: ["bert-tiny", "bert-tiny-old", "bert-tiny-sharded"])
  func `a delta and its base make the model of a normal run, byte for byte`(model: String) throws {
    let folder = try TemporaryFolder()
    let selectors = ["linear", "bert.embeddings.word_embeddings.weight[100:110]"]
    _ = try TinyRun.make(selectors, model: Fixtures.path(model)).train(into: folder.path("whole"))
    _ = try TinyRun.make(selectors, model: Fixtures.path(model)) { $0.saves = .delta }.train(
      into: folder.path("delta"))
    #expect(!folder.names("delta").contains("model.safetensors"))
    let file = try #require(CheckpointDelta.path(at: folder.path("delta")))
    #expect(try Fixtures.bytes(file).count < 12_000)
    let delta = try CheckpointDelta(reading: Checkpoint.open(file))
    #expect(delta.rows.values.map(\.ranges) == [[100..<110]])
    let again = try Checkpoint.open(Fixtures.path(model)).applying(delta)
    try again.write(to: folder.path("again.safetensors"))
    #expect(
      try Fixtures.bytes(folder.path("again.safetensors"))
        == Fixtures.bytes(folder.path("whole/model.safetensors")))
    #expect(throws: SurgeryError.self) { try TinyRun.weights(folder, "whole").applying(delta) }
    let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(folder.path("delta")) }
    #expect(error?.advice == .nameBase)
  }

  @Test func `only what the mask selects moves, by rows too`() throws {
    let folder = try TemporaryFolder()
    let selectors = ["bert.embeddings.word_embeddings.weight[100:120]", "linear[0].bias"]
    let untrained = try TinyRun.make(selectors) {
      $0.options.epochs = 1
      $0.options.learningRate = 1e-30
    }
    _ = try untrained.train(into: folder.path("base"))
    let trained = try TinyRun.make(selectors)
    _ = try trained.train(into: folder.path("tuned"))
    let (base, tuned) = (try TinyRun.weights(folder, "base"), try TinyRun.weights(folder, "tuned"))
    let proof = try FrozenProof(base: base, tuned: tuned, mask: trained.mask)
    #expect(proof.holds)
    let moved = try base.tensors.filter { key, tensor in
      try tuned[key]?.bytes() != tensor.bytes()
    }.map(\.key.string)
    #expect(moved == ["bert.embeddings.word_embeddings.weight", "linear.0.bias"])
  }

  @Test func `the best epoch is the one that is kept`() throws {
    let folder = try TemporaryFolder()
    // A rate so high that later epochs are worse.
    let hot = try TinyRun.make(["**"]) {
      $0.options.learningRate = 0.05
      $0.options.epochs = 4
      $0.options.schedule = .constant
    }
    let result = try hot.train(into: folder.path("hot"))
    let best = try #require(result.records.min { $0.evalLoss < $1.evalLoss })
    #expect(result.records.filter(\.isBest).map(\.epoch) == [best.epoch])
    let classifier = try TextClassifier(try ModelDirectory(folder.path("hot")))
    let data = try classifier.relabelled(
      LabelledDataset(contentsOf: Fixtures.path("sentiment/dev.tsv")))
    let metrics = ClassificationMetrics(
      logits: try classifier.logits(of: data), labels: data.examples.compactMap(\.label),
      labelNames: classifier.settings.labels)
    #expect(metrics.accuracy == best.evalAccuracy)
    #expect(result.metrics.accuracy == best.evalAccuracy)
  }

  @Test func `patience ends a run that no longer improves`() throws {
    let folder = try TemporaryFolder()
    let result = try TinyRun.make(["**"]) {
      $0.options.learningRate = 0.05
      $0.options.epochs = 20
      $0.options.patience = 2
      $0.options.schedule = .constant
    }.train(into: folder.path("a"))
    #expect(result.stoppedEarly)
    let best = try #require(result.records.first(where: \.isBest)?.epoch)
    #expect(result.records.count == best + 2)
  }

  @Test func `a cache in a file gives the bytes of a cache in memory`() throws {
    let folder = try TemporaryFolder()
    _ = try TinyRun.make(["linear", "bert.encoder.layer[1]"]).train(into: folder.path("memory"))
    let spilling = try TinyRun.make(["linear", "bert.encoder.layer[1]"]) {
      $0.options.cacheMemory = 0
    }
    #expect(spilling.plan.cacheSpills)
    _ = try spilling.train(into: folder.path("file"))
    #expect(
      try Fixtures.bytes(folder.path("memory/model.safetensors"))
        == Fixtures.bytes(folder.path("file/model.safetensors")))
  }

  @Test func `the cached trunk gives the losses of a trunk that runs in every epoch`() throws {
    let folder = try TemporaryFolder()
    let cached = try TinyRun.make {
      $0.options.usesDropout = false
      $0.options.maximumGradientNorm = 0
    }.train(into: folder.path("a"))
    // A row of the word embeddings that no text uses trains: nothing below is frozen, nothing moves.
    let whole = try TinyRun.make(["linear", "bert.embeddings.word_embeddings.weight[0:1]"]) {
      $0.options.usesDropout = false
      $0.options.maximumGradientNorm = 0
    }
    let recomputed = try whole.train(into: folder.path("b"))
    #expect(whole.plan.cached == nil)
    for (a, b) in zip(cached.records, recomputed.records) {
      #expect(abs(a.trainLoss - b.trainLoss) < 2e-4)
      #expect(abs(a.evalLoss - b.evalLoss) < 2e-4)
    }
  }

  @Test func `what no gradient reaches is named and stays`() throws {
    let some = try TinyRun.make(["linear", "bert.pooler"])
    #expect(some.plan.notes.contains { $0.description.contains("bert.pooler.dense.weight") })
    #expect(some.mask["bert.pooler.dense.weight"] == .frozen)
    let error = #expect(throws: FineTuningError.self) { try TinyRun.make(["bert.pooler"]) }
    #expect(error?.description.contains("pooler") == true)
  }

  @Test func `rates fall with the layers, and a selector has one of its own`() throws {
    let plan = try TinyRun.make(["linear", "bert.encoder.layer[*].output.dense.bias"]) {
      $0.options.layerDecay = 0.5
      $0.options.selectedRates = [.init("linear[2]", 0.25)]
    }.plan
    let rates = Dictionary(uniqueKeysWithValues: plan.tensors.map { ($0.name, $0.learningRate) })
    #expect(
      rates == [
        "bert.encoder.layer.0.output.dense.bias": 0.25e-3,
        "bert.encoder.layer.1.output.dense.bias": 0.5e-3,
        "linear.0.weight": 1e-3, "linear.0.bias": 1e-3,
        "linear.2.weight": 0.25, "linear.2.bias": 0.25,
      ])
    #expect(throws: FineTuningError.self) {
      try TinyRun.make { $0.options.selectedRates = [.init("bert.pooler", 1)] }
    }
  }

  @Test func `a rate of nothing moves nothing`() throws {
    let folder = try TemporaryFolder()
    _ = try TinyRun.make {
      $0.options.selectedRates = [.init("linear[0].weight", 0)]
      $0.options.epochs = 1
    }.train(into: folder.path("a"))
    _ = try TinyRun.make {
      $0.options.selectedRates = [.init("linear", 0)]
      $0.options.epochs = 1
    }.train(into: folder.path("b"))
    let (a, b) = (try TinyRun.weights(folder, "a"), try TinyRun.weights(folder, "b"))
    let same = try TinyRun.sameTensors(a, b).map(\.string).filter { $0.hasPrefix("linear") }
    #expect(same == ["linear.0.weight"])
  }

  @Test func `one label is no classification`() throws {
    let error = #expect(throws: FineTuningError.self) {
      try TinyRun.make {
        $0.training = LabelledDataset(
          examples: $0.training.examples.filter { $0.label == 0 }, labels: ["0"])
      }
    }
    #expect(error?.description.contains("two labels") == true)
  }

  @Test func `a loss that is not finite stops the run and names step and tensor`() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: FineTuningError.self) {
      try TinyRun.make(["**"]) {
        $0.options.learningRate = 1e30
        $0.options.maximumGradientNorm = 0
      }.train(into: folder.path("a"))
    }
    #expect(error?.description.hasPrefix("step ") == true)
    #expect(!folder.names("a").contains("model.safetensors"))
  }

  @Test func `a folder with something in it is refused`() throws {
    let folder = try TemporaryFolder()
    try folder.write("note.txt", "mine")
    #expect(throws: FineTuningError.self) { try TinyRun.make().train(into: folder.path) }
    #expect(folder.names() == ["note.txt"])
  }

  @Test func `without evaluation data a stratified tenth is held out, and said so`() throws {
    let held = try TinyRun.make(limit: 200) { $0.evaluation = nil }
    #expect(held.plan.evaluationExamples == 20)
    #expect(held.plan.examples == 180)
    #expect(held.plan.notes.contains { $0.description.contains("held out") })
  }

  @Test func `a selector that selects nothing stops before anything is written`() throws {
    #expect(throws: SurgeryError.self) { try TinyRun.make(["lineer"]) }
  }

  @Test(arguments: ["bert-tiny-sharded", "bert-tiny-old"])
  func `every spelling of one checkpoint trains to the same bytes`(model: String) throws {
    let folder = try TemporaryFolder()
    _ = try TinyRun.make(["**"]).train(into: folder.path("a"))
    _ = try TinyRun.make(["**"], model: Fixtures.path(model)).train(into: folder.path("b"))
    let (a, b) = (try TinyRun.weights(folder, "a"), try TinyRun.weights(folder, "b"))
    #expect(Array(a.keys) == Array(b.keys))
    #expect(try TinyRun.sameTensors(a, b) == Array(a.keys))
  }

  @Test func `a folder of a run holds a model, its tokenizer, mask, labels and history`() throws {
    let folder = try TemporaryFolder()
    _ = try TinyRun.make().train(
      into: folder.path("a"),
      documents: { [.init(name: "figures.txt", text: "\($0.records.count) epochs")] })
    #expect(try Fixtures.bytes(folder.path("a/figures.txt")) == Array("3 epochs".utf8))
    let names = Set(folder.names("a"))
    for name in [
      "config.json", "model.safetensors", "vocab.txt", "espalier.json", "freeze-mask.json",
      "history.jsonl",
    ] {
      #expect(names.contains(name), "\(name)")
    }
    let history = String(
      decoding: try Fixtures.bytes(folder.path("a/history.jsonl")), as: UTF8.self)
    #expect(history.split(separator: "\n").count == 3)
    let mask = try FreezeMask(path: folder.path("a/freeze-mask.json"))
    try mask.check(fits: ParameterTree(try TinyRun.weights(folder, "a")), named: "a")
  }
}
