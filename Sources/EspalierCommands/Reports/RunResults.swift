import CheckpointFiles
import FineTuning
import OrderedCollections
import ParameterSurgery

/// `results.json` of a run: where it comes from and what the kept epoch does on the evaluation data, for reports and
/// other programs. docs/json.md describes it.
struct RunResults {
  /// The version of the program that trained.
  let program: String
  /// The words of the command, from `train` on; empty when a program started the run.
  let command: [String]
  let model: String
  /// The file of the training data.
  let data: String?
  /// The file of the evaluation data; `nil` when it was held out.
  let evaluation: String?
  let task: PredictionTask
  let labels: [String]
  /// What repetitions of the run have in common, but for the seed.
  let settings: JSONValue
  /// The examples of the evaluation data.
  let examples: Int
  let metrics: JSONValue
  /// What a constant answer reaches, and which.
  let baseline: EvaluationDetails.Baseline?
  let mistakes: [EvaluationDetails.Mistake]
  /// Whether each example is right; empty for numbers, and for more examples than ``maximumRight``.
  let isRight: [Bool]

  /// More examples are not listed one by one: 4 bits take a character of the file.
  static let maximumRight = 1_000_000

  init(_ run: TrainingRun, _ result: TrainingRun.Result) {
    program = versionText
    command = run.arguments.isEmpty ? [] : ["train"] + run.arguments
    model = run.modelName
    (data, evaluation) = run.paths
    task = run.settings.task
    labels = task == .regression ? [] : run.settings.labels
    settings = run.reportedSettings
    examples = result.metrics.count
    metrics = result.metrics.json
    baseline = result.details.baseline
    mistakes = result.details.mistakes
    isRight = result.details.isRight.count > RunResults.maximumRight ? [] : result.details.isRight
  }

  /// A target for a reader.
  func text(of target: Target) -> String {
    func name(_ place: Int) -> String {
      labels.indices.contains(place) ? clipped(labels[place], to: 80) : "\(place)"
    }
    switch target {
    case .label(let place): return name(place)
    case .value(let value): return significant(value)
    case .labels(let places):
      let names = places.prefix(20).map(name).joined(separator: ", ")
      return places.isEmpty ? "none" : names + (places.count > 20 ? ", …" : "")
    }
  }

  // MARK: JSON

  var json: JSONValue {
    .members([
      "format": "espalier-results", "version": 1, "program": .string(program),
      "command": .array(command.map { .string($0) }), "model": .string(model),
      "data": data.map { .string($0) } ?? .null, "eval": evaluation.map { .string($0) } ?? .null,
      "task": .string(task.rawValue), "settings": settings, "examples": .integer(examples),
      "metrics": metrics, "baseline": baselineJSON,
      "mistakes": .array(mistakes.map(json)),
      "right": isRight.isEmpty ? .null : .string(RunResults.digits(isRight)),
    ])
  }

  private var baselineJSON: JSONValue {
    guard let baseline else { return .null }
    return .members(["answer": json(baseline.answer), figure: number(baseline.value)])
  }

  /// The figure of the baseline.
  private var figure: String {
    switch task {
    case .classification: "accuracy"
    case .regression: "mse"
    case .multiLabel: "subset_accuracy"
    }
  }

  private func json(_ mistake: EvaluationDetails.Mistake) -> JSONValue {
    var members: [(String, JSONValue)] = [("text", .string(mistake.text))]
    if let pair = mistake.pair { members.append(("text_pair", .string(pair))) }
    members += [
      ("expected", json(mistake.expected)), ("predicted", json(mistake.predicted)),
      (task == .regression ? "error" : "probability", number(mistake.score)),
    ]
    return .object(pairs: members)
  }

  private func json(_ target: Target) -> JSONValue {
    func name(_ place: Int) -> JSONValue {
      labels.indices.contains(place) ? .string(labels[place]) : .integer(place)
    }
    return switch target {
    case .label(let place): name(place)
    case .value(let value): number(value)
    case .labels(let places): .array(places.map(name))
    }
  }

  /// Four examples in each hexadecimal digit, the first in the highest bit.
  static func digits(_ values: [Bool]) -> String {
    var digits: [UInt8] = []
    for start in stride(from: 0, to: values.count, by: 4) {
      var digit = 0
      for place in start..<start + 4 {
        digit = digit << 1 | (place < values.count && values[place] ? 1 : 0)
      }
      digits.append(UInt8(ascii: "0") + UInt8(digit) + (digit > 9 ? 39 : 0))
    }
    return String(decoding: digits, as: UTF8.self)
  }

  /// The values in digits; `nil` when their number is another one or a digit is not hexadecimal.
  static func values(_ digits: String, count: Int) -> [Bool]? {
    guard digits.utf8.count == (count + 3) / 4 else { return nil }
    var values: [Bool] = []
    values.reserveCapacity(count + 3)
    for byte in digits.utf8 {
      guard let digit = Int(String(UnicodeScalar(byte)), radix: 16) else { return nil }
      for bit in (0..<4).reversed() { values.append(digit >> bit & 1 == 1) }
    }
    return Array(values.prefix(count))
  }
}

extension RunResults {
  /// What the kept epoch is next to the baseline, in plain English.
  var baselineSentence: String? {
    guard let baseline else { return nil }
    let answer = text(of: baseline.answer)
    switch task {
    case .regression:
      guard let error = metrics["mse"]?.double else { return nil }
      let verdict =
        error < baseline.value ? "the model does better" : "the model does not do better"
      return "Always answering the mean, \(answer), has a mean squared error of "
        + "\(significant(baseline.value)); with \(significant(error)), \(verdict)."
    case .classification, .multiLabel:
      guard let share = metrics[figure]?.double, let interval = Interval(share: share, of: examples)
      else { return nil }
      let kind = task == .classification ? "label" : "set of labels"
      let verdict =
        interval.low > baseline.value
        ? "the model is better than that by more than the spread"
        : interval.high < baseline.value
          ? "the model is worse than that by more than the spread"
          : "the difference is within the spread, so it does not show that the model is better"
      return
        "Always answering the most frequent \(kind) of the evaluation data, \(answer), would be right for "
        + "\(percentText(baseline.value)) of the texts. The model is right for \(percentText(share)) (95 % interval of "
        + "\(Text.counted(examples, "text")): \(percentText(interval.low)) to \(percentText(interval.high))): \(verdict)."
    }
  }
}
