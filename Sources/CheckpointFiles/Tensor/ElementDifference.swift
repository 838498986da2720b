internal import CEspalierKernels

/// Sums over the elements of two sequences of numbers; see `espalier_difference`.
package struct ElementDifference: Sendable {
  /// The largest absolute difference.
  package var maxAbs = 0.0
  /// The sum of squared differences.
  package var d2 = 0.0
  /// The sum of squares of the first.
  package var a2 = 0.0
  /// The sum of squares of the second.
  package var b2 = 0.0
  /// The sum of products.
  package var ab = 0.0
  /// Elements that differ by more than the tolerance.
  package var changed = 0

  /// Sums of nothing.
  package init() {}

  /// Adds the sums of other elements.
  package mutating func add(_ other: ElementDifference) {
    maxAbs = max(maxAbs, other.maxAbs)
    d2 += other.d2
    a2 += other.a2
    b2 += other.b2
    ab += other.ab
    changed += other.changed
  }

  /// Compares elements of two dtypes, as many as the shorter span holds, in double precision; whole numbers
  /// of 64 bits, which a double does not hold, by their exact difference.
  ///
  /// Elements count as changed unless |b − a| ≤ atol + rtol·|b|.
  package init(
    _ a: RawSpan, _ kindA: ElementKind, _ b: RawSpan, _ kindB: ElementKind, atol: Double,
    rtol: Double
  ) {
    let count = min(a.byteCount / kindA.width, b.byteCount / kindB.width)
    let sums = unsafe a.withUnsafeBytes { a in
      unsafe b.withUnsafeBytes { b -> espalier_difference in
        var out = espalier_difference()
        guard let x = a.baseAddress, let y = b.baseAddress else { return out }
        if kindA.code == espalier_kind_f32, kindB.code == espalier_kind_f32 {
          unsafe espalier_difference_f32(&out, x, y, count, atol, rtol)
          return out
        }
        let isSigned = kindA.code == espalier_kind_i64
        if kindA.code == kindB.code, isSigned || kindA.code == espalier_kind_u64 {
          unsafe espalier_difference_int64(&out, x, y, count, isSigned ? 1 : 0, atol, rtol)
          return out
        }
        // Small enough to stay in the first-level cache.
        let block = 1024
        unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * block) { memory in
          guard let wideA = memory.baseAddress else { return }
          let wideB = unsafe wideA + block
          for start in stride(from: 0, to: count, by: block) {
            let size = min(block, count - start)
            unsafe espalier_to_f64(wideA, x + start * kindA.width, size, kindA.code)
            unsafe espalier_to_f64(wideB, y + start * kindB.width, size, kindB.code)
            unsafe espalier_difference_f64(&out, wideA, wideB, size, atol, rtol)
          }
        }
        return out
      }
    }
    maxAbs = sums.max_abs
    (d2, a2, b2, ab) = (sums.d2, sums.a2, sums.b2, sums.ab)
    changed = Int(sums.changed)
  }
}

/// The numbers that an element consists of: one, or two when it is complex.
package struct ElementKind: Sendable {
  let code: espalier_kind
  /// Bytes of a number.
  package let width: Int
  /// Numbers in an element.
  package let lanes: Int

  /// `nil` for dtypes below eight bits.
  package init?(_ dtype: DType) {
    let parts: (DType, Int) =
      switch dtype {
      case .complex32: (.float16, 2)
      case .complex64: (.float32, 2)
      case .complex128: (.float64, 2)
      default: (dtype, 1)
      }
    guard let code = parts.0.kind, let width = parts.0.byteWidth else { return nil }
    (self.code, self.width, lanes) = (code, width, parts.1)
  }
}
