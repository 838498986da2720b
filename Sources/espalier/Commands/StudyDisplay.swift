import CheckpointFiles
import FineTuning

/// What a person sees of `train --folds` and `train --seeds`.
struct StudyDisplay {
  private let kind: TrainingStudy.Kind
  private let mode: ProgressMode
  private let quiet: Bool
  private var bar: Progress?
  private var position = 0

  init(kind: TrainingStudy.Kind, mode: ProgressMode, quiet: Bool) {
    self.kind = kind
    self.mode = mode
    self.quiet = quiet
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
      if !hasHeading {
        hasHeading = true
        output.line()
        output.line(
          output.style.dim(
            "\(noun)  trained on  evaluated on  best epoch    loss  accuracy  macro F1"))
      }
      output.line(
        cell("\(measurement.number)", 4) + cell(grouped(measurement.examples.training), 12)
          + cell(grouped(measurement.examples.evaluation), 14)
          + cell("\(measurement.best.epoch)", 12)
          + cell(fixed(measurement.best.evalLoss, digits: 4), 8)
          + cell(fixed(measurement.best.evalAccuracy, digits: 4), 10)
          + cell(fixed(measurement.best.evalF1, digits: 4), 10))
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
      "\(study.measurements.count) \(noun)s: accuracy \(text(study.spread(\.evalAccuracy))), "
        + "macro F1 \(text(study.spread(\.evalF1))), loss \(text(study.spread(\.evalLoss))) "
        + "(mean ± standard deviation)")
  }
}

extension TrainingJSON {
  static func study(_ study: TrainingStudy) -> JSONValue {
    func json(_ spread: TrainingStudy.Spread) -> JSONValue {
      .members(["mean": .real(spread.mean), "deviation": .real(spread.deviation)])
    }
    let isFolds = if case .folds = study.kind { true } else { false }
    return .members([
      "kind": .string(isFolds ? "folds" : "seeds"),
      "runs": .array(
        study.measurements.map { measurement in
          .members([
            isFolds ? "fold" : "seed": .integer(measurement.number),
            "examples": .integer(measurement.examples.training),
            "eval_examples": .integer(measurement.examples.evaluation),
            "best": measurement.best.json,
          ])
        }),
      "accuracy": json(study.spread(\.evalAccuracy)),
      "macro_f1": json(study.spread(\.evalF1)),
      "loss": json(study.spread(\.evalLoss)),
    ])
  }
}
