import CheckpointFiles
import EspalierTestSupport
import FineTuning
import OrderedCollections
import ParameterSurgery
import Testing

@Suite("Resumed runs")
struct ResumedRunTests {
  /// Trains one epoch and a part of the next.
  private func stop(_ run: TrainingRun, in folder: String) throws {
    #expect(throws: Interruption.self) {
      try run.train(into: folder) {
        if case .step(2, 2, _, _, _) = $0 { throw Interruption() }
      }
    }
  }

  @Test(
    arguments: [["linear"], ["bert.encoder.layer[0].output.dense.bias", "linear"], ["**"]],
    [1, 2])
  func `a run that was stopped goes on bit for bit`(selectors: [String], epochs: Int) throws {
    let folder = try TemporaryFolder()
    let whole = try TinyRun.make(selectors).train(into: folder.path("whole"))
    #expect(throws: Interruption.self) {
      try TinyRun.make(selectors).train(into: folder.path("stopped")) { event in
        // Stopped in the middle of the epoch that follows.
        if case .step(let epoch, let step, _, _, _) = event, epoch > epochs, step > 2 {
          throw Interruption()
        }
      }
    }
    let resumed = try TinyRun.make(selectors) {
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
    let whole = try TinyRun.make(["**"], change).train(into: folder.path("whole"))
    let last = whole.records.count
    try #require(whole.stoppedEarly && last > 2)
    // One stale epoch is stored, the second is under way.
    #expect(throws: Interruption.self) {
      try TinyRun.make(["**"], change).train(into: folder.path("stopped")) {
        if case .step(let epoch, 3, _, _, _) = $0, epoch == last { throw Interruption() }
      }
    }
    let resumed = try TinyRun.make(["**"]) {
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
      try TinyRun.make().train(into: folder.path("a")) {
        if case .epoch(let record) = $0, record.epoch == 3 { throw Interruption() }
      }
    }
    #expect(
      folder.names("a").filter { !$0.hasPrefix("frozen-trunk-") } == ["history.jsonl", name])
    // Nobody takes the folder for a checkpoint.
    #expect(throws: CheckpointError.self) { try Checkpoint.open(folder.path("a")) }
    _ = try TinyRun.make { $0.resuming = try StoredRun(folder: folder.path("a")) }
      .train(into: folder.path("a"))
    _ = try TinyRun.make().train(into: folder.path("whole"))
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
    _ = try TinyRun.make(["**"], model: folder.path).train(into: folder.path("whole"))
    try stop(try TinyRun.make(["**"], model: folder.path), in: folder.path("stopped"))
    _ = try TinyRun.make(["**"], model: folder.path) {
      $0.resuming = try StoredRun(folder: folder.path("stopped"))
    }.train(into: folder.path("stopped"))
    #expect(
      try Fixtures.bytes(folder.path("whole/model.safetensors"))
        == Fixtures.bytes(folder.path("stopped/model.safetensors")))
    #expect(
      try TinyRun.weights(folder, "whole")["bert.embeddings.LayerNorm.bias"]?.dtype == .bfloat16)
  }

  @Test func `a run does not go on with other settings`() throws {
    let folder = try TemporaryFolder()
    try stop(try TinyRun.make(), in: folder.path("a"))
    let stored = try StoredRun(folder: folder.path("a"))
    let error = #expect(throws: FineTuningError.self) {
      try TinyRun.make {
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
    try stop(try TinyRun.make(selectors), in: folder.path("a"))
    let again = try TinyRun.make(selectors) {
      $0.resuming = try StoredRun(folder: folder.path("a"))
      $0.selection = .resumed
    }
    #expect(try again.mask.states == TinyRun.make(selectors).mask.states)
  }

  @Test func `another mask keeps the state of what goes on and the values of what does not`() throws
  {
    let folder = try TemporaryFolder()
    let rows = "bert.embeddings.word_embeddings.weight"
    #expect(throws: Interruption.self) {
      try TinyRun.make(["linear[0]", "\(rows)[100:140]"]).train(into: folder.path("a")) {
        if case .step(2, 2, _, _, _) = $0 { throw Interruption() }
      }
    }
    let state = try Checkpoint.open(folder.path("a/training-state.espalier"))
    let resumed = try TinyRun.make(["linear[0].weight", "linear[2]", "\(rows)[120:160]"]) {
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
    let third = try TinyRun.make(["linear[2]"]) {
      $0.resuming = try StoredRun(folder: folder.path("a"))
    }
    #expect(third.resumption?.dropped.sorted() == [rows, "linear.0.weight"])
    let result = try third.train(into: folder.path("a"))
    #expect(result.records.map(\.isBest) == [false, false, true])
    let tuned = try TinyRun.weights(folder, "a")
    #expect(
      try tuned["linear.0.bias"]?.bytes() == state["value.linear.0.bias"]?.bytes())
    let width = 32 * 4
    let before = try #require(try state[Key("value.\(rows)")]?.bytes())
    let after = try #require(try tuned[Key(rows)]?.bytes())
    #expect(Array(before[..<(20 * width)]) == Array(after[(100 * width)..<(120 * width)]))
    #expect(Array(before[(20 * width)...]) != Array(after[(120 * width)..<(140 * width)]))
    // All epochs are done: there is nothing left for a fourth mask.
    #expect(throws: FineTuningError.self) {
      try TinyRun.make(["linear[0]"]) { $0.resuming = try StoredRun(folder: folder.path("a")) }
    }
  }

  @Test func `the mask beside the result is what trained in all parts of the run`() throws {
    let folder = try TemporaryFolder()
    let rows: Key = "bert.embeddings.word_embeddings.weight"
    _ = try TinyRun.make {
      $0.options.epochs = 1
      $0.options.learningRate = 1e-30
    }.train(into: folder.path("base"))
    let base = folder.path("base")
    let first = ["linear", "bert.encoder.layer[-1]", "\(rows)[100:140]"]
    try stop(try TinyRun.make(first, model: base) { $0.head = nil }, in: folder.path("a"))
    let narrower = try TinyRun.make(["linear", "\(rows)[120:160]"], model: base) {
      $0.head = nil
      $0.resuming = try StoredRun(folder: folder.path("a"))
    }
    _ = try narrower.train(into: folder.path("a"))
    let mask = try FreezeMask(path: folder.path("a/freeze-mask.json"))
    #expect(mask == narrower.mask)
    #expect(mask["bert.encoder.layer.1.output.dense.bias"] == .trainable)
    #expect(mask["bert.encoder.layer.0.output.dense.bias"] == .frozen)
    #expect(mask[rows] == .rows(RowSet([100..<160])))
    let (before, after) = (try TinyRun.weights(folder, "base"), try TinyRun.weights(folder, "a"))
    #expect(try FrozenProof(base: before, tuned: after, mask: mask).holds)
    // The mask of the last part alone would be wrong about the first.
    let last = try FreezeMask(
      training: ["linear", "\(rows)[120:160]"], in: ParameterTree(before))
    #expect(try !FrozenProof(base: before, tuned: after, mask: last).holds)
  }
}
