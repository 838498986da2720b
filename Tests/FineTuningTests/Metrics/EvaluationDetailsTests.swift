import CheckpointFiles
import FineTuning
import Testing

@Suite("Details of an evaluation")
struct EvaluationDetailsTests {
  private typealias Example = LabelledDataset.Example

  @Test func `wrong texts are listed by the probability of the wrong label`() {
    let details = EvaluationDetails(
      .classification, logits: [[2, 0], [0, 1], [3, 0], [0, 0]],
      examples: [
        Example(text: "a", label: 0), Example(text: "b", label: 0),
        Example(text: "c", pair: "d", label: 1),
        Example(text: "e", label: 1),
      ])
    #expect(details.isRight == [true, false, false, false])
    #expect(details.mistakes.map(\.text) == ["c", "b", "e"])
    #expect(details.mistakes[0].pair == "d")
    #expect(details.mistakes[0].expected == .label(1) && details.mistakes[0].predicted == .label(0))
    // 1 / (1 + e^-3), 1 / (1 + e^-1), and of equal logits the first label.
    for (mistake, score) in zip(details.mistakes, [0.9525741, 0.7310586, 0.5]) {
      #expect(abs(mistake.score - score) < 1e-6)
    }
  }

  @Test func `the baseline is the most frequent label, the first of equally frequent ones`() {
    func baseline(_ labels: [Int]) -> EvaluationDetails.Baseline? {
      EvaluationDetails(
        .classification, logits: labels.map { _ in [0, 0, 0] },
        examples: labels.map { Example(text: "a", label: $0) }
      ).baseline
    }
    #expect(baseline([2, 1, 1, 0])?.answer == .label(1))
    #expect(baseline([2, 1, 1, 0])?.value == 0.5)
    #expect(baseline([2, 1, 1, 2])?.answer == .label(2))
    #expect(baseline([]) == nil)
  }

  @Test func `several labels have the wrong decision with the highest probability`() {
    let details = EvaluationDetails(
      .multiLabel, logits: [[2, -1], [-3, 1], [1, 1]],
      examples: [
        Example(text: "a", target: .labels([0])), Example(text: "b", target: .labels([0])),
        Example(text: "c", target: .labels([])),
      ])
    #expect(details.isRight == [true, false, false])
    // b denies label 0 with 1 - 1 / (1 + e^3).
    #expect(details.mistakes.map(\.text) == ["b", "c"])
    #expect(abs(details.mistakes[0].score - 0.9525741) < 1e-6)
    #expect(details.mistakes[0].predicted == .labels([1]))
    #expect(details.baseline?.answer == .labels([0]))
    #expect(details.baseline.map { abs($0.value - 2.0 / 3) < 1e-12 } == true)
  }

  @Test func `numbers have the largest errors, and the mean as the baseline`() {
    let details = EvaluationDetails(
      .regression, logits: [[1], [5], [.nan]],
      examples: [1.5, 2, 4].map { Example(text: "\($0)", target: .value($0)) })
    #expect(details.mistakes.map(\.text) == ["2.0", "1.5"])
    #expect(details.mistakes.map(\.score) == [3, 0.5])
    #expect(details.isRight.isEmpty)
    #expect(details.baseline?.answer == .value(2.5))
    #expect(details.baseline.map { abs($0.value - 3.5 / 3) < 1e-12 } == true)
  }

  @Test func `there are at most twenty mistakes, with at most a thousand characters of a text`() {
    let details = EvaluationDetails(
      .classification, logits: (0..<50).map { _ in [1, 0] },
      examples: (0..<50).map {
        Example(text: String(repeating: "x", count: 900 + 10 * $0), label: 1)
      })
    #expect(details.mistakes.count == EvaluationDetails.maximumMistakes)
    #expect(details.mistakes.map(\.text.count).max() == 1001)
    #expect(details.mistakes.first?.text.count == 900)
  }
}

@Suite("Intervals of figures")
struct IntervalTests {
  private func isNear(_ interval: Interval?, _ low: Double, _ high: Double) -> Bool {
    interval.map { abs($0.low - low) < 1e-4 && abs($0.high - high) < 1e-4 } ?? false
  }

  @Test func `that of a share is Wilson's`() {
    // statsmodels.stats.proportion.proportion_confint(8, 10, method="wilson")
    #expect(isNear(Interval(share: 0.8, of: 10), 0.49016, 0.94332))
    #expect(isNear(Interval(share: 0, of: 10), 0, 0.27753))
    #expect(isNear(Interval(share: 1, of: 10), 0.72247, 1))
    #expect(Interval(share: 0.5, of: 0) == nil)
    #expect(Interval(share: .nan, of: 9) == nil)
  }

  @Test func `that of a correlation is Fisher's`() {
    #expect(isNear(Interval(correlation: 0.5, of: 28), 0.15598, 0.73586))
    #expect(Interval(correlation: 1, of: 28) == nil)
    #expect(Interval(correlation: 0.5, of: 4) == nil)
  }

  @Test(
    arguments: [
      (1, 12.7062), (4, 2.7764), (10, 2.2281), (11, 2.2010), (20, 2.0860), (30, 2.0423),
      (100, 1.9840),
      (1e9, 1.95996), (.infinity, 1.95996), (4.9, 2.7764), (0.2, 12.7062),
    ] as [(Double, Double)])
  func `the quantile of Student's distribution is that of tables`(
    _ freedom: Double, _ quantile: Double
  ) {
    #expect(abs(Interval.student(freedom) - quantile) < 1e-3)
  }

  @Test(
    arguments: [
      (5, 5, 1), (0, 0, 1), (0, 5, 0.0625), (10, 2, 0.03857421875), (40, 23, 0.04295655),
      (1050, 950, 0.02678),
    ] as [(Int, Int, Double)])
  func `an uneven split has the probability of the exact binomial test`(
    _ a: Int, _ b: Int, _ p: Double
  ) {
    #expect(abs(Interval.evenSplit(a, b) - p) < 1e-4)
    #expect(Interval.evenSplit(a, b) == Interval.evenSplit(b, a))
  }
}
