internal import CheckpointFiles
internal import RealModule

/// What an evaluation says besides its metrics: what a constant answer would reach, which texts are most confidently
/// wrong, and which texts are right.
///
///     for mistake in result.details.mistakes { print(mistake.text, mistake.score) }
public struct EvaluationDetails: Sendable, Hashable {
  /// The best constant answer, and what it reaches on the evaluation data.
  public struct Baseline: Sendable, Hashable {
    /// The most frequent label, the most frequent set of labels, or the mean.
    public let answer: Target
    /// The accuracy (of sets, the subset accuracy) or, for numbers, the mean squared error.
    public let value: Double
  }

  /// A text that is predicted wrongly.
  public struct Mistake: Sendable, Hashable {
    /// The text, of at most 1,000 Unicode scalars.
    public let text: String
    /// The second text of a pair, of the same length at most.
    public let pair: String?
    /// What is right.
    public let expected: Target
    /// What is predicted.
    public let predicted: Target
    /// The probability of the predicted label; of several labels a text, that of the wrong decision with the highest
    /// probability; of numbers, the absolute error.
    public let score: Double
  }

  /// `nil` without examples.
  public let baseline: Baseline?
  /// The wrong texts with the highest ``Mistake/score``, the highest first.
  public let mistakes: [Mistake]
  /// Whether each example is right in every label, in the order of the data; empty for numbers.
  public let isRight: [Bool]

  /// The most mistakes that are listed.
  public static let maximumMistakes = 20

  /// The details of predictions.
  ///
  /// - Parameters:
  ///   - task: what was predicted.
  ///   - logits: a row for each example.
  ///   - examples: the texts with what is right for each.
  public init(_ task: PredictionTask, logits: [[Float]], examples: [LabelledDataset.Example]) {
    var isRight: [Bool] = []
    var wrong: [(place: Int, predicted: Target, score: Double)] = []
    for (place, (row, example)) in zip(logits, examples).enumerated() {
      guard let expected = example.target else { continue }
      let (predicted, score) = EvaluationDetails.prediction(row, for: expected)
      if task != .regression { isRight.append(predicted == expected) }
      if predicted != expected, score.isFinite { wrong.append((place, predicted, score)) }
    }
    self.isRight = isRight
    baseline = EvaluationDetails.baseline(examples.compactMap(\.target), task)
    mistakes = wrong.sorted { ($1.score, $0.place) < ($0.score, $1.place) }
      .prefix(EvaluationDetails.maximumMistakes).compactMap { place, predicted, score in
        let example = examples[place]
        guard let expected = example.target else { return nil }
        return Mistake(
          text: EvaluationDetails.cut(example.text), pair: example.pair.map(EvaluationDetails.cut),
          expected: expected, predicted: predicted, score: score)
      }
  }

  private static func cut(_ text: String) -> String {
    let limit = 1000
    let start = text.scalars(upTo: limit)
    return start.utf8.count < text.utf8.count ? start + "…" : text
  }

  /// What a row of logits predicts, with the score of a mistake.
  private static func prediction(_ row: [Float], for expected: Target) -> (Target, Double) {
    switch expected {
    case .label:
      let place = row.indices.reduce(0) { row[$1] > row[$0] ? $1 : $0 }
      let top = Double(row.isEmpty ? 0 : row[place])
      let sum = row.reduce(0.0) { $0 + Double.exp(Double($1) - top) }
      return (.label(place), 1 / sum)
    case .value(let value):
      let predicted = Double(row.first ?? .nan)
      return (.value(predicted), abs(predicted - value))
    case .labels(let right):
      let chosen = row.indices.filter { row[$0] > 0 }
      let wrong = row.indices.filter { right.contains($0) != (row[$0] > 0) }
      // A label with a probability below one half is denied with one above it.
      let scores = wrong.map { 1 / (1 + Double.exp(-abs(Double(row[$0])))) }
      return (.labels(chosen), scores.max() ?? 0)
    }
  }

  private static func baseline(_ targets: [Target], _ task: PredictionTask) -> Baseline? {
    guard !targets.isEmpty else { return nil }
    let count = Double(targets.count)
    if task == .regression {
      let values = targets.values
      let mean = values.reduce(0, +) / count
      return Baseline(
        answer: .value(mean),
        value: values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count)
    }
    var counts: [Target: Int] = [:]
    for target in targets { counts[target, default: 0] += 1 }
    // Of equally frequent answers the first in the data.
    let most = counts.values.max() ?? 0
    guard let answer = targets.first(where: { counts[$0] == most }) else { return nil }
    return Baseline(answer: answer, value: Double(most) / count)
  }
}
