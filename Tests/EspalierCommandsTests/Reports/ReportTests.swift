import CheckpointFiles
import EspalierTestSupport
import FineTuning
import ParameterSurgery
import Testing

@testable import EspalierCommands

@Suite("Reports of a run")
struct ReportTests {
  private func record(
    _ epoch: Int, _ trainLoss: Double = 0.1 + 0.2, _ evalLoss: Double = 1.0 / 3, best: Bool = false
  ) -> EpochRecord {
    var record = EpochRecord(
      epoch: epoch, step: 7 * epoch, trainLoss: trainLoss, trainAccuracy: 2.0 / 3,
      evalLoss: evalLoss, learningRate: 1e-300, seconds: 1e17,
      tokensPerSecond: 12345.678901234567, cached: true, isBest: best)
    record.evalAccuracy = 0.7
    record.evalF1 = .leastNonzeroMagnitude
    return record
  }

  /// Points of the polyline of a kind.
  private func points(_ svg: String, _ kind: String) -> Int? {
    svg.split(separator: "<polyline class=\"line \(kind)\" points=\"").dropFirst().first
      .flatMap { $0.split(separator: "\"").first }?.split(separator: " ").count
  }

  @Test func `the curve has a point an epoch and marks the one that is kept`() {
    let svg = LearningCurve(
      records: [record(1), record(2, best: true), record(3)], task: .classification
    ).svg
    #expect(svg.hasPrefix("<svg "))
    #expect(svg.contains("kept: epoch 2"))
    for kind in ["train", "eval", "train accuracy", "eval accuracy"] {
      #expect(points(svg, kind) == 3)
    }
  }

  @Test(
    arguments: [
      [], [(1.0, 1.0)], [(0.5, 0.5), (0.5, 0.5)], [(.nan, .infinity), (1, 2)], [(1e300, 1e-300)],
    ] as [[(Double, Double)]])
  func `losses of any size can be drawn`(losses: [(Double, Double)]) {
    let records = losses.enumerated().map { record($0.offset + 1, $0.element.0, $0.element.1) }
    let svg = LearningCurve(records: records, task: .classification).svg
    #expect(svg.hasSuffix("</svg>\n"))
    #expect(!svg.contains("nan"))
    #expect(!svg.contains("inf"))
  }

  @Test func `no line of the curve is filled, on dark pages either`() {
    let svg = LearningCurve(records: [record(1), record(2, best: true)], task: .classification).svg
    // Only text and dots take a fill; a later rule with one would win over that of the lines.
    for rule in svg.split(separator: "}") where rule.contains("fill:") && !rule.contains("none") {
      #expect(rule.contains(".label") || rule.contains(".besttext") || rule.contains(".dot"))
    }
  }

  @Test func `names from files cannot become part of the page`() throws {
    let folder = try TemporaryFolder()
    let data = try LabelledDataset(
      contentsOf: folder.write(
        "a.tsv",
        (0..<20).map { "good text \($0)\t\($0 % 2 == 0 ? "<script>x</script>" : "\u{202E}\"&'")\n" }
          .joined()))
    var request = TrainingRun.Request(
      model: try ModelDirectory(Fixtures.path("bert-tiny")), selection: .selectors(["linear"]),
      training: data)
    request.head = .linear
    request.options.epochs = 1
    _ = try train(TrainingRun(request), folder.path("<b>run"))
    let html = String(
      decoding: try Fixtures.bytes(folder.path("<b>run/report.html")), as: UTF8.self)
    #expect(!html.contains("<script"))
    #expect(!html.contains("<b>run"))
    #expect(html.contains("&lt;script&gt;x&lt;/script&gt;"))
    #expect(html.contains("\u{FFFD}&quot;&amp;&#39;"))
    for part in ["Learning curve", "Confusion matrix", "What trained", "linear.weight", "Settings"]
    {
      #expect(html.contains(part))
    }
    // Nothing is fetched from elsewhere.
    #expect(!html.contains("src=") && !html.contains("href="))
  }

  @Test func `predicted numbers are drawn over the right ones, within bounds`() {
    let metrics = RegressionMetrics(
      predictions: (0..<2500).map { Float($0) / 100 } + [.nan],
      values: (0..<2500).map { Double($0) / 90 } + [1])
    let svg = ScatterPlot(metrics).svg
    #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>\n"))
    let points = svg.split(separator: "<circle").count - 1
    #expect(points > 500 && points <= 1000)
    #expect(!svg.contains("nan") && !svg.contains("inf"))
    #expect(ScatterPlot(RegressionMetrics(predictions: [.nan], values: [1])).svg == "")
    #expect(ScatterPlot(RegressionMetrics(predictions: [1], values: [1])).svg.contains("<circle"))
  }

  @Test func `the page lists what is unfrozen, and the curve marks the epoch`() throws {
    let folder = try TemporaryFolder()
    let data = try LabelledDataset(contentsOf: Fixtures.path("sentiment/train.tsv"))
    var request = TrainingRun.Request(
      model: try ModelDirectory(Fixtures.path("bert-tiny")), selection: .selectors(["linear"]),
      training: data)
    request.head = .linear
    request.options.epochs = 3
    request.options.unfreezing = [.init(at: 2, "bert.encoder.layer[-1]")]
    try train(TrainingRun(request), folder.path("a"))
    let html = String(decoding: try Fixtures.bytes(folder.path("a/report.html")), as: UTF8.self)
    #expect(html.contains("<h3>From epoch 2</h3>"))
    #expect(html.contains("<code>bert.encoder.layer[-1]</code>"))
    #expect(html.contains(">unfrozen</text>"))
    #expect(html.contains("tokens/s, cached"))
  }

  private func train(_ run: TrainingRun, _ folder: String) throws {
    _ = try run.train(into: folder, documents: { RunReport(run, $0, folder: folder).documents })
  }

  @Test func `more than fifty labels are pairs, not a matrix`() throws {
    let folder = try TemporaryFolder()
    let data = try LabelledDataset(
      contentsOf: folder.write(
        "a.tsv", (0..<160).map { "text \($0)\tlabel \($0 % 80)\n" }.joined()))
    var request = TrainingRun.Request(
      model: try ModelDirectory(Fixtures.path("bert-tiny")), selection: .selectors(["linear"]),
      training: data)
    request.head = .linear
    request.options.epochs = 1
    request.evaluation = data
    try train(TrainingRun(request), folder.path("many"))
    let html = String(decoding: try Fixtures.bytes(folder.path("many/report.html")), as: UTF8.self)
    #expect(html.contains("Most confused labels") && !html.contains("Confusion matrix"))
    #expect(html.utf8.count < 100_000)
  }

  @Test(arguments: [
    [], [1.0], [-1e308, 1e308], [1e308, 1e308], [0, .leastNonzeroMagnitude], [-1, 1],
  ])
  func `an axis has five finite numbers that span the values`(_ values: [Double]) {
    let ticks = AxisTicks.round(values)
    #expect(ticks.count == 5 && ticks.allSatisfy(\.isFinite) && ticks == ticks.sorted())
    for value in values { #expect(ticks[0] <= value && value <= ticks[4]) }
  }
}
