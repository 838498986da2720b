import FineTuning
import Testing

@Suite("Holding out and folding")
struct SplittingTests {
  /// Rows of three labels: 50, 30 and `rare`.
  private func data(rare: Int = 4) -> LabelledDataset {
    let labels = (0..<80).map { $0 % 8 < 5 ? 0 : 1 } + Array(repeating: 2, count: rare)
    return LabelledDataset(
      examples: labels.enumerated().map { .init(text: "\($0.offset)", label: $0.element) },
      labels: ["a", "b", "c"])
  }

  private func places(_ data: LabelledDataset) -> [Int] {
    data.examples.compactMap { Int($0.text) }
  }

  @Test func `a tenth of every label is held out, in the order of the file`() {
    let (training, heldOut) = data().splitting(holdingOut: 0.1, seed: 1)
    #expect(heldOut.labelCounts == [5, 3, 1])
    #expect(training.labelCounts == [45, 27, 3])
    #expect(places(training) == places(training).sorted())
    #expect(places(heldOut) == places(heldOut).sorted())
    #expect((places(training) + places(heldOut)).sorted() == Array(0..<84))
    #expect(heldOut.labels == ["a", "b", "c"])
  }

  @Test func `the only row of a label trains`() {
    let (training, heldOut) = data(rare: 1).splitting(holdingOut: 0.5, seed: 1)
    #expect(training.labelCounts[2] == 1)
    #expect(heldOut.labelCounts[2] == 0)
  }

  @Test func `the same seed holds out the same rows, another seed others`() {
    let rows = places(data().splitting(holdingOut: 0.1, seed: 42).heldOut)
    #expect(places(data().splitting(holdingOut: 0.1, seed: 42).heldOut) == rows)
    #expect(places(data().splitting(holdingOut: 0.1, seed: 43).heldOut) != rows)
  }

  @Test(arguments: [2, 3, 5, 7])
  func `folds hold every row out once and spread every label evenly`(count: Int) {
    let folds = data().folds(count, seed: 9)
    #expect(folds.count == count)
    #expect(folds.flatMap { places($0.heldOut) }.sorted() == Array(0..<84))
    let sizes = folds.map { $0.heldOut.count }
    #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
    for label in 0..<3 {
      let counts = folds.map { $0.heldOut.labelCounts[label] }
      #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
    }
    for fold in folds {
      #expect((places(fold.training) + places(fold.heldOut)).sorted() == Array(0..<84))
    }
    #expect(
      folds.map { places($0.heldOut) } == data().folds(count, seed: 9).map { places($0.heldOut) })
  }
}
