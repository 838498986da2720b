import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

@testable import FineTuning

@Suite("Losses of transformers' problem types")
struct TaskParityTests {
  /// The tiny BERT with the classifier of a fixture.
  private func model(_ reference: Reference) throws -> Classifier {
    var tensors = try Checkpoint.open(Fixtures.path("bert-tiny")).tensors
    for name in ["classifier.weight", "classifier.bias"] {
      tensors[Key(name)] = reference.tensors[Key(name)]
    }
    let count = try reference.floats("classifier.bias").count
    return try Classifier(
      checkpoint: Checkpoint(tensors: tensors), configuration: TinyClassifier.configuration(),
      head: .classifier, labels: count, pooling: .pooler, math: Kernels(threads: 2)
    ) { _ in .all }
  }

  private func targets(_ reference: Reference, _ task: PredictionTask, _ count: Int) throws
    -> [Target]
  {
    let values = try reference.floats("labels")
    return task == .regression
      ? values.map { .value(Double($0)) }
      : (0..<count).map { row in
        let width = values.count / count
        return .labels((0..<width).filter { values[row * width + $0] == 1 })
      }
  }

  @Test(arguments: [
    ("task-regression", PredictionTask.regression), ("task-multi-label", .multiLabel),
  ])
  func `logits, loss and gradients equal those of BertForSequenceClassification`(
    fixture: String, task: PredictionTask
  ) throws {
    let reference = try Reference(fixture)
    let model = try model(reference)
    let (examples, _, _) = try Reference("inputs").examples()
    let batch = PackedBatch(examples)
    let (logits, tape) = model.forward(
      batch, features: model.prefix(batch), recording: true, dropout: nil)
    #expect(relativeError(logits.elements.array, try reference.floats("logits")) < 1e-4)
    let dLogits = Matrix(rows: logits.rows, columns: logits.columns)
    let loss = Objective(task).forward(
      dLogits: dLogits, logits: logits,
      targets: try targets(reference, task, logits.rows), divisor: Double(logits.rows))
    #expect(abs(loss - Double(try reference.floats("loss")[0])) < 1e-4 * max(1, abs(loss)))
    model.backward(dLogits: dLogits, tape: tape)
    var compared = 0
    for key in reference.tensors.keys where key.string.hasPrefix("grad.") {
      let parameter = model.parameters[name: String(key.string.dropFirst(5))]
      let gradient = try #require(parameter.training).gradient.elements.array
      #expect(relativeError(gradient, try reference.floats(key.string)) < 1e-3, "\(key)")
      compared += 1
    }
    #expect(compared == 7)
  }

  @Test(arguments: PredictionTask.allCases)
  func `the gradient of a loss equals its finite differences`(task: PredictionTask) {
    var generator = SeededGenerator(seed: 11)
    let columns = task == .regression ? 1 : 3
    let logits = Matrix(rows: 4, columns: columns)
    for row in 0..<4 {
      for column in 0..<columns {
        logits[row, column] = Float.random(in: -3...3, using: &generator)
      }
    }
    let targets: [Target] =
      switch task {
      case .classification: [.label(0), .label(2), .label(1), .label(2)]
      case .regression: [.value(0.5), .value(-2), .value(0), .value(7)]
      case .multiLabel: [.labels([]), .labels([1]), .labels([0, 1, 2]), .labels([2])]
      }
    let objective = Objective(
      task, crossEntropy: CrossEntropy(labelSmoothing: 0.1, classWeights: [1, 2, 0.5]))
    let gradient = Matrix(rows: 4, columns: columns)
    // A divisor that is not the number of rows: a part of an update.
    _ = objective.forward(dLogits: gradient, logits: logits, targets: targets, divisor: 6.5)
    for row in 0..<4 {
      for column in 0..<columns {
        let value = logits[row, column]
        func moved(_ step: Float) -> Double {
          logits[row, column] = value + step
          return objective.forward(dLogits: nil, logits: logits, targets: targets, divisor: 6.5)
        }
        let numeric = (moved(1 / 128) - moved(-1 / 128)) * 64
        logits[row, column] = value
        #expect(abs(numeric - Double(gradient[row, column])) < 1e-4, "\(row), \(column)")
      }
    }
  }

  @Test func `large logits neither overflow nor lose their gradient`() {
    let logits = Matrix([[1e4, -1e4]])
    let gradient = Matrix(rows: 1, columns: 2)
    let loss = Objective(.multiLabel).forward(
      dLogits: gradient, logits: logits, targets: [.labels([1])], divisor: 1)
    #expect(loss == 1e4)
    #expect(gradient.elements.array == [0.5, -0.5])
  }

  @Test func `a padding token in a text is read, and its row moves by decay alone`() throws {
    let reference = try Reference("padding-row")
    let words = "bert.embeddings.word_embeddings.weight"
    let model = try TinyClassifier.make { $0 == words ? .all : .none }
    let ids = try reference.integers("ids").map(Int32.init)
    let batch = PackedBatch([(ids: ids, types: [Int32](repeating: 0, count: ids.count))])
    let (logits, tape) = model.forward(
      batch, features: model.prefix(batch), recording: true, dropout: nil)
    #expect(relativeError(logits.elements.array, try reference.floats("logits")) < 1e-4)
    let dLogits = Matrix(rows: 1, columns: 3)
    _ = CrossEntropy().forward(
      dLogits: dLogits, logits: logits, labels: try reference.integers("labels"), divisor: 1)
    model.backward(dLogits: dLogits, tape: tape)
    let parameter = model.parameters[name: words]
    let gradient = try #require(parameter.training).gradient
    let rows = try reference.integers("rows")
    #expect(gradient.row(0).array.allSatisfy { $0 == 0 })
    #expect(
      relativeError(rows.flatMap { gradient.row($0).array }, try reference.floats("grad")) < 1e-3)
    var optimiser = AdamW(learningRate: 1e-2)
    optimiser.weightDecay = 0.1
    optimiser.step(
      [parameter], rate: { _ in 1e-2 }, gradientScale: 1, math: model.math)
    #expect(
      relativeError(
        rows.flatMap { parameter.values.row($0).array }, try reference.floats("final")) < 1e-5)
  }
}
