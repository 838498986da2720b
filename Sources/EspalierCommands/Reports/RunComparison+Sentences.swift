import CheckpointFiles
import FineTuning
import ParameterSurgery

extension RunComparison {
  /// What the comparison shows, in plain English, a sentence or two for each run.
  var conclusions: [String] {
    guard let best else { return ["No run has a finite \(figure.name)."] }
    return [lead(best)] + comparisons.map(sentence) + baselines + remarks
  }

  private func number(_ value: Double) -> String { fixed(value, digits: 4) }

  private func lead(_ best: Int) -> String {
    let run = runs[best]
    let value = number(estimates[best].mean)
    let interval = estimates[best].interval.map {
      " (95 % interval \(number($0.low)) to \(number($0.high)))"
    }
    guard runs.count > 1 else {
      return "\(run.name): \(figure.name) \(value)\(interval ?? "")."
    }
    return
      "\(run.name) has the \(figure.isLoss ? "lowest" : "highest") \(figure.name): \(value)\(interval ?? "")."
  }

  private func sentence(_ comparison: Comparison) -> String {
    guard let best else { return "" }
    let (run, winner) = (runs[comparison.run].name, runs[best].name)
    if comparison.difference == 0 { return "\(run) has the same \(figure.name)." }
    let start =
      "\(run) is \(figure.isLoss ? "higher" : "lower") by \(significant(comparison.difference, digits: 3))"
    switch comparison.spread {
    case .texts(let onlyBest, let onlyRun, let count, let probability):
      let texts =
        "of \(Text.counted(count, "text")), \(grouped(onlyBest)) are right only in \(winner) and \(grouped(onlyRun)) only "
        + "in \(run) (p = \(significant(probability, digits: 2)))"
      return comparison.isWithin == true
        ? "\(start), which is within the spread: \(texts). This does not show that \(winner) is better."
        : "\(start), which is more than the spread: \(texts). \(winner) is better on these texts."
    case .margin(let margin):
      return comparison.isWithin == true
        ? "\(start), which is within the spread of ± \(significant(margin, digits: 3)). This does not show that \(winner) "
          + "is better."
        : "\(start), which is more than the spread of ± \(significant(margin, digits: 3)). \(winner) is better."
    case .unknown:
      return
        "\(start). Single runs have no spread of \(figure.name), so this does not show that \(winner) is better."
    }
  }

  /// The runs next to a constant answer.
  private var baselines: [String] {
    let known = runs.indices.filter { isAboveBaseline($0) != nil }
    func sentence(_ isAbove: Bool, _ verb: String) -> String? {
      let places = known.filter { isAboveBaseline($0) == isAbove }
      guard !places.isEmpty else { return nil }
      let shares = Set(places.compactMap { runs[$0].stored?.baseline })
      let share = shares.count == 1 ? shares.first.map { " (\(number($0)))" } ?? "" : ""
      return
        "\(Text.list(places.map { runs[$0].name }, limit: 5)) \(places.count == 1 ? "is" : "are") \(verb) than "
        + "always answering the most frequent label\(share) by more than the spread."
    }
    return [sentence(true, "better"), sentence(false, "not better")].compactMap(\.self)
  }

  /// Whether a run is better than a constant answer by more than the spread; `nil` when it is not known.
  func isAboveBaseline(_ place: Int) -> Bool? {
    guard figure.isShare, let baseline = runs[place].stored?.baseline,
      let interval = estimates[place].interval
    else { return nil }
    return interval.low > baseline
  }

  /// What a reader should know of the comparison.
  private var remarks: [String] {
    guard let best else { return [] }
    var remarks: [String] = []
    let others = comparisons.filter {
      RunComparison.areSameTexts(runs[best], runs[$0.run]) == false
    }
    if !others.isEmpty {
      let names = Text.list(others.map { runs[$0.run].name }, limit: 5)
      let isHeldOut = ([best] + others.map(\.run)).contains {
        runs[$0].stored?.origin.contains { $0.name == "eval" && $0.value == .null } ?? false
      }
      remarks.append(
        "\(names) \(others.count == 1 ? "was" : "were") evaluated on other texts than \(runs[best].name), so a part of "
          + "the difference may come from the texts"
          + (isHeldOut ? "; train with --eval to evaluate all runs on the same texts." : "."))
    }
    if comparisons.count > 4 {
      remarks.append(
        "Of \(grouped(comparisons.count)) comparisons at the 95 % level, one in twenty is expected to be more than the "
          + "spread by chance.")
    }
    return remarks
  }
}
