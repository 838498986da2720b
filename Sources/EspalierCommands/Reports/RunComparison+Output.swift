import CheckpointFiles
import FineTuning
import ParameterSurgery

extension RunComparison {
  /// An interval for a reader.
  static func text(_ interval: Interval?) -> String {
    interval.map { "\(fixed($0.low, digits: 4)) to \(fixed($0.high, digits: 4))" } ?? "-"
  }

  /// The mean of a figure, and with repetitions their standard deviation.
  static func text(_ run: ComparedRun, _ figure: Figure) -> String {
    let estimate = estimate(run, figure)
    guard estimate.mean.isFinite else { return "-" }
    let deviation = estimate.deviation.map { " ± \(fixed($0, digits: 4))" } ?? ""
    return fixed(estimate.mean, digits: 4) + deviation
  }

  /// What was repeated: `5 folds`, `1`.
  static func count(_ run: ComparedRun) -> String {
    run.kind == .run ? "1" : "\(grouped(run.records.count)) \(run.kind.rawValue)"
  }

  /// Prints tables and conclusions.
  func print(to output: StandardOutput = .shared) {
    let others = figures.filter { $0.name != figure.name }
    var table = Table(
      [
        .init("RUN", shrinks: true), .init("RUNS", .right, yields: true),
        .init("TEXTS", .right, yields: true), .init(figure.name.uppercased(), .right),
        .init("95 % INTERVAL", .right),
      ] + others.map { .init($0.name.uppercased(), .right, yields: true) })
    for (place, run) in runs.enumerated() {
      table.append(
        [
          run.name, RunComparison.count(run), run.examples.map(grouped) ?? "-",
          RunComparison.text(run, figure), RunComparison.text(estimates[place].interval),
        ] + others.map { RunComparison.text(run, $0) })
    }
    table.print(to: output)
    if !differences.isEmpty {
      output.line()
      var table = Table([
        .init("SETTING"), .init("VALUE", shrinks: true), .init("RUNS", shrinks: true),
      ])
      for difference in differences {
        for (index, part) in difference.values.enumerated() {
          table.append([
            index == 0 ? difference.setting : "", part.value,
            Text.list(part.runs.map { runs[$0].name }, limit: 5),
          ])
        }
      }
      table.print(to: output)
    }
    output.line()
    for conclusion in conclusions { output.paragraph(conclusion) }
  }

  /// The comparison as docs/json.md describes it.
  var json: JSONValue {
    func real(_ value: Double?) -> JSONValue { value.map { .real($0) } ?? .null }
    return .members([
      "figure": .string(figure.word("_")),
      "runs": .array(runs.indices.map(runJSON)),
      "best": best.map { .integer($0) } ?? .null,
      "comparisons": .array(
        comparisons.map { comparison in
          var (margin, probability): (Double?, Double?) = (nil, nil)
          switch comparison.spread {
          case .margin(let value): margin = value
          case .texts(_, _, _, let value): probability = value
          case .unknown: break
          }
          return .members([
            "run": .integer(comparison.run), "difference": .real(comparison.difference),
            "within_spread": comparison.isWithin.map { .bool($0) } ?? .null,
            "margin": real(margin), "p": real(probability),
          ])
        }),
      "settings": .array(
        differences.map { difference in
          .members([
            "setting": .string(difference.setting),
            "values": .array(
              difference.values.map {
                .members([
                  "value": .string($0.value), "runs": .array($0.runs.map { .integer($0) }),
                ])
              }),
          ])
        }),
      "conclusions": .array(conclusions.map { .string($0) }),
    ])
  }

  private func runJSON(_ place: Int) -> JSONValue {
    let run = runs[place]
    let figures = figures.map { figure -> (String, JSONValue) in
      let estimate = RunComparison.estimate(run, figure)
      return (
        figure.word("_"),
        .members([
          "mean": .real(estimate.mean),
          "deviation": estimate.deviation.map { .real($0) } ?? .null,
        ])
      )
    }
    return .members([
      "paths": .array(run.paths.map { .string($0) }), "kind": .string(run.kind.rawValue),
      "task": .string(run.task.rawValue), "count": .integer(run.records.count),
      "eval_examples": run.examples.map { .integer($0) } ?? .null,
      "figures": .object(pairs: figures),
      "interval": estimates[place].interval.map { .array([.real($0.low), .real($0.high)]) }
        ?? .null,
      "baseline": run.stored?.baseline.map { .real($0) } ?? .null,
      "above_baseline": isAboveBaseline(place).map { .bool($0) } ?? .null,
    ])
  }
}
