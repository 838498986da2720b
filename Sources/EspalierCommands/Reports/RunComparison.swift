import CheckpointFiles
import FineTuning
import OrderedCollections
import ParameterSurgery

/// Which differences between runs are more than their spread.
struct RunComparison {
  /// A figure of runs.
  struct Figure {
    /// Such as `macro F1`.
    let name: String
    let value: @Sendable (EpochRecord) -> Double?
    /// Whether a lower value is the better one.
    var isLoss = false

    /// As an option and a member of JSON have it: `macro-f1`, `macro_f1`.
    func word(_ separator: Character) -> String {
      String(name.lowercased().map { $0 == " " ? separator : $0 })
    }

    /// Whether it is a share of examples that are right.
    var isShare: Bool { name == "accuracy" || name == "subset accuracy" }
    /// Whether it is a correlation of numbers.
    var isCorrelation: Bool { name == "Pearson" || name == "Spearman" }

    /// The figures of a task, the most important first.
    static func all(_ task: PredictionTask) -> [Figure] {
      task.figures.map { Figure(name: $0.name, value: $0.value) }
        + [Figure(name: "loss", value: \.evalLoss, isLoss: true)]
    }
  }

  /// A figure of a run or of repetitions.
  struct Estimate {
    let mean: Double
    /// The sample standard deviation of repetitions; `nil` for one run.
    let deviation: Double?
    /// The standard error of the mean; `nil` when one run does not tell.
    let error: Double?
    /// Degrees of freedom of the error.
    let freedom: Double
    /// In which the figure would lie in 95 of 100 repetitions.
    let interval: Interval?
  }

  /// A run next to the best one.
  struct Comparison {
    /// The place of the run.
    let run: Int
    /// By how much the best is better; not negative.
    let difference: Double
    /// How much of a difference chance explains.
    let spread: Spread

    enum Spread {
      /// The texts that only one of both is right for, and the probability of such a split by chance.
      case texts(onlyBest: Int, onlyRun: Int, of: Int, probability: Double)
      /// Differences of up to this are within the spread.
      case margin(Double)
      /// One run each does not tell.
      case unknown
    }

    /// `nil` when it is not known.
    var isWithin: Bool? {
      switch spread {
      case .texts(_, _, _, let probability): probability >= 0.05
      case .margin(let margin): difference <= margin
      case .unknown: nil
      }
    }
  }

  let runs: [ComparedRun]
  let figure: Figure
  let figures: [Figure]
  let estimates: [Estimate]
  /// The place of the best run; `nil` when no figure is finite.
  let best: Int?
  /// All other runs, in their order.
  let comparisons: [Comparison]

  /// - Parameters:
  ///   - runs: one or more, of one task.
  ///   - word: the figure that decides, as an option has it; `nil` for the first of the task.
  /// - Throws: `InputError` when runs have different tasks or no such figure.
  init(_ runs: [ComparedRun], by word: String?) throws(InputError) {
    guard let first = runs.first else { throw InputError("there is no run to compare") }
    if let other = runs.first(where: { $0.task != first.task }) {
      throw InputError(
        "\(other.paths[0]): the run is for \(other.task.rawValue), and \(first.paths[0]) for "
          + "\(first.task.rawValue); compare runs of one task")
    }
    let figures = Figure.all(first.task)
    self.figures = figures
    guard
      let figure = word.map({ word in figures.first { $0.word("-").isSame(as: word) } })
        ?? figures.first
    else {
      throw InputError(
        "\(quoted(word ?? "")) is not a figure of \(first.task.rawValue); use "
          + Text.list(figures.map { $0.word("-") }, conjunction: "or"))
    }
    let estimates = runs.map { RunComparison.estimate($0, figure) }
    let sign = figure.isLoss ? -1.0 : 1.0
    let best = runs.indices.filter { estimates[$0].mean.isFinite }
      .max { sign * estimates[$0].mean < sign * estimates[$1].mean }
    comparisons = runs.indices.compactMap { place in
      guard let best, place != best, estimates[place].mean.isFinite else { return nil }
      return Comparison(
        run: place, difference: sign * (estimates[best].mean - estimates[place].mean),
        spread: RunComparison.spread(
          runs[best], runs[place], estimates[best], estimates[place], figure))
    }
    (self.runs, self.figure, self.estimates, self.best) = (runs, figure, estimates, best)
  }

  // MARK: Statistics

  /// Mean, error and interval of a figure.
  ///
  /// Repetitions with several seeds have the standard error of a mean. Folds share most of their training data, so that
  /// the variance of their mean is taken as (1/k + n₂/n₁)·s² with n₁ examples to train and n₂ to evaluate (Nadeau and
  /// Bengio, 2003). A single run has the error of a share, or of a correlation, of its evaluation examples.
  static func estimate(_ run: ComparedRun, _ figure: Figure) -> Estimate {
    let values = run.records.compactMap(figure.value).filter(\.isFinite)
    let spread = TrainingStudy.Spread(values)
    guard let first = values.first, values.count == run.records.count else {
      return Estimate(mean: .nan, deviation: nil, error: nil, freedom: 1, interval: nil)
    }
    if values.count > 1 {
      let count = Double(values.count)
      // Equal values of a share still are whole numbers of examples.
      let least = figure.isShare ? 0.5 / Double(max(1, run.examples ?? 1)) : 0
      var factor = 1 / count
      if run.kind == .folds, let training = run.trainingExamples, let examples = run.examples {
        factor += Double(examples) / max(1, training)
      }
      let error = max(spread.deviation, least) * factor.squareRoot()
      let half = Interval.student(count - 1) * error
      return Estimate(
        mean: spread.mean, deviation: spread.deviation, error: error, freedom: count - 1,
        interval: Interval(spread.mean - half, spread.mean + half))
    }
    let count = run.examples ?? 0
    if figure.isShare, let interval = Interval(share: first, of: count) {
      // Agresti and Coull: no error of 0 where all or none are right.
      let n = Double(count) + 4
      let share = (first * Double(count) + 2) / n
      return Estimate(
        mean: first, deviation: nil, error: (share * (1 - share) / n).squareRoot(),
        freedom: .infinity, interval: interval)
    }
    if figure.isCorrelation, let interval = Interval(correlation: first, of: count) {
      return Estimate(
        mean: first, deviation: nil,
        error: (1 - first * first) / Double(count - 3).squareRoot(), freedom: .infinity,
        interval: interval)
    }
    return Estimate(mean: first, deviation: nil, error: nil, freedom: 1, interval: nil)
  }

  /// How much of the difference of two runs chance explains: McNemar's exact test for two runs that were evaluated on
  /// the same texts, Welch's interval otherwise.
  private static func spread(
    _ best: ComparedRun, _ run: ComparedRun, _ a: Estimate, _ b: Estimate, _ figure: Figure
  ) -> Comparison.Spread {
    if figure.isShare, best.kind == .run, run.kind == .run, let x = best.stored, let y = run.stored,
      !x.isRight.isEmpty, x.isRight.count == y.isRight.count, areSameTexts(best, run) == true
    {
      let onlyBest = zip(x.isRight, y.isRight).count { $0 && !$1 }
      let onlyRun = zip(x.isRight, y.isRight).count { !$0 && $1 }
      return .texts(
        onlyBest: onlyBest, onlyRun: onlyRun, of: x.isRight.count,
        probability: Interval.evenSplit(onlyBest, onlyRun))
    }
    guard let x = a.error, let y = b.error else { return .unknown }
    let (u, v) = (x * x, y * y)
    guard u + v > 0 else { return .margin(0) }
    let freedom = (u + v) * (u + v) / (u * u / a.freedom + v * v / b.freedom)
    return .margin(Interval.student(freedom) * (u + v).squareRoot())
  }

  /// Whether two runs were evaluated on the same texts; `nil` when that is not known.
  static func areSameTexts(_ a: ComparedRun, _ b: ComparedRun) -> Bool? {
    guard let x = a.stored?.evaluationData, let y = b.stored?.evaluationData else { return nil }
    return x == y
  }

  // MARK: Settings

  /// A setting that differs, with the runs that have each value.
  struct Difference {
    let setting: String
    var values: [(value: String, runs: [Int])]
  }

  /// What differs between the runs that stored their settings.
  var differences: [Difference] {
    let known = runs.indices.filter { runs[$0].stored != nil }
    guard known.count > 1 else { return [] }
    var names: [String] = []
    var tables: [Int: [Key: String]] = [:]
    for place in known {
      var table: [Key: String] = [:]
      for (name, value) in RunComparison.settings(of: runs[place]) {
        table[Key(name)] = value
        if !names.contains(where: { $0.isSame(as: name) }) { names.append(name) }
      }
      tables[place] = table
    }
    return names.prefix(RunComparison.maximumSettings).compactMap { name in
      var values: [(value: String, runs: [Int])] = []
      for place in known {
        let value = tables[place]?[Key(name)] ?? "absent"
        if let index = values.firstIndex(where: { $0.value.isSame(as: value) }) {
          values[index].runs.append(place)
        } else {
          values.append((value, [place]))
        }
      }
      return values.count > 1 ? Difference(setting: name, values: values) : nil
    }
  }

  private static let maximumSettings = 200

  /// The settings of a run as names and texts, options without the name of their object.
  private static func settings(of run: ComparedRun) -> [(name: String, value: String)] {
    guard let stored = run.stored else { return [] }
    var result: [(name: String, value: String)] = []
    func add(_ name: String, _ value: JSONValue, depth: Int) {
      if let members = value.object, depth < 3 {
        for (key, member) in members where result.count < maximumSettings {
          let isOptions = name.isEmpty || name.isSame(as: "options")
          add(isOptions ? key.string : "\(name).\(key.string)", member, depth: depth + 1)
        }
      } else {
        result.append((clipped(shown(name), to: 60), text(value, of: name)))
      }
    }
    for (name, value) in stored.origin { add(name, value, depth: 3) }
    var settings = stored.settings.object ?? [:]
    // What trains is named by its numbers, and the rest of the layout by the model.
    settings["layout"] = nil
    var options = settings["options"]?.object ?? [:]
    options["seed"] = run.seeds.isEmpty ? nil : .array(run.seeds.map { .number($0) })
    settings["options"] = .object(options)
    add("", .object(settings), depth: 0)
    return result
  }

  /// A value for a reader; of digests, which only say whether two are equal, the first twelve digits.
  private static func text(_ value: JSONValue, of name: String) -> String {
    if case .null = value {
      return name.isSame(as: "eval")
        ? "held out" : name.isSame(as: "learning_rate") ? "default" : "none"
    }
    let isDigest = ["mask", "training data", "evaluation data"].contains { name.isSame(as: $0) }
    if isDigest, let digest = value.string { return shown(digest.scalars(upTo: 12)) }
    if name.isSame(as: "seed"), let seeds = value.array {
      return clipped(seeds.map { $0.text() }.joined(separator: ", "), to: 60)
    }
    return clipped(shown(value.string ?? value.text()), to: 60)
  }
}
