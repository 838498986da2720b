/// Labelled sequences as ids, in the order of their file.
package struct TokenizedDataset: Sendable {
  /// Word ids of each example, special tokens included.
  package let ids: [[Int32]]
  /// Token types of each example.
  package let types: [[Int32]]
  /// What is right for each example; labels are indices into the classifier's.
  package let targets: [Target]
  /// Examples of which something was cut to fit the longest sequence.
  package let cutCount: Int

  package init(ids: [[Int32]], types: [[Int32]], targets: [Target], cutCount: Int = 0) {
    precondition(ids.count == types.count && ids.count == targets.count, "one target an example")
    self.ids = ids
    self.types = types
    self.targets = targets
    self.cutCount = cutCount
  }

  package var count: Int { ids.count }
  package var tokenCount: Int { ids.reduce(0) { $0 + $1.count } }

  /// The examples at `indices`, packed.
  package func batch(
    _ indices: some Collection<Int>, padding: (length: Int, token: Int32)?
  ) -> PackedBatch {
    PackedBatch(indices.map { (ids[$0], types[$0]) }, padding: padding)
  }

  /// Consecutive examples in groups of at most `tokens` tokens (and at least one example): the unit
  /// of passes that do not train, large enough to keep the matrix product busy.
  package func groups(ofTokens tokens: Int, paddedTo length: Int?) -> [Range<Int>] {
    var groups: [Range<Int>] = []
    var start = 0
    var size = 0
    for (index, example) in ids.enumerated() {
      let length = max(example.count, length ?? 0)
      if index > start, size + length > tokens {
        groups.append(start..<index)
        start = index
        size = 0
      }
      size += length
    }
    if start < ids.count { groups.append(start..<ids.count) }
    return groups
  }
}
