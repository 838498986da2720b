/// The frozen prefix's output for every example of a data set, computed once.
///
/// Rows lie packed as in `PackedBatch`: a row for each token, or one for each example when the cut
/// is at the pooled vectors. Beyond the memory limit they lie in an unlinked temporary file that is
/// mapped, so the system may write them out.
package final class FeatureCache {
  let features: Matrix
  /// The rows of each example.
  private let rows: [Range<Int>]
  private let math: Kernels
  /// Whether a journal had all of them, so that nothing was computed.
  let isRestored: Bool
  /// Whether the features lie in a mapped file.
  package let spilled: Bool

  /// The bytes that features of `data` take, or 0 when there is no frozen prefix.
  ///
  /// - Parameter cut: where the prefix ends; `nil` takes the model's own cut.
  package static func byteCount(
    _ model: Classifier, cut: Classifier.Cut? = nil, _ data: TokenizedDataset,
    paddedTo length: Int?
  ) -> Int {
    rowCount(model, cut: cut, data, paddedTo: length) * model.configuration.hiddenSize
      * MemoryLayout<Float>.size
  }

  /// The rows of the features of `data`, or 0 when the model has no frozen prefix.
  static func rowCount(
    _ model: Classifier, cut: Classifier.Cut? = nil, _ data: TokenizedDataset,
    paddedTo length: Int?
  ) -> Int {
    rowOffsets(cut ?? model.cut, data, paddedTo: length).last ?? 0
  }

  private static func rowOffsets(
    _ cut: Classifier.Cut, _ data: TokenizedDataset, paddedTo length: Int?
  ) -> [Int] {
    guard cut != .start else { return [] }
    var offsets = [0]
    offsets.reserveCapacity(data.count + 1)
    for example in data.ids {
      let rows = cut == .pooled ? 1 : max(example.count, length ?? 0)
      offsets.append(offsets[offsets.count - 1] + rows)
    }
    return offsets
  }

  /// Computes the features of every example; `nil` when the model has no frozen prefix.
  ///
  /// - Parameters:
  ///   - memoryLimit: bytes that may be held in memory.
  ///   - journal: keeps each group as soon as it is computed, and has those of an interrupted computation.
  ///   - onJournalFailure: is called once when the journal cannot be written; the computation continues without it.
  ///   - progress: called with the tokens done so far; throwing from it stops the computation.
  package init?(
    _ model: Classifier, _ data: TokenizedDataset, padding: (length: Int, token: Int32)?,
    groupTokens: Int, memoryLimit: Int, journal: FeatureJournal? = nil,
    onJournalFailure: (any Error) throws -> Void = { _ in }, progress: (Int) throws -> Void
  ) throws {
    let offsets = FeatureCache.rowOffsets(model.cut, data, paddedTo: padding?.length)
    guard let count = offsets.last else { return nil }
    let width = model.configuration.hiddenSize
    spilled = count * width * MemoryLayout<Float>.size > memoryLimit
    features =
      spilled
      ? Matrix(try FloatBuffer(temporaryFileOf: count * width), rows: count, columns: width)
      : Matrix(rows: count, columns: width)
    self.rows = (0..<offsets.count - 1).map { offsets[$0]..<offsets[$0 + 1] }
    math = model.math
    let groups = data.groups(ofTokens: groupTokens, paddedTo: padding?.length)
    func rows(_ group: Range<Int>) -> Range<Int> {
      offsets[group.lowerBound]..<offsets[group.upperBound]
    }
    var journal = journal
    var restored = 0
    do { restored = try journal?.restore(into: features, groups.map(rows)) ?? 0 } catch {
      journal = nil
      try onJournalFailure(error)
    }
    isRestored = restored == groups.count
    var done = groups.prefix(restored).reduce(0) { done, group in
      done + data.ids[group].reduce(0) { $0 + max($1.count, padding?.length ?? 0) }
    }
    if restored > 0, !isRestored { try progress(done) }
    for group in groups.dropFirst(restored) {
      let batch = data.batch(group, padding: padding)
      guard let output = model.prefix(batch) else { return nil }
      features.rows(rows(group)).assign(output)
      do { try journal?.append(features, rows(group)) } catch {
        journal = nil
        try onJournalFailure(error)
      }
      done += batch.tokenCount
      try progress(done)
    }
  }

  /// Features that were computed by an earlier run.
  init(
    _ model: Classifier, _ data: TokenizedDataset, paddedTo length: Int?, features: Matrix
  ) {
    let offsets = FeatureCache.rowOffsets(model.cut, data, paddedTo: length)
    self.features = features
    rows = offsets.indices.dropLast().map { offsets[$0]..<offsets[$0 + 1] }
    math = model.math
    spilled = true
    isRestored = true
  }

  /// The features of some examples, for a data set of those; the same memory.
  package func selecting(_ examples: [Int]) -> FeatureCache { FeatureCache(self, examples) }

  private init(_ whole: FeatureCache, _ examples: [Int]) {
    features = whole.features
    rows = examples.map { whole.rows[$0] }
    math = whole.math
    spilled = whole.spilled
    isRestored = whole.isRestored
  }

  /// The features of the examples at `indices`, in that order.
  package func rows(of indices: some Collection<Int>) -> Matrix {
    let count = indices.reduce(0) { $0 + rows[$1].count }
    let out = math.matrix(count, features.columns)
    var start = 0
    for index in indices {
      let source = features.rows(rows[index])
      out.rows(start..<start + source.rows).assign(source)
      start += source.rows
    }
    return out
  }
}
