/// Labelled sequences as ids, in the order of their file.
package struct TokenizedDataset: Sendable {
  /// Word ids of each example, special tokens included.
  package let ids: [[Int32]]
  /// Token types of each example.
  package let types: [[Int32]]
  /// The label of each example, an index into the classifier's labels.
  package let labels: [Int]

  package init(ids: [[Int32]], types: [[Int32]], labels: [Int]) {
    precondition(ids.count == types.count && ids.count == labels.count, "one label an example")
    self.ids = ids
    self.types = types
    self.labels = labels
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
