internal import ParameterSurgery

extension LabelledDataset {
  /// Sets a share of every label's rows aside, chosen by `seed`.
  ///
  /// Both parts keep the order of the file. Every label with two rows or more stands in both, and a
  /// label's single row stays in the first part. Numbers and sets of labels are not stratified.
  ///
  /// - Parameters:
  ///   - share: between 0 and 1, such as 0.1 for a tenth.
  ///   - seed: the same one sets the same rows aside.
  public func splitting(
    holdingOut share: Double, seed: UInt64
  ) -> (training: LabelledDataset, heldOut: LabelledDataset) {
    let (training, heldOut) = holdOutIndices(share, seed: seed)
    return (selecting(training), selecting(heldOut))
  }

  /// The places of the rows of both parts of ``splitting(holdingOut:seed:)``.
  func holdOutIndices(_ share: Double, seed: UInt64) -> (training: [Int], heldOut: [Int]) {
    var random = SplitMix64(seed: seed)
    var isHeldOut = [Bool](repeating: false, count: count)
    for rows in rowsByLabel() {
      let wanted = Int((Double(rows.count) * min(max(share, 0), 1)).rounded())
      let size = rows.count < 2 ? 0 : min(max(wanted, 1), rows.count - 1)
      for row in random.shuffled(rows).prefix(size) { isHeldOut[row] = true }
    }
    return (
      examples.indices.filter { !isHeldOut[$0] }, examples.indices.filter { isHeldOut[$0] }
    )
  }

  /// `count` pairs of training rows and rows set aside, such that every row is set aside once and
  /// every label is spread evenly.
  ///
  /// - Parameters:
  ///   - count: 2 or more.
  ///   - seed: the same one makes the same pairs.
  public func folds(
    _ count: Int, seed: UInt64
  ) -> [(training: LabelledDataset, heldOut: LabelledDataset)] {
    foldIndices(count, seed: seed).map { (selecting($0.training), selecting($0.heldOut)) }
  }

  /// The places of the rows of both parts of ``folds(_:seed:)``.
  func foldIndices(_ count: Int, seed: UInt64) -> [(training: [Int], heldOut: [Int])] {
    precondition(count >= 2, "fewer than two folds hold nothing out")
    var random = SplitMix64(seed: seed)
    var fold = [Int](repeating: 0, count: self.count)
    // Dealing continues from label to label, so that folds differ by one row at most.
    var next = 0
    for rows in rowsByLabel() {
      for row in random.shuffled(rows) {
        fold[row] = next
        next = (next + 1) % count
      }
    }
    return (0..<count).map { held in
      (
        examples.indices.filter { fold[$0] != held },
        examples.indices.filter { fold[$0] == held }
      )
    }
  }

  /// The places of the rows of each label, rows without one last; all rows together when they have
  /// numbers or any number of labels.
  private func rowsByLabel() -> [[Int]] {
    guard task == .classification else { return [Array(examples.indices)] }
    var rows = [[Int]](repeating: [], count: labels.count + 1)
    for (index, example) in examples.enumerated() {
      rows[example.label ?? labels.count].append(index)
    }
    return rows
  }
}
