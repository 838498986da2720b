/// Reads shapes of a header and remembers the last few: the layers of a model repeat them, and tensors
/// of one shape then share its array.
struct RecentShapes {
  private var shapes: [Shape] = []
  /// The place that is overwritten next.
  private var next = 0
  private var dimensions: [Int] = []

  private static let capacity = 8

  /// Takes an array of integers as a shape.
  ///
  /// - Throws: `CheckpointError` when there is none, or its elements cannot be counted.
  mutating func parse(_ scanner: inout JSONParser) throws(CheckpointError) -> Shape {
    dimensions.removeAll(keepingCapacity: true)
    try scanner.expect(UInt8(ascii: "["))
    if !scanner.take(UInt8(ascii: "]")) {
      repeat {
        dimensions.append(try scanner.integer())
        guard dimensions.count <= Shape.maximumRank else {
          throw scanner.failure(.rankTooHigh(dimensions.count))
        }
      } while try scanner.another(before: UInt8(ascii: "]"))
    }
    for shape in shapes where shape.dimensions == dimensions { return shape }
    // An array of its own, of no more than the size that it needs.
    guard let shape = Shape(Array(dimensions[...])) else {
      throw .uncountableShape
    }
    if shapes.count < RecentShapes.capacity {
      shapes.append(shape)
    } else {
      shapes[next] = shape
      next = (next + 1) % RecentShapes.capacity
    }
    return shape
  }
}
