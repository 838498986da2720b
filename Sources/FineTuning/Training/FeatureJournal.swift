internal import CheckpointFiles
internal import ParameterSurgery

/// The frozen prefix's output, stored group by group while it is computed, so that a run that is interrupted does not
/// compute it again.
///
/// A file of this kind grows and may end anywhere: a process is killed, a disk is full, a machine loses power. Each block
/// is one group of examples and begins with a SHA-256 over what the features depend on, the place of the block and its
/// elements; a block without its digest, and everything after it, is removed before the file grows on.
package final class FeatureJournal {
  private let file: AppendedFile
  /// What each block is bound to.
  private let digest: String

  /// Bytes of a digest in a block: 64 hexadecimal digits.
  private static let digestSize = 64
  /// Begins every file; counts changes of the layout.
  private static let marker = "espalier-feature-journal 1\n"

  /// Opens the journal at `path`, which is created when it is missing.
  ///
  /// - Parameter entry: what the features depend on.
  /// - Throws: `CheckpointError` when the file cannot be written, or another process writes to it.
  init(_ path: String, of entry: FeatureStore.Entry) throws(CheckpointError) {
    file = try AppendedFile(path)
    digest = entry.digest
  }

  /// Copies complete blocks into `features` and removes the rest of the file.
  ///
  /// - Parameters:
  ///   - features: the features of all examples.
  ///   - groups: the rows of each group, in order.
  /// - Returns: how many groups were restored.
  /// - Throws: `CheckpointError` when the file cannot be read or cut.
  func restore(into features: Matrix, _ groups: [Range<Int>]) throws -> Int {
    let marker = Array(FeatureJournal.marker.utf8)
    guard file.byteCount >= marker.count, try file.bytes(at: 0, count: marker.count) == marker
    else {
      try file.cut(to: 0)
      try file.append(marker)
      return 0
    }
    var end = marker.count
    for (index, rows) in groups.enumerated() {
      let size = rows.count * features.columns * MemoryLayout<Float>.size
      guard size <= file.byteCount - end - FeatureJournal.digestSize else {
        try file.cut(to: end)
        return index
      }
      let stored = try file.bytes(at: end, count: FeatureJournal.digestSize)
      let elements = try file.bytes(at: end + FeatureJournal.digestSize, count: size)
      guard stored == Array(blockDigest(rows, elements).utf8) else {
        try file.cut(to: end)
        return index
      }
      features.rows(rows).elements.assign(bytes: elements)
      end += FeatureJournal.digestSize + size
    }
    try file.cut(to: end)
    return groups.count
  }

  /// Adds the next group.
  ///
  /// - Parameters:
  ///   - features: the features of all examples, of which `rows` are computed.
  ///   - rows: the rows of the group.
  /// - Throws: when the file cannot be written.
  func append(_ features: Matrix, _ rows: Range<Int>) throws {
    let elements = try features.rows(rows).tensor().bytes()
    // One write, so that a block is usually there as a whole or not at all.
    try file.append(Array(blockDigest(rows, elements).utf8) + elements)
  }

  private func blockDigest(_ rows: Range<Int>, _ elements: [UInt8]) -> String {
    var hash = SHA256Hash()
    hash.update("\(digest)\n\(rows.lowerBound) \(rows.upperBound)\n")
    hash.update(elements)
    return hash.hexadecimal()
  }
}
