internal import CheckpointFiles
internal import Dispatch
internal import Synchronization

/// Two tensors to be compared element by element: same shape, both row-major.
struct TensorPair: Sendable {
  let a: Tensor
  let b: Tensor

  /// - Throws: `CheckpointError` when the bytes of a strided tensor cannot be loaded.
  init(_ a: Tensor, _ b: Tensor) throws {
    self.a = try a.contiguous()
    self.b = try b.contiguous()
  }
}

/// A range of a pair: bytes when whole pairs are compared by their bytes, else elements.
private struct Piece {
  var pair: Int
  var range: Range<Int>
}

/// Large enough to hide the cost of a task, small enough to keep all cores busy to the end.
private let pieceSize = 1 << 20

private func pieces(_ counts: [Int]) -> [Piece] {
  var pieces: [Piece] = []
  for (pair, count) in counts.enumerated() {
    for start in stride(from: 0, to: count, by: pieceSize) {
      pieces.append(Piece(pair: pair, range: start..<min(start + pieceSize, count)))
    }
  }
  return pieces
}

/// Reports the progress of a comparison: bytes of the first tensor of each pair, counted once even if they are read a
/// second time to be measured.
final class ComparisonMeter: Sendable {
  /// Called with the number of compared bytes and with the number of all bytes.
  typealias Report = @Sendable (_ done: Int, _ total: Int) -> Void

  private let total: Int
  private let state: Mutex<(left: [Int], done: Int)>
  private let report: Report

  /// `nil` when there is no report.
  init?(_ counts: [Int], _ report: Report?) {
    guard let report else { return nil }
    total = counts.reduce(0) { $0 &+ $1 }
    state = Mutex((counts, 0))
    self.report = report
  }

  /// Counts bytes of one pair.
  func count(_ bytes: Int, of pair: Int) {
    let done = state.withLock { state in
      let counted = min(bytes, state.left[pair])
      state.left[pair] -= counted
      state.done &+= counted
      return state.done
    }
    report(done, total)
  }
}

/// For each pair of one dtype and shape, whether the bytes are the same. Uses all cores.
///
/// - Parameter progress: called with numbers of bytes that are equal, and the index of their pair.
/// - Throws: `CheckpointError` when bytes cannot be loaded.
func bytesAreEqual(
  _ pairs: [TensorPair], progress: (@Sendable (_ bytes: Int, _ pair: Int) -> Void)? = nil
) throws -> [Bool] {
  let pieces = pieces(pairs.map(\.a.byteCount))
  let differs = Mutex([Bool](repeating: false, count: pairs.count))
  try concurrently(pieces.count) { index in
    let piece = pieces[index]
    if differs.withLock({ $0[piece.pair] }) { return }
    if try !bytesAreEqual(pairs[piece.pair], in: piece.range) {
      differs.withLock { $0[piece.pair] = true }
    } else {
      progress?(piece.range.count, piece.pair)
    }
  }
  return differs.withLock { $0 }.map { !$0 }
}

/// Whether a range of bytes of two row-major tensors is the same.
func bytesAreEqual(_ pair: TensorPair, in range: Range<Int>) throws -> Bool {
  let a = try TensorBytes(pair.a, capacity: blockSize)
  let b = try TensorBytes(pair.b, capacity: blockSize)
  for block in blocks(of: range, blockSize) {
    let isEqual = try a.withBytes(block) { a in
      try b.withBytes(block) { b in CheckpointFiles.bytesAreEqual(a, b) }
    }
    if !isEqual { return false }
  }
  return true
}

/// Bytes that are read at once: they stay in the cache of a core until they are compared.
private let blockSize = 1 << 17

private func blocks(of range: Range<Int>, _ size: Int) -> some Sequence<Range<Int>> {
  stride(from: range.lowerBound, to: range.upperBound, by: size).lazy
    .map { $0..<min($0 + size, range.upperBound) }
}

/// The first bytes, the last and some between, as a number that equal tensors share in this process.
func fingerprint(_ tensor: Tensor) throws -> Int {
  let width = 64
  let bytes = try TensorBytes(tensor, capacity: width)
  var hasher = Hasher()
  let step = max(tensor.byteCount / 32, width)
  for start in stride(from: 0, to: tensor.byteCount, by: step) {
    try bytes.withBytes(start..<min(start + width, tensor.byteCount)) {
      hasher.combine(bytesOf: $0)
    }
  }
  return hasher.finalize()
}

/// The sums for each pair; the dtypes of a pair may differ. Uses all cores; the result does not depend
/// on their number. `nil` for a pair with a dtype that has no numbers here (below eight bits).
///
/// - Parameter progress: called with numbers of bytes of the first of a pair, and its index.
/// - Throws: `CheckpointError` when bytes cannot be loaded.
func differenceSums(
  _ pairs: [TensorPair], atol: Double, rtol: Double,
  progress: (@Sendable (_ bytes: Int, _ pair: Int) -> Void)? = nil
) throws -> [ElementDifference?] {
  let kinds = pairs.map { (ElementKind($0.a.dtype), ElementKind($0.b.dtype)) }
  let pieces = pieces(
    zip(pairs, kinds).map { pair, kinds in
      guard let a = kinds.0, let b = kinds.1, a.lanes == b.lanes else { return 0 }
      return pair.a.shape.count * a.lanes
    })
  let partial = Mutex([ElementDifference](repeating: ElementDifference(), count: pieces.count))
  try concurrently(pieces.count) { index in
    let piece = pieces[index]
    guard let a = kinds[piece.pair].0, let b = kinds[piece.pair].1 else { return }
    let sums = try sums(pairs[piece.pair], piece.range, a, b, atol, rtol)
    partial.withLock { $0[index] = sums }
    progress?(piece.range.count * a.width, piece.pair)
  }
  var totals: [ElementDifference?] = kinds.map { a, b in
    guard let a, let b, a.lanes == b.lanes else { return nil }
    return ElementDifference()
  }
  // In order, so that the sums are the same on any number of cores.
  for (piece, sums) in zip(pieces, partial.withLock { $0 }) {
    guard var total = totals[piece.pair] else { continue }
    total.add(sums)
    totals[piece.pair] = total
  }
  return totals
}

private func sums(
  _ pair: TensorPair, _ range: Range<Int>, _ kindA: ElementKind, _ kindB: ElementKind,
  _ atol: Double, _ rtol: Double
) throws -> ElementDifference {
  let (widthA, widthB) = (kindA.width, kindB.width)
  let size = blockSize / max(widthA, widthB)
  let a = try TensorBytes(pair.a, capacity: size * widthA)
  let b = try TensorBytes(pair.b, capacity: size * widthB)
  var sums = ElementDifference()
  for block in blocks(of: range, size) {
    try a.withBytes(block.lowerBound * widthA..<block.upperBound * widthA) { a in
      try b.withBytes(block.lowerBound * widthB..<block.upperBound * widthB) { b in
        sums.add(ElementDifference(a, kindA, b, kindB, atol: atol, rtol: rtol))
      }
    }
  }
  return sums
}
