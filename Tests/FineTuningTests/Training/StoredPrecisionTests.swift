import CheckpointFiles
import EspalierTestSupport
import FineTuning
import OrderedCollections
import Testing

@Suite("Figures of checkpoints in half precision and less")
struct StoredPrecisionTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The tiny BERT with every tensor in another dtype.
  private func base(_ dtype: DType) throws -> String {
    var base = try Checkpoint.open(Fixtures.path("bert-tiny"))
    for (key, tensor) in base.tensors { base.tensors[key] = try tensor.converted(to: dtype) }
    for name in ["config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json"] {
      try folder.write(name, bytes: Fixtures.bytes(Fixtures.path("bert-tiny/\(name)")))
    }
    try base.write(to: folder.path("model.safetensors"))
    return folder.path
  }

  private func metrics(of name: String) throws -> EvaluationMetrics {
    let classifier = try TextClassifier(try ModelDirectory(folder.path(name)), threads: 2)
    let data = try classifier.relabelled(
      LabelledDataset(contentsOf: Fixtures.path("sentiment/dev.tsv")))
    return EvaluationMetrics(
      .classification, logits: try classifier.logits(of: data),
      targets: data.examples.compactMap(\.target), labelNames: classifier.settings.labels)
  }

  @Test(arguments: [DType.float8E4M3, .float8E5M2, .bfloat16, .float16, .float32])
  func `the figures of the kept epoch are those of the weights that are written`(
    dtype: DType
  ) throws {
    let run = try TinyRun.make(["linear", "bert.encoder"], model: base(dtype)) {
      $0.options.learningRate = 3e-3
    }
    let result = try run.train(into: folder.path("tuned"))
    let written = try TinyRun.weights(folder, "tuned")
    #expect(written["bert.encoder.layer.0.output.dense.weight"]?.dtype == dtype)
    let figures = try metrics(of: "tuned")
    let best = result.records.last { $0.isBest }
    let kept = try #require(best)
    #expect(abs(result.metrics.loss - figures.loss) < 1e-5)
    #expect(abs(kept.evalLoss - figures.loss) < 1e-5)
    #expect(result.metrics.accuracy == figures.accuracy)
    #expect(kept.evalAccuracy == figures.accuracy)
  }

  @Test func `rounding for the figures takes nothing from the training`() throws {
    // Steps far below half the distance of two numbers of the dtype: only values that are kept in single
    // precision ever get from one to the next.
    let run = try TinyRun.make(
      ["bert.encoder.layer[0].output.LayerNorm.weight"], model: base(.bfloat16)
    ) {
      $0.options.learningRate = 2e-4
      $0.options.schedule = .constant
      $0.options.epochs = 8
    }
    _ = try run.train(into: folder.path("tuned"))
    let key: Key = "bert.encoder.layer.0.output.LayerNorm.weight"
    let before = try Checkpoint.open(folder.path)[key]?.bytes()
    #expect(try TinyRun.weights(folder, "tuned")[key]?.bytes() != before)
  }
}
