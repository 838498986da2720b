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
      #expect(
        ["text {", ".strong {", ".besttext {", ".dot {", ".point {"].contains { rule.contains($0) })
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
    #expect(Markup(html).elements.isSubset(of: Markup.known))
    #expect(html.contains("&lt;script&gt;x&lt;/script&gt;"))
    #expect(html.contains("\u{FFFD}&quot;&amp;&#39;"))
    for part in [
      "Learning curve", "Confusion matrix", "What trained", "linear.<wbr>weight", "Settings",
      "Origin",
      "Most confident mistakes",
    ] {
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

  /// A page of a run with so many labels.
  private func page(labels: Int, examples: Int) throws -> String {
    let folder = try TemporaryFolder()
    let data = try LabelledDataset(
      contentsOf: folder.write(
        "a.tsv", (0..<examples).map { "text \($0)\tlabel \($0 % labels)\n" }.joined()))
    var request = TrainingRun.Request(
      model: try ModelDirectory(Fixtures.path("bert-tiny")), selection: .selectors(["linear"]),
      training: data)
    request.head = .linear
    request.options.epochs = 1
    request.evaluation = data
    try train(TrainingRun(request), folder.path("many"))
    return String(decoding: try Fixtures.bytes(folder.path("many/report.html")), as: UTF8.self)
  }

  @Test func `a hundred labels are a matrix with numbered columns, and the most confused pairs`()
    throws
  {
    let html = try page(labels: 100, examples: 200)
    #expect(
      html.contains("<h2>Confusion matrix</h2>") && html.contains("<h2>Most confused labels</h2>"))
    #expect(html.contains("<table class=\"confusion grid\">"))
    #expect(html.contains("<th scope=\"col\"><abbr title=\"label 99\">100</abbr></th>"))
    #expect(html.contains("<th scope=\"row\">100 <bdi>label 99</bdi></th>"))
    #expect(html.utf8.count < 300_000)
  }

  @Test func `thousands of labels are pairs without a matrix, and the page stays bounded`() throws {
    let html = try page(labels: 4000, examples: 4200)
    #expect(html.contains("Most confused labels") && !html.contains("Confusion matrix"))
    #expect(html.contains("… and 2,000 more."))
    #expect(html.utf8.count < 600_000)
  }

  @Test func `the page has the origin of the run, the baseline and the most confident mistakes`()
    throws
  {
    let folder = try TemporaryFolder()
    let train = try LabelledDataset(contentsOf: Fixtures.path("sentiment/train.tsv"))
    var request = TrainingRun.Request(
      model: try ModelDirectory(Fixtures.path("bert-tiny")), selection: .selectors(["linear"]),
      training: train)
    request.head = .linear
    request.options.epochs = 1
    request.evaluation = try LabelledDataset(contentsOf: Fixtures.path("sentiment/dev.tsv"))
    request.invocation = ["--model", "tiny", "--data", "it's.tsv"]
    try self.train(TrainingRun(request), folder.path("a"))
    let html = String(decoding: try Fixtures.bytes(folder.path("a/report.html")), as: UTF8.self)
    #expect(html.contains("/bert-tiny</code></dd>"))
    #expect(html.contains("sentiment/train.tsv</code>, 240 examples</dd>"))
    #expect(html.contains("sentiment/dev.tsv</code>, 60 examples</dd>"))
    #expect(html.contains("<span class=\"word\">train</span> <span class=\"word\">--model</span>"))
    #expect(html.contains("<dt>version</dt><dd>\(versionText)</dd>"))
    #expect(
      html.contains(
        "Always answering the most frequent label of the evaluation data, bad, would be right for 50.0 %"
      ))
    #expect(html.contains("<caption>The wrong texts with the highest probability</caption>"))
    // Every image has a text.
    #expect(
      html.contains("<title id=\"curve-title\">")
        && html.contains("<desc id=\"curve-text\">Train loss from "))

    let results = try JSONParser.parse(try Fixtures.bytes(folder.path("a/results.json")))
    #expect(results["baseline"]?["answer"]?.string == "bad")
    #expect(results["baseline"]?["accuracy"]?.double == 0.5)
    let mistakes = try #require(results["mistakes"]?.array)
    #expect(mistakes.count == 20)
    let scores = mistakes.compactMap { $0["probability"]?.double }
    #expect(scores == scores.sorted(by: >) && scores.allSatisfy { $0 > 0.5 && $0 <= 1 })
    #expect(mistakes.allSatisfy { $0["expected"]?.string != $0["predicted"]?.string })
    let right = try #require(RunResults.values(results["right"]?.string ?? "", count: 60))
    #expect(Double(right.count { $0 }) / 60 == results["metrics"]?["accuracy"]?.double)
  }

  @Test(arguments: [0, 1, 3, 4, 5, 8, 129])
  func `which texts are right comes back from its digits`(_ count: Int) {
    let values = (0..<count).map { $0 % 3 == 0 }
    let digits = RunResults.digits(values)
    #expect(RunResults.values(digits, count: count) == values)
    #expect(RunResults.values(digits + "0", count: count) == nil)
    if count > 0 { #expect(RunResults.values("g" + digits.dropFirst(), count: count) == nil) }
  }

  @Test func `a curve of thousands of epochs stays small`() {
    let svg = LearningCurve(records: (1...5000).map { record($0) }, task: .classification).svg
    #expect(!svg.contains("<circle") && svg.utf8.count < 400_000)
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
