/// Where packed sequences start and end among their tokens, and how many of each one's tokens may be
/// attended to.
package struct Sequences: Sendable {
  /// S + 1 offsets: sequence s is rows `offsets[s]..<offsets[s + 1]`.
  package let offsets: [Int]
  /// The leading tokens of each sequence that attention sees; the rest is padding, which exists for
  /// `Pooling.meanAll` alone. `nil`: all of them.
  package let visible: [Int]?

  package init(lengths: [Int], visible: [Int]? = nil) {
    var offsets = [0]
    offsets.reserveCapacity(lengths.count + 1)
    for length in lengths { offsets.append(offsets[offsets.count - 1] + length) }
    self.offsets = offsets
    self.visible = visible
  }

  /// The number of sequences (S).
  package var count: Int { offsets.count - 1 }
  /// The number of tokens (T).
  package var tokenCount: Int { offsets[count] }
  /// The first row of each sequence.
  package var starts: [Int32] { offsets.dropLast().map(Int32.init) }
}

/// Tokenised sequences laid end to end, without padding.
package struct PackedBatch: Sendable {
  /// Word ids, `[T]`.
  package let ids: [Int32]
  /// Token types, `[T]`.
  package let types: [Int32]
  /// Positions within each sequence, `[T]`.
  package let positions: [Int32]
  package let sequences: Sequences

  package var tokenCount: Int { ids.count }

  /// Packs sequences of word ids and token types.
  ///
  /// - Parameter padding: for `Pooling.meanAll`: every sequence is extended to `length` with
  ///   `token`, computed like any other but never attended to, as PyTorch treats padding.
  package init(
    _ examples: some Collection<(ids: [Int32], types: [Int32])>,
    padding: (length: Int, token: Int32)? = nil
  ) {
    var ids: [Int32] = []
    var types: [Int32] = []
    var positions: [Int32] = []
    var lengths: [Int] = []
    var visible: [Int] = []
    for example in examples {
      let length = max(example.ids.count, padding?.length ?? 0)
      ids += example.ids
      types += example.types
      if let padding {
        ids += repeatElement(padding.token, count: length - example.ids.count)
        types += repeatElement(0, count: length - example.ids.count)
      }
      positions += 0..<Int32(length)
      lengths.append(length)
      visible.append(example.ids.count)
    }
    self.ids = ids
    self.types = types
    self.positions = positions
    sequences = Sequences(lengths: lengths, visible: padding == nil ? nil : visible)
  }
}
