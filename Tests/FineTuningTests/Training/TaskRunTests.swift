import CheckpointFiles
import EspalierTestSupport
import FineTuning
import OrderedCollections
import Testing

@Suite("Runs that predict numbers, several labels, and pairs")
struct TaskRunTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private typealias Example = LabelledDataset.Example

  private static let words = ["good", "bad", "film", "soup", "warm", "cold"]

  /// Texts of four words, each made of `words` by the digits of its number.
  private func texts(_ count: Int) -> [[String]] {
    (0..<count).map { number in
      (0..<4).map { place in
        TaskRunTests.words[(number * 7 + place * (number / 5 + 1)) % TaskRunTests.words.count]
      }
    }
  }

  /// A run that trains everything on `data` and evaluates on it.
  private func run(
    _ data: LabelledDataset, head: Head = .linear, epochs: Int = 12,
    _ change: (inout TrainingRun.Request) throws -> Void = { _ in }
  ) throws -> TrainingRun {
    try TinyRun.make(["**"]) {
      $0.training = data
      $0.evaluation = data
      $0.head = head
      $0.options.epochs = epochs
      $0.options.learningRate = 3e-3
      $0.options.usesDropout = false
      try change(&$0)
    }
  }

  private var numbers: LabelledDataset {
    LabelledDataset(
      examples: texts(60).map { words in
        let value = words.reduce(0.0) { $0 + ($1 == "good" ? 1 : $1 == "bad" ? -1 : 0) }
        return Example(text: words.joined(separator: " "), target: .value(value))
      }, labels: [], task: .regression)
  }

  private var sets: LabelledDataset {
    LabelledDataset(
      examples: texts(60).map { words in
        Example(
          text: words.joined(separator: " "),
          target: .labels((0..<3).filter { words.contains(TaskRunTests.words[$0 + 2]) }))
      }, labels: ["film", "soup", "warm"], task: .multiLabel)
  }

  private func json(_ name: String) throws -> JSONValue {
    try JSONParser.parse(Fixtures.bytes(folder.path("a/\(name)")))
  }

  @Test(arguments: [Head.linear, .mlp(width: 16)])
  func `numbers are learned, and the folder says so`(head: Head) throws {
    let result = try run(numbers, head: head).train(into: folder.path("a"))
    guard case .regression(let metrics) = result.metrics else {
      Issue.record("the metrics are those of numbers")
      return
    }
    #expect(metrics.pearson > 0.9)
    #expect(result.records.allSatisfy { $0.evalAccuracy == nil && $0.trainAccuracy == nil })
    #expect(result.records.last?.evalPearson == metrics.pearson || result.records.count == 12)
    #expect(try json("config.json")["problem_type"]?.string == "regression")
    #expect(try json("config.json")["id2label"]?.object?.count == 1)
    #expect(try json("espalier.json")["task"]?.string == "regression")
    let classifier = try TextClassifier(ModelDirectory(folder.path("a")))
    #expect(classifier.settings.task == .regression)
    let logits = try classifier.logits(of: numbers)
    let again = RegressionMetrics(
      predictions: logits.map { $0[0] },
      values: numbers.examples.map { if case .value(let value) = $0.target { value } else { 0 } })
    #expect(abs(again.meanSquaredError - metrics.meanSquaredError) < 1e-9)
  }

  @Test func `several labels are learned, and the folder says so`() throws {
    let result = try run(sets) { $0.options.criterion = .microF1 }.train(into: folder.path("a"))
    guard case .multiLabel(let metrics) = result.metrics else {
      Issue.record("the metrics are those of several labels")
      return
    }
    #expect(metrics.microF1 > 0.9)
    let best = try #require(result.records.first { $0.isBest })
    #expect(best.evalMicroF1 == metrics.microF1)
    #expect(result.records.allSatisfy { $0.evalMicroF1 ?? 0 <= metrics.microF1 })
    #expect(try json("config.json")["problem_type"]?.string == "multi_label_classification")
    let classifier = try TextClassifier(ModelDirectory(folder.path("a")))
    let logits = try classifier.logits(
      of: LabelledDataset(examples: [Example(text: "soup soup warm soup", target: nil)], labels: [])
    )
    let prediction = MultiLabelPrediction(logits: logits[0], labels: classifier.settings.labels)
    #expect(prediction.labels == ["soup", "warm"])
  }

  @Test func `what only the second text of a pair says is learned`() throws {
    let pairs = LabelledDataset(
      examples: texts(60).enumerated().map { index, words in
        Example(
          text: "the film", pair: words.joined(separator: " "),
          label: words.contains("good") ? 1 : 0)
      }, labels: ["0", "1"])
    let result = try run(pairs).train(into: folder.path("a"))
    #expect(try #require(result.metrics.accuracy) > 0.9)
    // The same pairs, the texts in the other place, are other inputs: token types differ.
    let classifier = try TextClassifier(ModelDirectory(folder.path("a")))
    let one = Example(text: "good soup", pair: "bad film", label: nil)
    let other = Example(text: "bad film", pair: "good soup", label: nil)
    let logits = try classifier.logits(of: LabelledDataset(examples: [one, other], labels: []))
    #expect(logits[0] != logits[1])
  }

  @Test(arguments: [PredictionTask.regression, .multiLabel])
  func `a run of another task goes on bit for bit, with its patience`(task: PredictionTask) throws {
    let data = task == .regression ? numbers : sets
    let change = { (request: inout TrainingRun.Request) in
      request.evaluation = nil
      request.options.patience = 2
      request.options.criterion = task == .regression ? .spearman : .f1
    }
    let whole = try run(data, epochs: 6, change).train(into: folder.path("whole"))
    #expect(throws: Interruption.self) {
      try run(data, epochs: 6, change).train(into: folder.path("stopped")) {
        if case .step(3, 2, _, _, _) = $0 { throw Interruption() }
      }
    }
    let resumed = try run(data, epochs: 6) {
      change(&$0)
      $0.resuming = try StoredRun(folder: folder.path("stopped"))
    }.train(into: folder.path("stopped"))
    #expect(resumed.records.map(\.evalLoss) == whole.records.map(\.evalLoss))
    #expect(resumed.records.map(\.isBest) == whole.records.map(\.isBest))
    #expect(
      try Fixtures.bytes(folder.path("whole/model.safetensors"))
        == Fixtures.bytes(folder.path("stopped/model.safetensors")))
  }

  @Test func `folds work for every task`() throws {
    for data in [numbers, sets] {
      var request = try TinyRun.request {
        $0.training = data
        $0.evaluation = nil
        $0.head = .linear
        $0.options.epochs = 1
      }
      request.selection = .selectors(["linear"])
      let study = try TrainingStudy(.folds(3), of: request)
      #expect(study.measurements.map(\.examples.evaluation) == [20, 20, 20])
      #expect(study.task == data.task)
    }
  }

  @Test func `what does not go with a task is refused`() throws {
    #expect(throws: FineTuningError.self) { try run(numbers) { $0.options.criterion = .accuracy } }
    #expect(throws: FineTuningError.self) { try run(sets) { $0.options.criterion = .pearson } }
    #expect(throws: FineTuningError.self) { try run(numbers) { $0.options.labelSmoothing = 0.1 } }
    #expect(throws: FineTuningError.self) { try run(sets) { $0.options.balancesLabels = true } }
    // A head for two labels predicts no number.
    _ = try TinyRun.make { $0.options.epochs = 1 }.train(into: folder.path("two"))
    let error = #expect(throws: FineTuningError.self) {
      try run(numbers) {
        $0.model = try ModelDirectory(folder.path("two"))
        $0.head = nil
      }
    }
    #expect(error?.description.contains("2 outputs") == true)
  }
}
