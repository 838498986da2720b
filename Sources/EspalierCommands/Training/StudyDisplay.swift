import CheckpointFiles
import FineTuning
import ParameterSurgery

/// What a person sees of `train --folds` and `train --seeds`.
struct StudyDisplay {
  private let kind: TrainingStudy.Kind
  private let task: PredictionTask
  private let mode: ProgressMode
  private let quiet: Bool
  private var bar: Progress?
  private var position = 0

  init(kind: TrainingStudy.Kind, task: PredictionTask, mode: ProgressMode, quiet: Bool) {
    self.kind = kind
    self.task = task
    self.mode = mode
    self.quiet = quiet
  }

  /// A heading, with spaces before it up to a width.
  private func padded(_ text: String, to width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  private var noun: String { if case .folds = kind { "fold" } else { "seed" } }

  mutating func show(_ event: TrainingStudy.Event) throws {
    switch event {
    case .plan(let plan):
      if !quiet { PlanRendering(plan).print() }
    case .caching(let done, let total):
      advance(to: done, of: total, "frozen trunk", .items("tokens"))
    case .note(let text): StandardError.note(text)
    case .step(let run, let of, let epoch, let step, let steps):
      advance(
        to: step, of: steps, "\(noun) \(run) of \(of), epoch \(epoch)", .items("steps"))
    case .run(let measurement):
      guard !quiet else { return }
      let output = StandardOutput.shared
      let figures =
        [("    loss", measurement.best.evalLoss)]
        + task.figures.map { (padded($0.name, to: 8), $0.value(measurement.best)) }
      if !hasHeading {
        hasHeading = true
        output.line()
        output.line(
          output.style.dim(
            "\(noun)  trained on  evaluated on  best epoch"
              + figures.map { "  \($0.0)" }.joined()))
      }
      output.line(
        cell("\(measurement.number)", 4) + cell(grouped(measurement.examples.training), 12)
          + cell(grouped(measurement.examples.evaluation), 14)
          + cell("\(measurement.best.epoch)", 12)
          + figures.map { cell(fixed($1 ?? .nan, digits: 4), $0.count + 2) }.joined())
      output.flush()
    }
  }

  private var hasHeading = false

  private mutating func advance(
    to done: Int, of total: Int, _ title: String, _ unit: Progress.Unit
  ) {
    if bar == nil { bar = Progress(title, total: total, unit: unit, mode: mode) }
    bar?.advance(by: done - position)
    position = done
    if done == total {
      bar?.finish()
      bar = nil
      position = 0
    }
  }

  func summarise(_ study: TrainingStudy) {
    let output = StandardOutput.shared
    func text(_ spread: TrainingStudy.Spread) -> String {
      "\(fixed(spread.mean, digits: 4)) ± \(fixed(spread.deviation, digits: 4))"
    }
    output.line()
    output.line(
      "\(study.measurements.count) \(noun)s: "
        + study.task.figures.map { "\($0.name) \(text(study.spread($0.value))), " }.joined()
        + "loss \(text(study.spread(\.evalLoss))) (mean ± standard deviation)")
  }
}

extension TrainingJSON {
  static func study(_ study: TrainingStudy) -> JSONValue {
    func json(_ spread: TrainingStudy.Spread) -> JSONValue {
      func number(_ value: Double) -> JSONValue { value.isFinite ? .real(value) : .null }
      return .members(["mean": number(spread.mean), "deviation": number(spread.deviation)])
    }
    let isFolds = if case .folds = study.kind { true } else { false }
    var members: [(String, JSONValue)] = [
      ("kind", .string(isFolds ? "folds" : "seeds")),
      (
        "runs",
        .array(
          study.measurements.map { measurement in
            .members([
              isFolds ? "fold" : "seed": .integer(measurement.number),
              "examples": .integer(measurement.examples.training),
              "eval_examples": .integer(measurement.examples.evaluation),
              "best": measurement.best.json,
            ])
          })
      ),
    ]
    for figure in study.task.figures {
      let name = String(figure.name.lowercased().map { $0 == " " ? "_" : $0 })
      members.append((name, json(study.spread(figure.value))))
    }
    members.append(("loss", json(study.spread(\.evalLoss))))
    return .object(pairs: members)
  }
}
