import CheckpointFiles
import EspalierTestSupport
import FineTuning
import OrderedCollections
import Testing

@Suite("Options in a stored run")
struct StoredOptionsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func change(_ request: inout TrainingRun.Request) {
    request.options.patience = 7
    request.options.warmup = .ratio(0.1)
    request.options.selectedRates = [.init("linear.2", 2e-3)]
    request.options.maximumGradientNorm = .infinity
  }

  /// A stopped run whose options in the state are what `edit` makes of them.
  private func stopped(_ edit: (JSONValue) -> JSONValue) throws {
    #expect(throws: Interruption.self) {
      try TinyRun.make(["linear"], change).train(into: folder.path("run")) {
        if case .step(2, 2, _, _, _) = $0 { throw Interruption() }
      }
    }
    let path = folder.path("run/training-state.espalier")
    var state = try Checkpoint.open(path)
    var json = try JSONParser.parse(Array(try #require(state.metadata["espalier"]).utf8))
    var members = try #require(json.object)
    var settings = try #require(members["settings"]?.object)
    settings["options"] = edit(settings["options"] ?? .null)
    members["settings"] = .object(settings)
    json = .object(members)
    state.metadata["espalier"] = json.text()
    try state.write(to: folder.path("new.safetensors"))
    try folder.write(
      "run/training-state.espalier", bytes: Fixtures.bytes(folder.path("new.safetensors")))
  }

  private func resume(_ more: (inout TrainingRun.Request) -> Void = { _ in }) throws {
    let run = try TinyRun.make(["linear"]) { request in
      change(&request)
      more(&request)
      request.resuming = try StoredRun(folder: folder.path("run"))
    }
    #expect(run.resumption?.isUnchanged == true)
  }

  @Test func `a run that was stored without an option resumes with the default`() throws {
    try stopped { json in
      var options = json.object ?? [:]
      options["label_smoothing"] = nil
      options["unfreezing"] = nil
      options["seed"] = nil
      return .object(options)
    }
    try resume()
    let error = #expect(throws: FineTuningError.self) {
      try resume { $0.options.labelSmoothing = 0.1 }
    }
    #expect(error?.description.contains("\"label_smoothing\" in its options") == true)
  }

  @Test func `an option that this version does not know is named`() throws {
    try stopped { json in
      var options = json.object ?? [:]
      options["momentum"] = .real(0.9)
      return .object(options)
    }
    let error = #expect(throws: FineTuningError.self) { try resume() }
    #expect(error?.description.contains("\"momentum\" is not known") == true)
  }

  @Test func `a run of version 0.1 resumes, and not with other options`() throws {
    // What version 0.1.0 stored for the options above.
    try stopped { _ in
      """
      TrainingOptions(epochs: 3, batchSize: 8, accumulation: 1, learningRate: Optional(0.001), \
      selectedRates: [FineTuning.TrainingOptions.SelectedRate(selector: "linear.2", rate: 0.002)], \
      layerDecay: 1.0, weightDecay: 0.01, decay: FineTuning.TrainingOptions.DecayRule.all, \
      beta1: 0.9, beta2: 0.999, epsilon: 1e-08, \
      schedule: FineTuning.LearningRateSchedule.Decay.linear, \
      warmup: FineTuning.Warmup.ratio(0.1), maximumGradientNorm: inf, labelSmoothing: 0.0, \
      balancesLabels: false, seed: 42, patience: Optional(7), \
      criterion: FineTuning.TrainingOptions.Criterion.loss, usesDropout: true, \
      usesTrunkDropout: false, precision: FineTuning.TrainingOptions.Precision.float32, \
      cacheMemory: 2000000000, unfreezing: [])
      """
    }
    try resume()
    #expect(throws: FineTuningError.self) { try resume { $0.options.weightDecay = 0.5 } }
  }

  @Test func `every stored property of the options is stored`() {
    let options = Mirror(reflecting: TrainingOptions()).children.count
    // And the version of the object.
    #expect(TrainingOptions().stored.object?.count == options + 1)
  }
}
