import CheckpointFiles
import EspalierTestSupport
import FineTuning
import ParameterSurgery

/// Runs over the tiny BERT and the labelled reviews.
enum TinyRun {
  /// A run that trains what `selectors` select, after `change`.
  static func make(
    _ selectors: [String] = ["linear"], model: String? = nil, limit: Int? = 64,
    _ change: (inout TrainingRun.Request) throws -> Void = { _ in }
  ) throws -> TrainingRun {
    try TrainingRun(try request(selectors, model: model, limit: limit, change))
  }

  /// The request of such a run.
  static func request(
    _ selectors: [String] = ["linear"], model: String? = nil, limit: Int? = 64,
    _ change: (inout TrainingRun.Request) throws -> Void = { _ in }
  ) throws -> TrainingRun.Request {
    var data = try LabelledDataset(contentsOf: Fixtures.path("sentiment/train.tsv"))
    if let limit {
      data = LabelledDataset(examples: Array(data.examples.prefix(limit)), labels: data.labels)
    }
    var request = TrainingRun.Request(
      model: try ModelDirectory(model ?? Fixtures.path("bert-tiny")),
      selection: .selectors(selectors), training: data)
    request.head = .mlp(width: 16)
    request.evaluation = try LabelledDataset(contentsOf: Fixtures.path("sentiment/dev.tsv"))
    request.threads = 2
    request.options.epochs = 3
    request.options.batchSize = 8
    request.options.learningRate = 1e-3
    try change(&request)
    return request
  }

  /// The trained weights in a folder of a run.
  static func weights(_ folder: TemporaryFolder, _ name: String) throws -> Checkpoint {
    try Checkpoint.open(folder.path("\(name)/model.safetensors"))
  }

  /// The keys of tensors with the same bytes in both checkpoints.
  static func sameTensors(_ a: Checkpoint, _ b: Checkpoint) throws -> [Key] {
    try a.tensors.filter { key, tensor in try b[key]?.bytes() == tensor.bytes() }.map(\.key)
  }
}

/// What stops a run in a test.
struct Interruption: Error {}
