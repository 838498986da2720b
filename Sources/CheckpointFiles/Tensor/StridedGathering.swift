/// Walks over the elements of a strided tensor in row-major order.
struct StridedGathering {
  private let dimensions: [Int]
  private let strides: [Int]
  private let width: Int
  private var index: [Int]
  /// The offset of the next element in the storage, in bytes.
  private var position: Int

  /// Begins with the first element of `tensor`, whose elements have `width` bytes.
  init(_ tensor: Tensor, width: Int) {
    dimensions = tensor.shape.dimensions
    strides = tensor.strides
    self.width = width
    index = [Int](repeating: 0, count: dimensions.count)
    position = tensor.byteOffset
  }

  /// Fills `target` with the next elements. There must be as many left as it has room for.
  mutating func next(
    from source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
  ) {
    guard let last = dimensions.indices.last, target.count > 0 else { return }
    var place = 0
    while place < target.count {
      // Along the innermost dimension the step is always the same.
      let step = strides[last] * width
      let count = min(dimensions[last] - index[last], (target.count - place) / width)
      unsafe copyElements(
        from: source, at: position, step: step, to: target, at: place, step: width, count: count,
        width: width)
      place += count * width
      position += count * step
      index[last] += count
      var dimension = last
      while dimension >= 0, index[dimension] == dimensions[dimension] {
        position -= strides[dimension] * width * dimensions[dimension]
        index[dimension] = 0
        dimension -= 1
        if dimension >= 0 {
          index[dimension] += 1
          position += strides[dimension] * width
        }
      }
    }
  }
}
