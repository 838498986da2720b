import CheckpointFiles
import EspalierTestSupport
import FineTuning
import ParameterSurgery
import Testing

@Suite("Gradual unfreezing")
struct UnfreezingTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The head alone, layer 1 from epoch 2, rows of the vocabulary from epoch 3.
  private func run(
    _ change: (inout TrainingRun.Request) throws -> Void = { _ in }
  ) throws -> TrainingRun {
    try TinyRun.make {
      $0.options.unfreezing = [
        .init(at: 2, "bert.encoder.layer[-1]"),
        .init(at: 3, "bert.embeddings.word_embeddings.weight[100:120]"),
      ]
      try change(&$0)
    }
  }

  private func weights(_ name: String) throws -> Checkpoint {
    try Checkpoint.open(folder.path("\(name)/model.safetensors"))
  }

  @Test func `the plan says what trains from which epoch on`() throws {
    let plan = try run().plan
    #expect(
      plan.tensors.map(\.name) == [
        "linear.0.weight", "linear.0.bias", "linear.2.weight", "linear.2.bias",
      ])
    #expect(plan.cached == .pooledVectors)
    #expect(plan.phases.map(\.firstEpoch) == [2, 3])
    #expect(plan.phases[0].tensors.count == 16)
    #expect(plan.phases[0].cached == .layerInput(1))
    #expect(plan.phases[0].backwardStop == "bert.encoder.layer.1.attention.self.query.weight")
    #expect(plan.phases[1].tensors.map(\.rows) == [[100..<120]])
    #expect(plan.phases[1].addedCount == 20 * 32)
    #expect(plan.phases[1].cached == nil)
    // Of the default rates, the one for more than a head.
    #expect(try run { $0.options.learningRate = nil }.plan.learningRate == 5e-5)
  }

  @Test func `nothing moves before its epoch, and the mask beside the result proves the run`()
    throws
  {
    let base = try TinyRun.make(["**"]) {
      $0.options.epochs = 1
      $0.options.learningRate = 1e-30
    }
    _ = try base.train(into: folder.path("base"))
    let run = try run { $0.options.epochs = 4 }
    var trained: [[String]] = []
    var cached: [Int] = []
    _ = try run.train(into: folder.path("a")) {
      switch $0 {
      case .epoch:
        let state = try StoredRun(folder: folder.path("a"))
        trained.append(state.trainedNames)
      case .caching(let done, let total): if done == total { cached.append(total) }
      default: break
      }
    }
    #expect(trained.map(\.count) == [4, 20, 21, 21])
    #expect(cached.count == 4, "training and evaluation data, for two cuts")
    let mask = try FreezeMask(path: folder.path("a/freeze-mask.json"))
    #expect(mask == run.mask)
    #expect(mask.rules.map(\.selector).count == 3)
    #expect(mask["bert.embeddings.word_embeddings.weight"] == .rows(RowSet([100..<120])))
    let (before, after) = (try weights("base"), try weights("a"))
    #expect(try FrozenProof(base: before, tuned: after, mask: mask).holds)
    let moved = Set(before.keys).subtracting(try TinyRun.sameTensors(before, after))
    #expect(moved == Set(mask.trainableKeys))
  }

  @Test func `a run that ends before an epoch does not list what would have trained`() throws {
    let run = try run {
      $0.options.epochs = 12
      $0.options.unfreezing = [.init(at: 12, "bert.encoder.layer[-1]")]
      $0.options.learningRate = 0.5
      $0.options.schedule = .constant
      $0.options.patience = 1
    }
    let result = try run.train(into: folder.path("a"))
    try #require(result.stoppedEarly)
    let mask = try FreezeMask(path: folder.path("a/freeze-mask.json"))
    #expect(mask.trainableKeys.count == 4)
    #expect(run.mask.trainableKeys.count == 20)
  }

  @Test(arguments: [1, 2, 3])
  func `a run that was stopped in any phase goes on bit for bit`(epochs: Int) throws {
    let change = { (request: inout TrainingRun.Request) in request.options.epochs = 4 }
    let whole = try run(change).train(into: folder.path("whole"))
    #expect(throws: Interruption.self) {
      try run(change).train(into: folder.path("stopped")) {
        if case .step(let epoch, let now, _, _, _) = $0, epoch > epochs, now >= 2 {
          throw Interruption()
        }
      }
    }
    let resumed = try run {
      change(&$0)
      $0.resuming = try StoredRun(folder: folder.path("stopped"))
      $0.selection = .resumed
    }
    #expect(resumed.resumption?.isUnchanged == true)
    let result = try resumed.train(into: folder.path("stopped"))
    #expect(result.records.map(\.evalLoss) == whole.records.map(\.evalLoss))
    for file in ["model.safetensors", "freeze-mask.json"] {
      let a = try FreezeMaskOrBytes(folder.path("whole/\(file)"))
      let b = try FreezeMaskOrBytes(folder.path("stopped/\(file)"))
      #expect(a == b, "\(file)")
    }
  }

  /// The bytes of a file; of a mask the states, for its rules may come from a state.
  private struct FreezeMaskOrBytes: Equatable {
    let bytes: [UInt8]
    let states: [Key: FreezeMask.State]

    init(_ path: String) throws {
      let isMask = path.hasSuffix(".json")
      bytes = isMask ? [] : try Fixtures.bytes(path)
      states =
        isMask
        ? Dictionary(
          uniqueKeysWithValues: try FreezeMask(path: path).states.map { ($0.key, $0.value) }) : [:]
    }
  }

  @Test(arguments: [false, true])
  func `an epoch before an unfreezing can stay the best one`(resumes: Bool) throws {
    let change = { (request: inout TrainingRun.Request) in
      request.options.selectedRates = [.init("bert.encoder.layer[-1]", 3)]
      request.options.unfreezing = [.init(at: 2, "bert.encoder.layer[-1]")]
      request.options.maximumGradientNorm = 0
      // On its own texts a head beats what is left of a trunk after such a rate.
      request.options.learningRate = 2e-2
      request.evaluation = request.training
    }
    if resumes {
      #expect(throws: Interruption.self) {
        try run(change).train(into: folder.path("a")) {
          if case .step(3, 2, _, _, _) = $0 { throw Interruption() }
        }
      }
    }
    let result = try run {
      change(&$0)
      if resumes { $0.resuming = try StoredRun(folder: folder.path("a")) }
    }.train(into: folder.path("a"))
    #expect(result.records.map(\.isBest) == [true, false, false])
    let tuned = try weights("a")
    let base = try Checkpoint.open(Fixtures.path("bert-tiny"))
    for key in base.keys where key.string.hasPrefix("encoder.layer.1.") {
      #expect(try tuned[Key("bert.\(key)")]?.bytes() == base[key]?.bytes(), "\(key)")
    }
    #expect(result.metrics.loss == result.records[0].evalLoss)
  }

  @Test func `patience starts anew with what is unfrozen`() throws {
    let result = try run {
      $0.options.epochs = 6
      $0.options.patience = 2
      // Nothing moves: every epoch after the first is stale.
      $0.options.learningRate = 1e-30
      $0.options.unfreezing = [.init(at: 3, "bert.encoder.layer[-1]")]
    }.train(into: folder.path("a"))
    // Stale after 2, again after 3 and 4.
    #expect(result.records.count == 4)
  }

  @Test func `an unfreezing that changes nothing, or comes at no epoch, is refused`() throws {
    for (epoch, selector) in [
      (1, "bert.encoder.layer[-1]"), (4, "bert.encoder.layer[-1]"), (2, "linear[0]"),
      (2, "bert.pooler"),
    ] {
      #expect(throws: FineTuningError.self, "\(epoch) \(selector)") {
        try run { $0.options.unfreezing = [.init(at: epoch, selector)] }
      }
    }
    #expect(throws: SurgeryError.self) {
      try run { $0.options.unfreezing = [.init(at: 2, "lineer")] }
    }
  }

  @Test func `a study unfreezes in every fold`() throws {
    let study = try TrainingStudy(
      .folds(2),
      of: TinyRun.request {
        $0.evaluation = nil
        $0.options.epochs = 2
        $0.options.unfreezing = [.init(at: 2, "bert.encoder.layer[-1]")]
      })
    #expect(study.measurements.count == 2)
  }
}
