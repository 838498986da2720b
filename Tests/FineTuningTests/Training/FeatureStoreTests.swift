import CheckpointFiles
import EspalierTestSupport
import FineTuning
import OrderedCollections
import Testing

@Suite("The cache between runs")
struct FeatureStoreTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private var cache: String { folder.path("cache") }

  /// What a run did with its trunk.
  private struct Story {
    var tokensComputed = 0
    var notes: [String] = []
    var model: [UInt8] = []
    var plan: TrainingPlan
  }

  private func run(
    _ selectors: [String] = ["linear"], cached: Bool = true,
    _ change: (inout TrainingRun.Request) throws -> Void = { _ in }
  ) throws -> Story {
    let run = try TinyRun.make(selectors) {
      $0.cacheFolder = cached ? cache : nil
      try change(&$0)
    }
    var story = Story(plan: run.plan)
    let name = "run-\(folder.names().count)"
    _ = try run.train(into: folder.path(name)) {
      switch $0 {
      case .caching(let done, let total): if done == total { story.tokensComputed += total }
      case .note(let text): story.notes.append(text)
      case .step, .epoch: break
      }
    }
    story.model = try Fixtures.bytes(folder.path("\(name)/model.safetensors"))
    return story
  }

  private func files() -> [String] { folder.names("cache") }

  @Test(arguments: [["linear"], ["linear", "bert.encoder.layer[1]"]])
  func `a second run reads what the first computed, to the same bytes`(selectors: [String]) throws {
    let plain = try run(selectors, cached: false)
    let first = try run(selectors)
    #expect(first.plan.cacheFolder == cache)
    #expect(!first.plan.cacheIsStored)
    #expect(first.tokensComputed > 0)
    #expect(files().count == 2)
    let second = try run(selectors)
    #expect(second.plan.cacheIsStored)
    #expect(second.tokensComputed == 0)
    #expect(second.notes == [])
    #expect(first.model == plain.model)
    #expect(second.model == plain.model)
  }

  @Test func `what trains above the cut shares a cache`() throws {
    _ = try run(["linear[0]"])
    let other = try run(["linear[2].bias"]) { $0.options.seed = 7 }
    #expect(other.tokensComputed == 0)
    #expect(files().count == 2)
  }

  @Test func `whatever the features depend on has files of its own`() throws {
    let base = try run()
    var count = files().count
    func expectOther(
      _ what: Comment, _ selectors: [String] = ["linear"],
      _ change: (inout TrainingRun.Request) throws -> Void = { _ in }
    ) throws {
      let other = try run(selectors, change)
      #expect(other.tokensComputed > 0, what)
      #expect(!other.plan.cacheIsStored, what)
      #expect(files().count > count, what)
      count = files().count
    }
    #expect(base.tokensComputed > 0)
    try expectOther("pooling") { $0.pooling = .cls }
    try expectOther("padding") { $0.pooling = .meanAll }
    try expectOther("length of the padding") {
      $0.pooling = .meanAll
      $0.maximumLength = 40
    }
    try expectOther("truncation") { $0.maximumLength = 4 }
    try expectOther("texts") {
      $0.training = LabelledDataset(
        examples: Array($0.training.examples.dropLast()), labels: $0.training.labels)
    }
    try expectOther("cut", ["linear", "bert.encoder.layer[1]"])
    // The first weights of a run are another checkpoint's frozen prefix.
    let tuned = folder.path("other")
    _ = try TinyRun.make(["bert.encoder.layer[0].output.dense.bias"]) { $0.options.epochs = 1 }
      .train(into: tuned)
    try expectOther("weights") {
      $0.selection = .selectors(["linear"])
      $0.model = try ModelDirectory(tuned)
      $0.head = nil
    }
  }

  @Test(arguments: [0.3, 0.9, 1.0])
  func `a file that was cut off or altered is noticed and written again`(share: Double) throws {
    let first = try run()
    for name in files() {
      var bytes = try Fixtures.bytes(folder.path("cache/\(name)"))
      if share < 1 {
        bytes.removeLast(bytes.count - Int(Double(bytes.count) * share))
      } else {
        bytes[bytes.count - 5] ^= 0x10
      }
      try folder.write("cache/\(name)", bytes: bytes)
    }
    let second = try run()
    #expect(second.notes.count == 2)
    #expect(second.notes.allSatisfy { $0.contains("computed and written again") })
    #expect(second.plan.cacheIsStored == (share == 1), "the contents are not read for a plan")
    #expect(second.model == first.model)
    let third = try run()
    #expect(third.tokensComputed == 0)
    #expect(third.notes == [])
    #expect(!files().contains { !$0.hasPrefix("features-") }, "nothing temporary is left")
  }

  @Test func `a cache that cannot be written is a note, or an error before anything runs`() throws {
    try folder.write("cache", "a file")
    #expect(throws: FineTuningError.self) { try run() }
  }

  @Test func `where nothing is frozen at the bottom, a note says that nothing is kept`() throws {
    let story = try run(["**"]) { $0.options.epochs = 1 }
    #expect(story.plan.cacheFolder == nil)
    #expect(story.plan.notes.contains { $0.description.contains("no frozen prefix to keep") })
    #expect(files() == [])
  }

  @Test func `a study keeps the trunk for the next one`() throws {
    func tokens() throws -> Int {
      var total = 0
      _ = try TrainingStudy(
        .folds(3),
        of: TinyRun.request {
          $0.cacheFolder = cache
          $0.evaluation = nil
          $0.options.epochs = 1
        }
      ) { if case .caching(let done, let all) = $0, done == all { total += all } }
      return total
    }
    #expect(try tokens() > 0)
    #expect(try tokens() == 0)
  }

  @Test func `the cut is the highest one: what trains has its input cached, not more`() throws {
    let cuts: [([String], TrainingPlan.CachedFeatures?)] = [
      (["linear"], .pooledVectors),
      (["linear[2].bias"], .pooledVectors),
      (["bert.encoder.layer[-1]", "linear"], .layerInput(1)),
      (["bert.encoder.layer[0].attention.output.dense.bias"], .embeddings),
      (
        ["bert.encoder.layer[0].output.dense.bias", "bert.encoder.layer[1]"],
        .feedForwardInput(0)
      ),
      (
        ["bert.encoder.layer[1].output.LayerNorm.weight"],
        .feedForwardInput(1)
      ),
      (["bert.embeddings.LayerNorm.bias"], nil),
    ]
    for (selectors, cached) in cuts {
      let plan = try TinyRun.make(selectors).plan
      #expect(plan.cached == cached, "\(selectors)")
    }
  }

  /// A BERT of twelve layers, made of the tiny one's two.
  private func twelveLayers() throws -> String {
    let tiny = try Checkpoint.open(Fixtures.path("bert-tiny"))
    var deep = tiny
    deep.tensors = [:]
    for (key, tensor) in tiny.tensors {
      let parts = key.string.split(separator: ".", maxSplits: 3)
      guard parts.count == 4, parts[0] == "encoder", let index = Int(parts[2]) else {
        deep.tensors[key] = tensor
        continue
      }
      for layer in stride(from: index, to: 12, by: 2) {
        deep.tensors[Key("encoder.layer.\(layer).\(parts[3])")] = tensor
      }
    }
    try deep.write(to: folder.path("model.safetensors"))
    for name in ["vocab.txt", "tokenizer.json", "tokenizer_config.json"] {
      try folder.write(name, bytes: Fixtures.bytes(Fixtures.path("bert-tiny/\(name)")))
    }
    let config = String(
      decoding: try Fixtures.bytes(Fixtures.path("bert-tiny/config.json")), as: UTF8.self)
    let changed = config.split(separator: "\n").map { line in
      line.contains("num_hidden_layers") ? "  \"num_hidden_layers\": 12," : String(line)
    }
    try folder.write("config.json", changed.joined(separator: "\n"))
    return folder.path
  }

  @Test func `of twelve layers the top two train on the input of layer 10`() throws {
    let model = try twelveLayers()
    func make(_ change: (inout TrainingRun.Request) throws -> Void) throws -> TrainingRun {
      try TinyRun.make(["bert.encoder.layer[-2:]", "linear"], model: model) {
        $0.options.usesDropout = false
        $0.options.epochs = 2
        try change(&$0)
      }
    }
    let run = try make { _ in }
    #expect(run.plan.cached == .layerInput(10))
    #expect(run.plan.backwardStop == "bert.encoder.layer.10.attention.self.query.weight")
    let rows = run.plan.cacheBytes / (32 * 4)
    var computed: [Int] = []
    let result = try run.train(into: folder.path("cached")) {
      if case .caching(let done, let total) = $0, done == total { computed.append(total) }
    }
    // The trunk ran once over both data sets, whatever the number of epochs.
    #expect(computed.count == 2)
    #expect(computed.reduce(0, +) == rows)
    // A trunk that is computed for every batch gives the same losses.
    let other = try make { $0.options.usesTrunkDropout = true }
    #expect(other.plan.cached == nil)
    for (key, name) in [("hidden_dropout_prob", "0.1"), ("attention_probs_dropout_prob", "0.1")] {
      let config = String(decoding: try Fixtures.bytes(folder.path("config.json")), as: UTF8.self)
      try folder.write(
        "config.json",
        config.split(separator: "\"\(key)\": \(name)").joined(separator: "\"\(key)\": 0.0"))
    }
    let plain = try make { $0.options.usesTrunkDropout = true }
      .train(into: folder.path("plain"))
    for (a, b) in zip(result.records, plain.records) {
      #expect(abs(a.trainLoss - b.trainLoss) < 1e-4)
      #expect(abs(a.evalLoss - b.evalLoss) < 1e-4)
    }
  }
}
