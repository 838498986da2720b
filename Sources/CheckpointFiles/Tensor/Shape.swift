/// The extents of a tensor, outermost first. A scalar has none.
///
/// Invariant: no extent is negative, and the number of elements fits `Int`.
///
///     let shape: Shape = [30_522, 768]
///     print(shape.rank, shape.count, shape.rowMajorStrides)  // 2 23440896 [768, 1]
public struct Shape: Sendable, Hashable {
  /// The extents, outermost first.
  public let dimensions: [Int]

  /// The number of elements; 1 for a scalar.
  public let count: Int

  /// The most extents of a shape: numpy and PyTorch have no more.
  public static let maximumRank = 64

  /// A shape, or `nil` when an extent is negative, the number of elements overflows, or there are more than
  /// ``maximumRank`` extents.
  public init?(_ dimensions: [Int]) {
    guard dimensions.count <= Shape.maximumRank else { return nil }
    var count = 1
    // A zero anywhere makes the count zero, but the other extents must still multiply without
    // overflow: strides are products of them.
    for dimension in dimensions where dimension != 0 {
      guard dimension > 0 else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      guard !overflow else { return nil }
      count = product
    }
    self.dimensions = dimensions
    self.count = dimensions.contains(0) ? 0 : count
  }

  /// The number of extents.
  public var rank: Int { dimensions.count }

  /// The extent of dimension `index`.
  public subscript(index: Int) -> Int { dimensions[index] }

  /// The strides, in elements, of a row-major tensor of this shape.
  public var rowMajorStrides: [Int] {
    var strides = [Int](repeating: 1, count: dimensions.count)
    var step = 1
    for index in dimensions.indices.reversed() {
      strides[index] = step
      step *= max(dimensions[index], 1)
    }
    return strides
  }
}

extension Shape: ExpressibleByArrayLiteral {
  /// A shape written by the programmer. Traps when an extent is negative or the product overflows;
  /// numbers from a file go through ``init(_:)``.
  public init(arrayLiteral elements: Int...) {
    guard let shape = Shape(elements) else {
      preconditionFailure("a shape's extents are not negative and their product fits Int")
    }
    self = shape
  }
}

extension Shape: CustomStringConvertible {
  /// `[2, 3]`; `[]` for a scalar.
  public var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }
}
