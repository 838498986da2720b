import CheckpointFiles
import EspalierTestSupport
import FineTuning
import Testing

@testable import EspalierCommands

@Suite struct `The comparison of runs` {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func record(_ accuracy: Double, loss: Double = 0.5) -> EpochRecord {
    var record = EpochRecord(
      epoch: 2, step: 4, trainLoss: 0.5, trainAccuracy: 0.5, evalLoss: loss, learningRate: 0.1,
      seconds: 1, tokensPerSecond: 100, cached: false, isBest: true)
    record.evalAccuracy = accuracy
    record.evalF1 = accuracy
    return record
  }

  /// The folder of a run whose texts are right as `isRight` says.
  private func run(
    _ name: String, _ isRight: [Bool], seed: Int = 1, rate: Double = 0.1, data: String = "d",
    baseline: Double = 0.5
  ) throws -> ComparedRun {
    let path = folder.path(name)
    let accuracy = Double(isRight.count { $0 }) / Double(isRight.count)
    _ = try FolderCreation(path: path)
    try folder.write("\(name)/history.jsonl", record(accuracy).json.text() + "\n")
    try folder.write(
      "\(name)/results.json",
      """
      {"format":"espalier-results","version":1,"command":["train"],"model":"m","data":"t.tsv","eval":"e.tsv",
      "settings":{"options":{"seed":\(seed),"learning_rate":\(rate)},"evaluation data":"\(data)"},
      "examples":\(isRight.count),"baseline":{"answer":"x","accuracy":\(baseline)},
      "right":"\(RunResults.digits(isRight))"}
      """)
    return try ComparedRun(path: path)
  }

  private func study(_ name: String, _ kind: String, _ accuracies: [Double]) throws -> ComparedRun {
    let runs = accuracies.map {
      "{\"examples\":80,\"eval_examples\":20,\"best\":\(record($0).json.text())}"
    }
    return try ComparedRun(
      path: folder.write(name, "{\"kind\":\"\(kind)\",\"runs\":[\(runs.joined(separator: ","))]}"))
  }

  private func rights(_ count: Int, of total: Int, from start: Int = 0) -> [Bool] {
    (0..<total).map { ($0 + total - start) % total < count }
  }

  @Test func `two runs on the same texts are compared text by text`() throws {
    // 90 right; the other has 10 of them wrong and 2 others right.
    let a = rights(90, of: 100)
    let b = (0..<100).map { $0 < 10 ? false : $0 < 92 }
    let comparison = try RunComparison([try run("a", a), try run("b", b, rate: 0.2)], by: nil)
    #expect(comparison.best == 0)
    let other = try #require(comparison.comparisons.first)
    guard case .texts(let onlyBest, let onlyRun, let count, let p) = other.spread else {
      Issue.record("not text by text")
      return
    }
    #expect(onlyBest == 10 && onlyRun == 2 && count == 100)
    #expect(abs(p - 0.03857421875) < 1e-9)
    #expect(other.isWithin == false)
    let names = [folder.path("a"), folder.path("b")]
    #expect(
      comparison.conclusions[1]
        == "\(names[1]) is lower by 0.08, which is more than the spread: of 100 texts, 10 are right only in "
        + "\(names[0]) and 2 only in \(names[1]) (p = 0.039). \(names[0]) is better on these texts."
    )
    #expect(
      comparison.conclusions[2]
        == "\(names[0]) and \(names[1]) are better than always answering the most frequent label (0.5000) by more than "
        + "the spread.")
  }

  @Test
  func `a small difference is within the spread, and the conclusion says what it does not show`()
    throws
  {
    let runs = [
      try run("a", rights(30, of: 60)), try run("b", rights(32, of: 60, from: 10), rate: 0.2),
    ]
    let comparison = try RunComparison(runs, by: nil)
    #expect(comparison.best == 1 && comparison.comparisons.first?.isWithin == true)
    #expect(comparison.conclusions[1].contains("which is within the spread: "))
    #expect(
      comparison.conclusions[1].hasSuffix("This does not show that \(folder.path("b")) is better."))
    #expect(comparison.conclusions[2].contains(" are not better than always answering "))
  }

  @Test func `runs that differ only in their seeds are taken together, and no others`() throws {
    let runs = [
      try run("a", rights(30, of: 60), seed: 1), try run("b", rights(32, of: 60), seed: 2),
      try run("c", rights(31, of: 60), seed: 1, rate: 0.2),
      try run("d", rights(33, of: 60), seed: 3),
      try run("e", rights(33, of: 60), seed: 3),
      try run("f", rights(33, of: 60), seed: 4, data: "other"),
    ]
    let joined = ComparedRun.joined(runs)
    #expect(joined.map(\.kind) == [.seeds, .run, .run, .run])
    #expect(joined[0].paths.map { Path.name(of: $0) } == ["a", "b", "d"])
    #expect(joined[0].name == folder.path("a") + " (3 seeds)")
    let comparison = try RunComparison(joined, by: nil)
    #expect(abs(comparison.estimates[0].mean - 95.0 / 180) < 1e-12)
    // t(2) · s / √3 with s = 0.025459.
    let interval = try #require(comparison.estimates[0].interval)
    #expect(abs(interval.high - interval.low - 2 * 4.3027 * 0.0254588 / 1.7320508) < 1e-5)
    let seeds = try #require(comparison.differences.first { $0.setting == "seed" })
    #expect(seeds.values.map(\.value) == ["1, 2, 3", "1", "3", "4"])
    let rates = try #require(comparison.differences.first { $0.setting == "learning_rate" })
    #expect(
      rates.values.map(\.value) == ["0.1", "0.2"] && rates.values.map(\.runs) == [[0, 2, 3], [1]])
    #expect(comparison.conclusions.contains { $0.contains("evaluated on other texts than") })
  }

  @Test func `folds have the wider interval of data that they share`() throws {
    let values = [0.7, 0.75, 0.8, 0.75, 0.7]
    let folds = RunComparison.estimate(
      try study("folds.json", "folds", values), RunComparison.Figure.all(.classification)[0])
    let seeds = RunComparison.estimate(
      try study("seeds.json", "seeds", values), RunComparison.Figure.all(.classification)[0])
    #expect(abs(folds.mean - 0.74) < 1e-12)
    let (a, b) = (try #require(folds.error), try #require(seeds.error))
    // (1/5 + 20/80) / (1/5)
    #expect(abs(a * a / (b * b) - 2.25) < 1e-9)
    #expect(abs(b - 0.0418330013 / 2.2360679775) < 1e-8)
  }

  @Test func `means are compared by Welch's interval`() throws {
    let comparison = try RunComparison(
      [
        try study("a.json", "seeds", [0.70, 0.72, 0.74]),
        try study("b.json", "seeds", [0.90, 0.91, 0.95]),
        try study("c.json", "seeds", [0.80, 0.99, 0.85]),
      ], by: "accuracy")
    #expect(comparison.best == 1)
    #expect(comparison.comparisons.map(\.isWithin) == [false, true])
    guard case .margin(let margin) = comparison.comparisons[0].spread else { return }
    // Standard errors 0.014434 (half a text of 20 is the least deviation) and 0.015275; 3.99 degrees of freedom.
    #expect(abs(margin - 3.1824 * 0.0210159) < 1e-4)
  }

  @Test func `equal seeds do not make any difference more than the spread`() throws {
    let comparison = try RunComparison(
      [try study("a.json", "seeds", [0.75, 0.75]), try study("b.json", "seeds", [0.8, 0.8])],
      by: nil)
    #expect(comparison.comparisons.first?.isWithin == true)
  }

  @Test func `a figure of single runs without a spread is not judged`() throws {
    let comparison = try RunComparison(
      [try run("a", rights(30, of: 60)), try run("b", rights(32, of: 60), rate: 0.2)],
      by: "macro-f1")
    #expect(comparison.comparisons.first?.isWithin == nil)
    #expect(comparison.conclusions[1].contains("Single runs have no spread of macro F1"))
    #expect(comparison.json["comparisons"]?.array?.first?["within_spread"] == .null)
  }

  @Test func `a lower loss is the better one`() throws {
    let comparison = try RunComparison(
      [try study("a.json", "seeds", [0.7, 0.7]), try study("b.json", "seeds", [0.8, 0.8])],
      by: "loss")
    #expect(comparison.best != nil)
    #expect(comparison.conclusions[0].contains("has the lowest loss: 0.5000"))
    #expect(comparison.conclusions[1].hasSuffix("has the same loss."))
  }

  @Test func `unknown figures and mixed tasks are refused`() throws {
    let a = try run("a", rights(30, of: 60))
    #expect {
      try RunComparison([a], by: "pearson")
    } throws: {
      "\($0)" == "\"pearson\" is not a figure of classification; use accuracy, macro-f1 or loss"
    }
    var other = record(0.5)
    other.evalPearson = 0.5
    let path = try folder.write(
      "r.json",
      "{\"kind\":\"seeds\",\"runs\":[{\"examples\":1,\"eval_examples\":1,\"best\":\(other.json.text())}]}"
    )
    let regression = try ComparedRun(path: path)
    #expect {
      try RunComparison([a, regression], by: nil)
    } throws: {
      "\($0)" == "\(path): the run is for regression, and \(folder.path("a")) for classification; "
        + "compare runs of one task"
    }
  }

  @Test(arguments: [
    ("\"examples\":60", "\"examples\":-1"), ("\"examples\":60", "\"examples\":61"),
    ("\"examples\":60", "\"examples\":99999999999999999999"),
    ("\"accuracy\":0.5", "\"accuracy\":2"),
    ("\"right\":\"", "\"right\":\"zz"), ("espalier-results", "x"), ("[\"train\"]", "[1]"),
    ("\"settings\":{", "\"settings\":3,\"other\":{"),
  ])
  func `a file that is not valid is one error with its name`(_ part: String, _ replacement: String)
    throws
  {
    _ = try run("a", rights(30, of: 60))
    let path = folder.path("a/results.json")
    let text = String(decoding: try Fixtures.bytes(path), as: UTF8.self)
    try #require(text.contains(part))
    try folder.write("a/results.json", text.replacing(part, with: replacement))
    #expect {
      try ComparedRun(path: folder.path("a"))
    } throws: {
      "\($0)".hasPrefix("\(path): ")
    }
  }

  @Test func `names, settings and commands cannot become a part of the page`() throws {
    let hostile = "</script><script>x()</script>\"'\u{202E}\u{338}\u{1B}[2J<b>"
    _ = try run("a", rights(30, of: 60))
    let text = String(decoding: try Fixtures.bytes(folder.path("a/results.json")), as: UTF8.self)
    let string = JSONValue.string(hostile).text()
    try folder.write(
      "a/results.json",
      text.replacing("[\"train\"]", with: "[\(string)]").replacing(
        "\"model\":\"m\"", with: "\"model\":\(string)"
      )
      .replacing("\"settings\":{", with: "\"settings\":{\(string):\(string),"))
    let runs = [
      try ComparedRun(path: folder.path("a")), try run("<i>&", rights(31, of: 60)),
      try study("\"><img>.json", "folds", [0.5, 0.6]),
    ]
    let page = RunComparisonPage(comparison: try RunComparison(runs, by: nil)).html
    let markup = Markup(page)
    #expect(markup.elements.isSubset(of: Markup.known))
    #expect(markup.contents["script"] == nil)
    #expect(!page.unicodeScalars.contains { $0.isUnprintable && $0 != "\n" })
    #expect(page.contains("<h2>Settings that differ</h2>") && page.contains("<svg "))
    let printed = Recording.text(width: 80) {
      RunComparison.print(try? RunComparison(runs, by: nil), to: $0)
    }
    #expect(!printed.unicodeScalars.contains { $0.isUnprintable && $0 != "\n" })
  }
}

extension RunComparison {
  fileprivate static func print(_ comparison: RunComparison?, to output: StandardOutput) {
    comparison?.print(to: output)
  }
}
