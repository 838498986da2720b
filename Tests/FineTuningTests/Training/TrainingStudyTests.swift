import EspalierTestSupport
import FineTuning
import Testing

@Suite("Training studies")
struct TrainingStudyTests {
  private func request() throws -> TrainingRun.Request {
    let data = try LabelledDataset(contentsOf: Fixtures.path("sentiment/train.tsv"))
    var request = TrainingRun.Request(
      model: try ModelDirectory(Fixtures.path("bert-tiny")), selection: .selectors(["linear"]),
      training: data.selecting(0..<60))
    request.head = .mlp(width: 16)
    request.options.epochs = 2
    request.options.batchSize = 8
    return request
  }

  @Test func `folds evaluate every example once`() throws {
    let study = try TrainingStudy(.folds(4), of: request())
    #expect(study.measurements.map(\.number) == [1, 2, 3, 4])
    #expect(study.measurements.allSatisfy { $0.examples.training + $0.examples.evaluation == 60 })
    #expect(study.measurements.reduce(0) { $0 + $1.examples.evaluation } == 60)
  }

  @Test func `a seed gives what a run with that seed gives`() throws {
    var request = try request()
    request.evaluation = try LabelledDataset(contentsOf: Fixtures.path("sentiment/dev.tsv"))
    let study = try TrainingStudy(.seeds(2), of: request)
    #expect(study.measurements.map(\.number) == [42, 43])
    #expect(study.measurements[0].best.trainLoss != study.measurements[1].best.trainLoss)
    for measurement in study.measurements {
      let folder = try TemporaryFolder()
      request.options.seed = UInt64(measurement.number)
      let alone = try TrainingRun(request).train(into: folder.path("a"))
      let best = alone.records.first(where: \.isBest)
      #expect(best?.evalLoss == measurement.best.evalLoss)
      #expect(best?.trainLoss == measurement.best.trainLoss)
    }
  }

  @Test func `the spread is the sample standard deviation`() {
    let spread = TrainingStudy.Spread([1, 2, 3, 4])
    #expect(spread.mean == 2.5)
    #expect(abs(spread.deviation - 1.2909944487358056) < 1e-15)
    #expect(TrainingStudy.Spread([7]).deviation == 0)
  }

  @Test func `more folds than examples are refused`() throws {
    #expect(throws: FineTuningError.self) { try TrainingStudy(.folds(61), of: request()) }
    var evaluated = try request()
    evaluated.evaluation = evaluated.training
    #expect(throws: FineTuningError.self) { try TrainingStudy(.folds(3), of: evaluated) }
  }
}
