import CheckpointFiles
import FineTuning
import Testing

@Suite("Metrics of numbers and of several labels")
struct TaskMetricsTests {
  @Test func `correlations and errors are those of scipy`() {
    let metrics = RegressionMetrics(
      predictions: [0.5, 2.0, 2.0, -1.0, 3.5], values: [1.0, 2.0, 1.5, -2.0, 3.0])
    #expect(abs(metrics.pearson - 0.9542628) < 1e-6)
    #expect(abs(metrics.spearman - 0.9746794) < 1e-6)
    #expect(abs(metrics.meanSquaredError - 0.35) < 1e-12)
    #expect(abs(metrics.meanAbsoluteError - 0.5) < 1e-12)
  }

  @Test func `equal predictions have no correlation`() {
    let metrics = RegressionMetrics(predictions: [1, 1, 1], values: [1, 2, 3])
    #expect(metrics.pearson.isNaN)
    #expect(metrics.spearman.isNaN)
    #expect(metrics.json["pearson"] == .null)
  }

  @Test func `F1 of several labels is that of scikit-learn`() {
    let metrics = MultiLabelMetrics(
      logits: [[2, -1, 0.5], [-1, -2, -3], [1, 1, -1], [-0.5, 3, 2]],
      labelSets: [[0], [], [0, 1, 2], [1, 2]], labelNames: ["a", "b", "c"])
    #expect(metrics.labels.map(\.f1) == [1, 1, 0.5])
    #expect(metrics.labels.map(\.support) == [2, 2, 2])
    #expect(abs(metrics.microF1 - 10.0 / 12) < 1e-12)
    #expect(abs(metrics.macroF1 - 2.5 / 3) < 1e-12)
    #expect(metrics.subsetAccuracy == 0.5)
    #expect(abs(metrics.loss - 0.3743684) < 1e-6)
  }

  @Test func `a label that nobody has counts as 0, as in scikit-learn`() {
    let metrics = MultiLabelMetrics(
      logits: [[1, -1]], labelSets: [[0]], labelNames: ["a", "b"])
    #expect(metrics.macroF1 == 0.5)
    #expect(metrics.microF1 == 1)
  }
}
