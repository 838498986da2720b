public import CheckpointFiles

/// Statistics of the elements of a tensor, computed in one pass.
///
///     let statistics = try TensorStatistics(of: tensor)
///     print(statistics.mean ?? .nan, statistics.nanCount)
///
/// Elements that are NaN or infinite are counted and excluded from everything else. Complex numbers have a norm;
/// they have no order, and no mean or deviation is computed.
public struct TensorStatistics: Sendable, Hashable {
  /// The number of elements.
  public private(set) var count = 0
  /// How many are not a number.
  public private(set) var nanCount = 0
  /// How many are infinite, of either sign.
  public private(set) var infiniteCount = 0

  private var low = Double.infinity
  private var high = -Double.infinity
  /// Sums are of distances from the first finite element: otherwise rounding would dominate the variance of large
  /// numbers that are close together.
  private var shift: Double?
  private var sum = 0.0
  private var sumOfSquares = 0.0
  private var squaredNorm = 0.0
  private var isComplex = false

  /// The statistics of the elements of `parts` together.
  ///
  /// - Parameters:
  ///   - parts: one tensor, or the rows of one that were selected.
  ///   - progress: called with the number of bytes that were read.
  /// - Throws: `CheckpointError` when the elements cannot be read.
  public init(
    of parts: [Tensor], progress: (Int) -> Void = { _ in }
  ) throws(CheckpointError) {
    for part in parts { try insert(part, progress: progress) }
  }

  /// The statistics of no elements.
  package init() {}

  /// Adds the elements of a tensor.
  package mutating func insert(
    _ part: Tensor, progress: (Int) -> Void = { _ in }
  ) throws(CheckpointError) {
    do {
      try add(part, progress)
    } catch {
      throw error as? CheckpointError ?? CheckpointError(.cannotRead, "\(error)")
    }
  }

  private mutating func add(_ part: Tensor, _ progress: (Int) -> Void) throws {
    if let pairs = part.viewAsReal() {
      isComplex = true
      try pairs.forEachDoubles { values in
        addPairs(values)
        progress(values.count * pairs.dtype.bitWidth / 8)
      }
      return
    }
    try part.forEachDoubles { values in
      add(values)
      progress(values.count * part.dtype.bitWidth / 8)
    }
  }

  /// The statistics of a tensor's elements.
  ///
  /// - Throws: `CheckpointError` when the elements cannot be read.
  public init(of tensor: Tensor) throws(CheckpointError) { try self.init(of: [tensor]) }

  private mutating func add(_ values: Span<Double>) {
    count += values.count
    // Locals, so that the loop runs in registers.
    var (low, high, sum, sumOfSquares, squaredNorm) = (low, high, sum, sumOfSquares, squaredNorm)
    var shift = shift
    var center = shift ?? 0
    for index in values.indices {
      let value = values[index]
      guard value.isFinite else {
        if value.isNaN { nanCount += 1 } else { infiniteCount += 1 }
        continue
      }
      if shift == nil {
        shift = value
        center = value
      }
      let distance = value - center
      sum += distance
      sumOfSquares += distance * distance
      squaredNorm += value * value
      if value < low { low = value }
      if value > high { high = value }
    }
    self.shift = shift
    (self.low, self.high) = (low, high)
    (self.sum, self.sumOfSquares, self.squaredNorm) = (sum, sumOfSquares, squaredNorm)
  }

  private mutating func addPairs(_ values: Span<Double>) {
    count += values.count / 2
    for index in stride(from: 0, to: values.count - 1, by: 2) {
      let (real, imaginary) = (values[index], values[index + 1])
      if real.isNaN || imaginary.isNaN {
        nanCount += 1
      } else if real.isInfinite || imaginary.isInfinite {
        infiniteCount += 1
      } else {
        squaredNorm += real * real + imaginary * imaginary
      }
    }
  }

  private var isOrdered: Bool { finiteCount > 0 && !isComplex }

  /// How many elements are finite.
  public var finiteCount: Int { count - nanCount - infiniteCount }

  /// The least element; `nil` when none is finite, as for the next three.
  public var minimum: Double? { isOrdered ? low : nil }

  /// The greatest element; `nil` when none is finite.
  public var maximum: Double? { isOrdered ? high : nil }

  /// The mean; `nil` when no element is finite.
  public var mean: Double? {
    isOrdered ? (shift ?? 0) + sum / Double(finiteCount) : nil
  }

  /// The standard deviation with `n - 1` in the denominator, as PyTorch's `std`; `nil` below two
  /// finite elements.
  public var standardDeviation: Double? {
    guard isOrdered, finiteCount > 1 else { return nil }
    let n = Double(finiteCount)
    return (max(sumOfSquares - sum * sum / n, 0) / (n - 1)).squareRoot()
  }

  /// The Euclidean norm; `nil` when no element is finite.
  public var norm: Double? { finiteCount > 0 ? squaredNorm.squareRoot() : nil }
}
