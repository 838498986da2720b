import CheckpointFiles
import FineTuning
import Testing

/// The expected figures are scikit-learn's.
@Suite("Metrics of a classifier")
struct ClassificationMetricsTests {
  private let three = ClassificationMetrics(
    logits: [
      [2, 1, 0], [0, 3, 1], [1, 1, 0.5], [0.25, -1, 2], [3, 0, 0], [-1, -2, -3], [0, 0.5, 0.25],
      [1, 2, 2.5],
    ],
    labels: [0, 1, 1, 2, 1, 0, 1, 2], labelNames: ["a", "b", "c"])

  @Test func `three labels are measured as scikit-learn does`() {
    #expect(three.count == 8)
    #expect(abs(three.loss - 0.839154393979985) < 1e-12)
    #expect(three.accuracy == 0.75)
    #expect(abs(three.macroF1 - 0.7777777777777777) < 1e-12)
    #expect(abs(three.matthews - 0.7) < 1e-12)
    #expect(three.areaUnderCurve == nil)
    #expect(three.labels.map(\.label) == ["a", "b", "c"])
    #expect(three.labels.map(\.precision) == [0.5, 1, 1])
    #expect(three.labels.map(\.recall) == [1, 0.5, 1])
    #expect(three.labels.map(\.support) == [2, 4, 2])
    for (label, f1) in zip(three.labels, [2.0 / 3, 2.0 / 3, 1]) {
      #expect(abs(label.f1 - f1) < 1e-12)
    }
    #expect(three.confusion == [[2, 0, 0], [2, 2, 0], [0, 0, 2]])
  }

  @Test func `two labels have an area under the curve, ties counting half`() throws {
    let two = ClassificationMetrics(
      logits: [[0, 1], [1, 0], [0.5, 0.5], [0, 2], [2, 0], [0, 1]], labels: [1, 0, 1, 0, 1, 1],
      labelNames: ["no", "yes"])
    #expect(abs(try #require(two.areaUnderCurve) - 0.375) < 1e-12)
    #expect(abs(two.macroF1 - 0.4857142857142857) < 1e-12)
    #expect(two.matthews == 0)
  }

  @Test func `a label that does not occur leaves the means alone`() {
    let metrics = ClassificationMetrics(
      logits: [[1, 0, 0], [0, 1, 0]], labels: [0, 1], labelNames: ["a", "b", "c"])
    #expect(metrics.macroF1 == 1)
    #expect(metrics.labels[2].f1 == 0)
    #expect(metrics.labels[2].support == 0)
  }

  @Test func `one label alone has no curve and no correlation`() {
    let metrics = ClassificationMetrics(
      logits: [[1, 0], [2, 0]], labels: [0, 0], labelNames: ["a", "b"])
    #expect(metrics.areaUnderCurve == nil)
    #expect(metrics.matthews == 0)
    #expect(metrics.accuracy == 1)
  }

  @Test func `no examples give figures, not a trap`() {
    let metrics = ClassificationMetrics(logits: [], labels: [], labelNames: ["a", "b"])
    #expect(metrics.count == 0)
    #expect(metrics.accuracy == 0)
    #expect(metrics.json["auc"] == .null)
  }

  @Test func `large logits do not overflow, and what is not finite is null`() {
    let large = ClassificationMetrics(
      logits: [[3e38, -3e38], [-3e38, 3e38]], labels: [0, 1], labelNames: ["a", "b"])
    #expect(large.loss == 0)
    let broken = ClassificationMetrics(
      logits: [[.nan, 0], [0, 1]], labels: [0, 1], labelNames: ["a", "b"])
    #expect(broken.json["loss"] == .null)
    #expect(broken.areaUnderCurve == nil)
  }

  @Test func `the JSON says it all`() {
    let json = three.json
    #expect(json["examples"]?.integer == 8)
    #expect(json["accuracy"]?.double == 0.75)
    #expect(json["auc"] == .null)
    #expect(json["labels"]?.array?.map { $0["support"]?.integer } == [2, 4, 2])
    #expect(json["confusion"]?.array?[1] == [2, 2, 0])
  }

  @Test func `above fifty labels the most confused pairs replace the matrix`() {
    // Label i is predicted to be i + 1, and label 0 twice.
    let count = 4_000
    func row(_ label: Int) -> [Float] {
      var row = [Float](repeating: 0, count: count)
      row[label] = 1
      return row
    }
    let metrics = ClassificationMetrics(
      logits: [row(1), row(1), row(2), row(2)], labels: [0, 0, 1, 2],
      labelNames: (0..<count).map { "l\($0)" })
    #expect(metrics.confusion == nil)
    #expect(metrics.confusions.map(\.count) == [2, 1, 1])
    #expect(
      metrics.mostConfused().map { [$0.label, $0.predicted, $0.count] } == [[0, 1, 2], [1, 2, 1]])
    #expect(metrics.mostConfused(1).count == 1)
    #expect(metrics.accuracy == 0.25)
    let json = metrics.json
    #expect(json["confusion"] == nil)
    #expect(
      json["most_confused"]?.array?.first
        == .members(["label": "l0", "predicted": "l1", "count": 2]))
    #expect(json.text().utf8.count < 500_000)
  }
}
