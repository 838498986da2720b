import CheckpointFiles
import EspalierTestSupport
import FineTuning
import OrderedCollections
import ParameterSurgery
import Testing

@Suite("Training runs")
struct TrainingRunTests {
  /// A run over the tiny BERT and the labelled reviews.
  private func run(
    _ selectors: [String] = ["linear"], model: String = "bert-tiny", path: String? = nil,
    mask: FreezeMask? = nil,
    threads: Int = 2, limit: Int? = 64,
    _ change: (inout TrainingRun.Request) throws -> Void = { _ in }
  ) throws -> TrainingRun {
    var data = try LabelledDataset(contentsOf: Fixtures.path("sentiment/train.tsv"))
    if let limit {
      data = LabelledDataset(examples: Array(data.examples.prefix(limit)), labels: data.labels)
    }
    var request = TrainingRun.Request(
      model: try ModelDirectory(path ?? Fixtures.path(model)),
      selection: mask.map { .mask($0) } ?? .selectors(selectors), training: data)
    request.head = .mlp(width: 16)
    request.evaluation = try LabelledDataset(contentsOf: Fixtures.path("sentiment/dev.tsv"))
    request.threads = threads
    request.options.epochs = 3
    request.options.batchSize = 8
    request.options.learningRate = 1e-3
    try change(&request)
    return try TrainingRun(request)
  }

  private func weights(_ folder: TemporaryFolder, _ name: String) throws -> Checkpoint {
    try Checkpoint.open(folder.path("\(name)/model.safetensors"))
  }

  private func sameTensors(_ a: Checkpoint, _ b: Checkpoint) throws -> [Key] {
    try a.tensors.filter { key, tensor in try b[key]?.bytes() == tensor.bytes() }.map(\.key)
  }

  /// Trains one epoch and a part of the next.
  private func stop(_ run: TrainingRun, in folder: String) throws {
    #expect(throws: Interruption.self) {
      try run.train(into: folder) {
        if case .step(2, 2, _, _, _) = $0 { throw Interruption() }
      }
    }
  }

  @Test(arguments: [["linear"], ["linear", "bert.encoder.layer[1]"], ["**"]])
  func `the same seed writes the same bytes, whatever the number of threads`(
    selectors: [String]
  ) throws {
    let folder = try TemporaryFolder()
    for (name, threads) in [("a", 1), ("b", 2), ("c", 3)] {
      _ = try run(selectors, threads: threads).train(into: folder.path(name))
    }
    let bytes = try ["a", "b", "c"].map {
      try Fixtures.bytes(folder.path("\($0)/model.safetensors"))
    }
    #expect(bytes[0] == bytes[1])
    #expect(bytes[0] == bytes[2])
  }

  @Test func `another seed writes other bytes`() throws {
    let folder = try TemporaryFolder()
    _ = try run().train(into: folder.path("a"))
    _ = try run { $0.options.seed = 7 }.train(into: folder.path("b"))
    #expect(
      try Fixtures.bytes(folder.path("a/model.safetensors"))
        != Fixtures.bytes(folder.path("b/model.safetensors")))
  }

  @Test(
    arguments: [["linear"], ["bert.encoder.layer[0].output.dense.bias", "linear"], ["**"]],
    [1, 2])
  func `a run that was stopped goes on bit for bit`(selectors: [String], epochs: Int) throws {
    let folder = try TemporaryFolder()
    let whole = try run(selectors).train(into: folder.path("whole"))
    #expect(throws: Interruption.self) {
      try run(selectors).train(into: folder.path("stopped")) { event in
        // Stopped in the middle of the epoch that follows.
        if case .step(let epoch, let step, _, _, _) = event, epoch > epochs, step > 2 {
          throw Interruption()
        }
      }
    }
    let resumed = try run(selectors) {
      $0.resuming = try StoredRun(folder: folder.path("stopped"))
    }
    #expect(resumed.resumption?.isUnchanged == true)
    let result = try resumed.train(into: folder.path("stopped"))
    #expect(result.records.map(\.evalLoss) == whole.records.map(\.evalLoss))
    for file in ["model.safetensors", "freeze-mask.json"] {
      #expect(
        try Fixtures.bytes(folder.path("whole/\(file)"))
          == Fixtures.bytes(folder.path("stopped/\(file)")))
    }
    #expect(folder.names("whole") == folder.names("stopped"))
  }

  @Test func `the patience goes on where it was, to the same last epoch`() throws {
    let folder = try TemporaryFolder()
    let change = { (request: inout TrainingRun.Request) in
      request.options.learningRate = 0.05
      request.options.epochs = 20
      request.options.patience = 2
      request.options.schedule = .constant
    }
    let whole = try run(["**"], change).train(into: folder.path("whole"))
    let last = whole.records.count
    try #require(whole.stoppedEarly && last > 2)
    // One stale epoch is stored, the second is under way.
    #expect(throws: Interruption.self) {
      try run(["**"], change).train(into: folder.path("stopped")) {
        if case .step(let epoch, 3, _, _, _) = $0, epoch == last { throw Interruption() }
      }
    }
    let resumed = try run(["**"]) {
      change(&$0)
      $0.resuming = try StoredRun(folder: folder.path("stopped"))
    }.train(into: folder.path("stopped"))
    #expect(resumed.stoppedEarly)
    #expect(resumed.records.map(\.evalLoss) == whole.records.map(\.evalLoss))
    #expect(resumed.records.map(\.isBest) == whole.records.map(\.isBest))
    #expect(
      try Fixtures.bytes(folder.path("whole/model.safetensors"))
        == Fixtures.bytes(folder.path("stopped/model.safetensors")))
  }

  @Test func `the state of a run is gone when everything else is in place, and never before`()
    throws
  {
    let folder = try TemporaryFolder()
    let name = "training-state.espalier"
    // Stopped between the last epoch and the model.
    #expect(throws: Interruption.self) {
      try run().train(into: folder.path("a")) {
        if case .epoch(let record) = $0, record.epoch == 3 { throw Interruption() }
      }
    }
    #expect(folder.names("a") == ["history.jsonl", name])
    // Nobody takes the folder for a checkpoint.
    #expect(throws: CheckpointError.self) { try Checkpoint.open(folder.path("a")) }
    _ = try run { $0.resuming = try StoredRun(folder: folder.path("a")) }
      .train(into: folder.path("a"))
    _ = try run().train(into: folder.path("whole"))
    #expect(!folder.names("a").contains(name))
    #expect(
      try Fixtures.bytes(folder.path("a/model.safetensors"))
        == Fixtures.bytes(folder.path("whole/model.safetensors")))
    let error = #expect(throws: FineTuningError.self) { try StoredRun(folder: folder.path("a")) }
    #expect(error?.description.contains("finished") == true)
  }

  @Test func `a checkpoint in half precision goes on from its single-precision values`() throws {
    let folder = try TemporaryFolder()
    let base = try Checkpoint.open(Fixtures.path("bert-tiny"))
    var half = base
    for (key, tensor) in base.tensors { half.tensors[key] = try tensor.converted(to: .bfloat16) }
    for name in ["config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json"] {
      try folder.write(name, bytes: Fixtures.bytes(Fixtures.path("bert-tiny/\(name)")))
    }
    try half.write(to: folder.path("model.safetensors"))
    _ = try run(["**"], path: folder.path).train(into: folder.path("whole"))
    try stop(try run(["**"], path: folder.path), in: folder.path("stopped"))
    _ = try run(["**"], path: folder.path) {
      $0.resuming = try StoredRun(folder: folder.path("stopped"))
    }.train(into: folder.path("stopped"))
    #expect(
      try Fixtures.bytes(folder.path("whole/model.safetensors"))
        == Fixtures.bytes(folder.path("stopped/model.safetensors")))
    #expect(try weights(folder, "whole")["bert.embeddings.LayerNorm.bias"]?.dtype == .bfloat16)
  }

  @Test(arguments: ["bert-tiny", "bert-tiny-old", "bert-tiny-sharded"])
  func `a delta and its base make the model of a normal run, byte for byte`(model: String) throws {
    let folder = try TemporaryFolder()
    let selectors = ["linear", "bert.embeddings.word_embeddings.weight[100:110]"]
    _ = try run(selectors, model: model).train(into: folder.path("whole"))
    _ = try run(selectors, model: model) { $0.saves = .delta }.train(into: folder.path("delta"))
    #expect(!folder.names("delta").contains("model.safetensors"))
    let file = try #require(CheckpointDelta.path(at: folder.path("delta")))
    #expect(try Fixtures.bytes(file).count < 12_000)
    let delta = try CheckpointDelta(reading: Checkpoint.open(file))
    #expect(delta.rows.values.map(\.ranges) == [[100..<110]])
    let again = try delta.apply(to: Checkpoint.open(Fixtures.path(model)))
    try again.write(to: folder.path("again.safetensors"))
    #expect(
      try Fixtures.bytes(folder.path("again.safetensors"))
        == Fixtures.bytes(folder.path("whole/model.safetensors")))
    #expect(throws: SurgeryError.self) { try delta.apply(to: weights(folder, "whole")) }
    let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(folder.path("delta")) }
    #expect(error?.description.contains("delta apply") == true)
  }

  @Test func `a run does not go on with other settings`() throws {
    let folder = try TemporaryFolder()
    try stop(try run(), in: folder.path("a"))
    let stored = try StoredRun(folder: folder.path("a"))
    let error = #expect(throws: FineTuningError.self) {
      try run {
        $0.options.weightDecay = 0.5
        $0.resuming = stored
      }
    }
    #expect(error?.description.contains("options") == true)
    #expect(throws: FineTuningError.self) { try StoredRun(folder: folder.path("none")) }
  }

  @Test func `a resumed run takes its mask from the state`() throws {
    let folder = try TemporaryFolder()
    let selectors = ["linear[0]", "bert.embeddings.word_embeddings.weight[100:120]"]
    try stop(try run(selectors), in: folder.path("a"))
    let again = try run(selectors) {
      $0.resuming = try StoredRun(folder: folder.path("a"))
      $0.selection = .resumed
    }
    #expect(try again.mask.states == run(selectors).mask.states)
  }

  @Test func `another mask keeps the state of what goes on and the values of what does not`() throws
  {
    let folder = try TemporaryFolder()
    let rows = "bert.embeddings.word_embeddings.weight"
    #expect(throws: Interruption.self) {
      try run(["linear[0]", "\(rows)[100:140]"]).train(into: folder.path("a")) {
        if case .step(2, 2, _, _, _) = $0 { throw Interruption() }
      }
    }
    let state = try Checkpoint.open(folder.path("a/training-state.espalier"))
    let resumed = try run(["linear[0].weight", "linear[2]", "\(rows)[120:160]"]) {
      $0.resuming = try StoredRun(folder: folder.path("a"))
    }
    let resumption = try #require(resumed.resumption)
    #expect(resumption.epoch == 1)
    #expect(resumption.kept == ["linear.0.weight"])
    #expect(resumption.partlyKept == [rows])
    #expect(resumption.added == ["linear.2.weight", "linear.2.bias"])
    #expect(resumption.dropped == ["linear.0.bias"])
    #expect(throws: Interruption.self) {
      try resumed.train(into: folder.path("a")) {
        if case .step(3, 2, _, _, _) = $0 { throw Interruption() }
      }
    }
    // What was frozen under the second mask is still known to a third part of the run.
    let third = try run(["linear[2]"]) {
      $0.resuming = try StoredRun(folder: folder.path("a"))
    }
    #expect(third.resumption?.dropped.sorted() == [rows, "linear.0.weight"])
    let result = try third.train(into: folder.path("a"))
    #expect(result.records.map(\.isBest) == [false, false, true])
    let tuned = try weights(folder, "a")
    #expect(
      try tuned["linear.0.bias"]?.bytes() == state["value.linear.0.bias"]?.bytes())
    let width = 32 * 4
    let before = try #require(try state[Key("value.\(rows)")]?.bytes())
    let after = try #require(try tuned[Key(rows)]?.bytes())
    #expect(Array(before[..<(20 * width)]) == Array(after[(100 * width)..<(120 * width)]))
    #expect(Array(before[(20 * width)...]) != Array(after[(120 * width)..<(140 * width)]))
    // All epochs are done: there is nothing left for a fourth mask.
    #expect(throws: FineTuningError.self) {
      try run(["linear[0]"]) { $0.resuming = try StoredRun(folder: folder.path("a")) }
    }
  }

  @Test func `only what the mask selects moves, by rows too`() throws {
    let folder = try TemporaryFolder()
    let selectors = ["bert.embeddings.word_embeddings.weight[100:120]", "linear[0].bias"]
    let untrained = try run(selectors) {
      $0.options.epochs = 1
      $0.options.learningRate = 1e-30
    }
    _ = try untrained.train(into: folder.path("base"))
    let trained = try run(selectors)
    _ = try trained.train(into: folder.path("tuned"))
    let (base, tuned) = (try weights(folder, "base"), try weights(folder, "tuned"))
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
    let hot = try run(["**"]) {
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
    let result = try run(["**"]) {
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
    _ = try run(["linear", "bert.encoder.layer[1]"]).train(into: folder.path("memory"))
    let spilling = try run(["linear", "bert.encoder.layer[1]"]) { $0.options.cacheMemory = 0 }
    #expect(spilling.plan.cacheSpills)
    _ = try spilling.train(into: folder.path("file"))
    #expect(
      try Fixtures.bytes(folder.path("memory/model.safetensors"))
        == Fixtures.bytes(folder.path("file/model.safetensors")))
  }

  @Test func `the cached trunk gives the losses of a trunk that runs in every epoch`() throws {
    let folder = try TemporaryFolder()
    let cached = try run {
      $0.options.usesDropout = false
      $0.options.maximumGradientNorm = 0
    }.train(into: folder.path("a"))
    // A row of the word embeddings that no text uses trains: nothing below is frozen, nothing moves.
    let whole = try run(["linear", "bert.embeddings.word_embeddings.weight[0:1]"]) {
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
    let some = try run(["linear", "bert.pooler"])
    #expect(some.plan.notes.contains { $0.contains("bert.pooler.dense.weight") })
    #expect(some.mask["bert.pooler.dense.weight"] == .frozen)
    let error = #expect(throws: FineTuningError.self) { try run(["bert.pooler"]) }
    #expect(error?.description.contains("pooler") == true)
  }

  @Test func `rates fall with the layers, and a selector has one of its own`() throws {
    let plan = try run(["linear", "bert.encoder.layer[*].output.dense.bias"]) {
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
      try run { $0.options.selectedRates = [.init("bert.pooler", 1)] }
    }
  }

  @Test func `a rate of nothing moves nothing`() throws {
    let folder = try TemporaryFolder()
    _ = try run {
      $0.options.selectedRates = [.init("linear[0].weight", 0)]
      $0.options.epochs = 1
    }.train(into: folder.path("a"))
    _ = try run {
      $0.options.selectedRates = [.init("linear", 0)]
      $0.options.epochs = 1
    }.train(into: folder.path("b"))
    let (a, b) = (try weights(folder, "a"), try weights(folder, "b"))
    let same = try sameTensors(a, b).map(\.string).filter { $0.hasPrefix("linear") }
    #expect(same == ["linear.0.weight"])
  }

  @Test func `one label is no classification`() throws {
    let error = #expect(throws: FineTuningError.self) {
      try run {
        $0.training = LabelledDataset(
          examples: $0.training.examples.filter { $0.label == 0 }, labels: ["0"])
      }
    }
    #expect(error?.description.contains("two labels") == true)
  }

  @Test func `a loss that is not finite stops the run and names step and tensor`() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: FineTuningError.self) {
      try run(["**"]) {
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
    #expect(throws: FineTuningError.self) { try run().train(into: folder.path) }
    #expect(folder.names() == ["note.txt"])
  }

  @Test func `without evaluation data a stratified tenth is held out, and said so`() throws {
    let held = try run(limit: 200) { $0.evaluation = nil }
    #expect(held.plan.evaluationExamples == 20)
    #expect(held.plan.examples == 180)
    #expect(held.plan.notes.contains { $0.contains("held out") })
  }

  @Test func `a selector that selects nothing stops before anything is written`() throws {
    #expect(throws: SurgeryError.self) { try run(["lineer"]) }
  }

  @Test(arguments: ["bert-tiny-sharded", "bert-tiny-old"])
  func `every spelling of one checkpoint trains to the same bytes`(model: String) throws {
    let folder = try TemporaryFolder()
    _ = try run(["**"]).train(into: folder.path("a"))
    _ = try run(["**"], model: model).train(into: folder.path("b"))
    let (a, b) = (try weights(folder, "a"), try weights(folder, "b"))
    #expect(Array(a.keys) == Array(b.keys))
    #expect(try sameTensors(a, b) == Array(a.keys))
  }

  @Test func `a folder of a run holds a model, its tokenizer, mask, labels and history`() throws {
    let folder = try TemporaryFolder()
    _ = try run().train(into: folder.path("a"))
    let names = Set(folder.names("a"))
    for name in [
      "config.json", "model.safetensors", "vocab.txt", "espalier.json", "freeze-mask.json",
      "history.jsonl", "curve.svg", "report.html",
    ] {
      #expect(names.contains(name), "\(name)")
    }
    let history = String(
      decoding: try Fixtures.bytes(folder.path("a/history.jsonl")), as: UTF8.self)
    #expect(history.split(separator: "\n").count == 3)
    let mask = try FreezeMask(path: folder.path("a/freeze-mask.json"))
    try mask.check(fits: ParameterTree(try weights(folder, "a")), named: "a")
  }
}
