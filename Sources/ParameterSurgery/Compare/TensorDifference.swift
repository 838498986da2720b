public import CheckpointFiles

/// How a tensor of one checkpoint differs from the tensor of the same name in another.
///
///     for change in diff.changed where change.isShapeChanged { print(change.key, change.shapes) }
public struct TensorDifference: Sendable, Hashable {
  /// The key in the first checkpoint.
  public let key: Key
  /// The key in the second; it differs when keys were renamed or a prefix was ignored.
  public let keyInB: Key
  /// The dtypes in the first and the second.
  public let dtypes: [DType]
  /// The shapes in the first and the second.
  public let shapes: [Shape]
  /// How the values differ; `nil` when the shapes differ, or numbers of the dtype are not supported.
  public let values: ValueDifference?

  /// Whether the dtypes differ.
  public var isDTypeChanged: Bool { dtypes[0] != dtypes[1] }
  /// Whether the shapes differ.
  public var isShapeChanged: Bool { shapes[0] != shapes[1] }
}

/// Distances between the values a of one tensor and b of another, computed in double precision.
///
/// NaNs with the same bits are the same value; a NaN against anything else is a change that makes the
/// distances NaN. Infinities of one sign are the same. Complex numbers count as two numbers.
///
///     for values in diff.changed.compactMap(\.values) {
///       print(values.relativeL2, values.changedFraction)
///     }
public struct ValueDifference: Sendable, Hashable {
  /// The greatest |b − a|.
  public let maxAbs: Double
  /// ‖b − a‖ / ‖a‖. Infinite when a is zero.
  public let relativeL2: Double
  /// The cosine of the angle between a and b. NaN when one of them is zero.
  public let cosine: Double
  /// The share of elements with |b − a| > atol + rtol·|b|.
  public let changedFraction: Double
  /// ‖b − a‖², and ‖a‖², from which sums over several tensors are computed.
  let squaredDifference: Double
  let squaredNorm: Double

  init(_ sums: ElementDifference, count: Int) {
    let isNaN = sums.d2.isNaN
    (squaredDifference, squaredNorm) = (sums.d2, sums.a2)
    maxAbs = isNaN ? .nan : sums.maxAbs
    relativeL2 = sums.d2 == 0 ? 0 : (sums.d2 / sums.a2).squareRoot()
    // One root of each, for the product of the squares can leave the range of a double.
    let cosine = sums.ab / (sums.a2.squareRoot() * sums.b2.squareRoot())
    self.cosine = sums.d2 == 0 && cosine.isFinite ? 1 : min(max(cosine, -1), 1)
    changedFraction = count == 0 ? 0 : Double(sums.changed) / Double(count)
  }
}
