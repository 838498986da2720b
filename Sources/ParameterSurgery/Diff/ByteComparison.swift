internal import CEspalierKernels
internal import CheckpointFiles
internal import Dispatch
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

// This file holds all the unsafe memory of the room: pointers live as long as one call of a C function.

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

/// Runs `body` for every index on all cores; of the errors thrown the one with the least index wins.
private func onAllCores(_ count: Int, _ body: @Sendable (Int) throws -> Void) throws {
  let failure = Mutex<(index: Int, error: any Error)?>(nil)
  DispatchQueue.concurrentPerform(iterations: count) { index in
    do {
      try body(index)
    } catch {
      failure.withLock { if index < $0?.index ?? .max { $0 = (index, error) } }
    }
  }
  if let failure = failure.withLock({ $0 }) { throw failure.error }
}

/// For each pair of one dtype and shape, whether the bytes are the same. Uses all cores.
///
/// - Throws: `CheckpointError` when bytes cannot be loaded.
func bytesAreEqual(_ pairs: [TensorPair]) throws -> [Bool] {
  let pieces = pieces(pairs.map(\.a.byteCount))
  let differs = Mutex([Bool](repeating: false, count: pairs.count))
  try onAllCores(pieces.count) { index in
    let piece = pieces[index]
    if differs.withLock({ $0[piece.pair] }) { return }
    if try !bytesAreEqual(pairs[piece.pair], in: piece.range) {
      differs.withLock { $0[piece.pair] = true }
    }
  }
  return differs.withLock { $0 }.map { !$0 }
}

/// Whether a range of bytes of two row-major tensors is the same.
func bytesAreEqual(_ pair: TensorPair, in range: Range<Int>) throws -> Bool {
  try pair.a.withBytes { a in
    try pair.b.withBytes { b in
      unsafe a.extracting(range).withUnsafeBytes { a in
        unsafe b.extracting(range).withUnsafeBytes { b in
          guard let x = a.baseAddress, let y = b.baseAddress else { return true }
          return unsafe memcmp(x, y, range.count) == 0
        }
      }
    }
  }
}

/// The first bytes, the last and some between, as a number that equal tensors share in this process.
func fingerprint(_ tensor: Tensor) throws -> Int {
  let tensor = try tensor.contiguous()
  var hasher = Hasher()
  try tensor.withBytes { bytes in
    let width = 64
    let step = max(bytes.byteCount / 32, width)
    for start in stride(from: 0, to: bytes.byteCount, by: step) {
      let end = min(start + width, bytes.byteCount)
      unsafe bytes.extracting(start..<end).withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }
  }
  return hasher.finalize()
}

/// Sums over the elements of a pair; see `espalier_difference`.
struct DifferenceSums: Sendable {
  var maxAbs = 0.0
  var d2 = 0.0
  var a2 = 0.0
  var b2 = 0.0
  var ab = 0.0
  var changed = 0
}

/// The sums for each pair; the dtypes of a pair may differ. Uses all cores; the result does not depend
/// on their number. `nil` for a pair with a dtype that has no numbers here (below eight bits).
///
/// - Throws: `CheckpointError` when bytes cannot be loaded.
func differenceSums(
  _ pairs: [TensorPair], atol: Double, rtol: Double
) throws -> [DifferenceSums?] {
  let kinds = pairs.map { (ElementKind($0.a.dtype), ElementKind($0.b.dtype)) }
  let pieces = pieces(
    zip(pairs, kinds).map { pair, kinds in
      guard let a = kinds.0, let b = kinds.1, a.lanes == b.lanes else { return 0 }
      return pair.a.shape.count * a.lanes
    })
  let partial = Mutex([DifferenceSums](repeating: DifferenceSums(), count: pieces.count))
  try onAllCores(pieces.count) { index in
    let piece = pieces[index]
    guard let a = kinds[piece.pair].0, let b = kinds[piece.pair].1 else { return }
    let sums = try sums(pairs[piece.pair], piece.range, a, b, atol, rtol)
    partial.withLock { $0[index] = sums }
  }
  var totals: [DifferenceSums?] = kinds.map { a, b in
    guard let a, let b, a.lanes == b.lanes else { return nil }
    return DifferenceSums()
  }
  // In order, so that the sums are the same on any number of cores.
  for (piece, sums) in zip(pieces, partial.withLock { $0 }) {
    guard var total = totals[piece.pair] else { continue }
    total.maxAbs = max(total.maxAbs, sums.maxAbs)
    total.d2 += sums.d2
    total.a2 += sums.a2
    total.b2 += sums.b2
    total.ab += sums.ab
    total.changed += sums.changed
    totals[piece.pair] = total
  }
  return totals
}

private func sums(
  _ pair: TensorPair, _ range: Range<Int>, _ kindA: ElementKind, _ kindB: ElementKind,
  _ atol: Double, _ rtol: Double
) throws -> DifferenceSums {
  let (widthA, widthB) = (kindA.width, kindB.width)
  let bytesA = range.lowerBound * widthA..<range.upperBound * widthA
  let bytesB = range.lowerBound * widthB..<range.upperBound * widthB
  let f32 = Int32(ESPALIER_KIND_F32)
  let result = try pair.a.withBytes { a in
    try pair.b.withBytes { b in
      unsafe a.extracting(bytesA).withUnsafeBytes { a in
        unsafe b.extracting(bytesB).withUnsafeBytes { b -> espalier_difference in
          var out = espalier_difference()
          guard let x = a.baseAddress, let y = b.baseAddress else { return out }
          if kindA.code == f32, kindB.code == f32 {
            unsafe espalier_difference_f32(&out, x, y, range.count, atol, rtol)
            return out
          }
          // Small enough to stay in the first-level cache.
          let block = 1024
          unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * block) { memory in
            guard let wideA = memory.baseAddress else { return }
            let wideB = unsafe wideA + block
            for start in stride(from: 0, to: range.count, by: block) {
              let count = min(block, range.count - start)
              _ = unsafe espalier_widen_f64(wideA, x + start * widthA, count, kindA.code)
              _ = unsafe espalier_widen_f64(wideB, y + start * widthB, count, kindB.code)
              unsafe espalier_difference_f64(&out, wideA, wideB, count, atol, rtol)
            }
          }
          return out
        }
      }
    }
  }
  return DifferenceSums(
    maxAbs: result.max_abs, d2: result.d2, a2: result.a2, b2: result.b2, ab: result.ab,
    changed: Int(result.changed))
}

/// How the kernels name an element type.
private struct ElementKind: Sendable {
  var code: Int32
  var width: Int
  /// Numbers in an element: 2 when it is complex.
  var lanes = 1

  init?(_ dtype: DType) {
    let kind: (Int, Int, Int)? =
      switch dtype {
      case .float64: (Int(ESPALIER_KIND_F64), 8, 1)
      case .float32: (Int(ESPALIER_KIND_F32), 4, 1)
      case .float16: (Int(ESPALIER_KIND_F16), 2, 1)
      case .bfloat16: (Int(ESPALIER_KIND_BF16), 2, 1)
      case .int64: (Int(ESPALIER_KIND_I64), 8, 1)
      case .uint64: (Int(ESPALIER_KIND_U64), 8, 1)
      case .int32: (Int(ESPALIER_KIND_I32), 4, 1)
      case .uint32: (Int(ESPALIER_KIND_U32), 4, 1)
      case .int16: (Int(ESPALIER_KIND_I16), 2, 1)
      case .uint16: (Int(ESPALIER_KIND_U16), 2, 1)
      case .int8: (Int(ESPALIER_KIND_I8), 1, 1)
      case .uint8, .bool: (Int(ESPALIER_KIND_U8), 1, 1)
      case .float8E4M3: (Int(ESPALIER_KIND_F8_E4M3), 1, 1)
      case .float8E5M2: (Int(ESPALIER_KIND_F8_E5M2), 1, 1)
      case .float8E4M3FNUZ: (Int(ESPALIER_KIND_F8_E4M3FNUZ), 1, 1)
      case .float8E5M2FNUZ: (Int(ESPALIER_KIND_F8_E5M2FNUZ), 1, 1)
      case .float8E8M0: (Int(ESPALIER_KIND_F8_E8M0), 1, 1)
      case .complex32: (Int(ESPALIER_KIND_F16), 2, 2)
      case .complex64: (Int(ESPALIER_KIND_F32), 4, 2)
      case .complex128: (Int(ESPALIER_KIND_F64), 8, 2)
      case .float4, .float6E2M3, .float6E3M2: nil
      }
    guard let kind else { return nil }
    (code, width, lanes) = (Int32(kind.0), kind.1, kind.2)
  }
}
