internal import CheckpointFiles
internal import OrderedCollections

// Steps that make other elements.
extension SurgeryPlan {
  mutating func cast(
    _ selectors: SelectorList, _ dtype: DType, _ saturating: Bool, _ operation: SurgeryOperation
  ) throws -> Int {
    let losses = losses
    // Integers and Booleans stay what they are.
    let selected = try selectWhole(selectors, operation).filter { item in
      item.tensor.dtype.isFloatingPoint && item.tensor.dtype != dtype
    }
    let items = try leavingQuantized(selected, operation)
    try replaceEach(items) { key, tensor in
      let cast = try tensor.recomputed(
        as: dtype, saturating: saturating,
        finished: { lost in losses.record(lost, key, dtype, isSaturated: saturating) })
      return (cast, .cast(from: tensor.dtype, to: dtype, saturating: saturating))
    }
    if items.isEmpty {
      stepNotes.append(
        "\(operation): everything selected is \(dtype) already, or does not hold floating-point numbers"
      )
    }
    return items.count
  }

  mutating func scale(
    _ selectors: SelectorList, _ factor: Double, _ operation: SurgeryOperation
  ) throws -> Int {
    let items = try select(selectors)
    for item in items {
      guard item.tensor.dtype.isFloatingPoint, item.tensor.dtype.byteWidth != nil else {
        throw SurgeryError.cannotBeScaled(item.tensor, operation)
      }
    }
    try checkScaling(items.map(\.key), operation)
    func scaled(_ part: Tensor) throws -> Tensor {
      try part.recomputed(
        as: part.dtype, changing: { values in Elementwise.scale(&values, by: factor) })
    }
    try replaceEach(items.filter { $0.rows == nil }) { _, tensor in
      (try scaled(tensor), .scaled(by: factor, rows: nil))
    }
    for item in items {
      guard let rows = item.rows else { continue }
      let tensor = tensors.slots[item.index].entry.tensor
      let part = try SurgeryPlan.rows(rows.ranges, of: tensor)
      replace(
        item.index, with: try tensor.replacingRows(rows.ranges, with: try scaled(part)),
        .scaled(by: factor, rows: rows.count))
    }
    return items.count
  }

  mutating func transpose(_ selectors: SelectorList, _ operation: SurgeryOperation) throws -> Int {
    let items = try selectWhole(selectors, operation)
    try replaceEach(items) { key, tensor in
      guard let transposed = tensor.transposed() else {
        throw SurgeryError.tooFewDimensions(key, tensor.shape, operation)
      }
      return (try transposed.detached(), .transposed)
    }
    return items.count
  }

  mutating func slice(
    _ selectors: SelectorList, _ ranges: [IndexRange], _ operation: SurgeryOperation
  ) throws -> Int {
    let items = try selectWhole(selectors, operation)
    try replaceEach(items) { key, tensor in
      guard ranges.count <= tensor.shape.rank else {
        throw SurgeryError.otherRank(key, tensor.shape.rank, ranges.count, operation)
      }
      var view = tensor
      for (dimension, range) in ranges.enumerated() {
        let extent = tensor.shape[dimension]
        guard let indices = range.indices(of: extent), let next = view.slice(dimension, indices)
        else { throw SurgeryError.noRange(range, of: extent, dimension, key, operation) }
        view = next
      }
      return (try view.detached(), .cut(from: tensor.shape, to: view.shape))
    }
    return items.count
  }

  /// Rows of a tensor, one below the other.
  static func rows(_ ranges: [Range<Int>], of tensor: Tensor) throws -> Tensor {
    for range in ranges where tensor.slice(0, range) == nil {
      throw SurgeryError.noSuchRows(range, tensor)
    }
    let extents = [ranges.reduce(0) { $0 + $1.count }] + tensor.shape.dimensions.dropFirst()
    guard let shape = Shape(extents) else { throw SurgeryError.tooManyRows }
    return try Tensor.computed(dtype: tensor.dtype, shape: shape) { sink in
      // One range is read in one pass; several might be far apart.
      let source = ranges.count == 1 ? tensor : try tensor.addressable()
      for range in ranges { try source.slice(0, range)?.forEachChunk { try sink.append($0) } }
    }
  }

  mutating func addInitialised(
    _ key: Key, _ dtype: DType, _ shape: Shape, _ initialiser: Initialiser,
    _ operation: SurgeryOperation
  ) throws -> Int {
    let values = try initialiser.values(shape)
    let seed = seed
    let tensor = try Tensor.computed(dtype: dtype, shape: shape) { sink in
      try values.fill(shape.count, seed: seed, stream: key.string) { try sink.append($0) }
    }
    try add(
      key, Entry(tensor: tensor, origin: nil, effects: [.initialised(initialiser)]), operation)
    return 1
  }
}

extension IndexRange {
  /// The range of a dimension of `extent` that is kept, where an index is the range of one; `nil` when it is empty, or has
  /// a step.
  fileprivate func indices(of extent: Int) -> Range<Int>? {
    func bound(_ number: Int) -> Int {
      min(max(number < 0 ? number.addingReportingOverflow(extent).partialValue : number, 0), extent)
    }
    let (start, end): (Int, Int)
    switch self {
    case .index(let index):
      start = bound(index)
      end = min(start.addingSaturated(1), extent)
    case .slice(let first, let stop, 1): (start, end) = (bound(first ?? 0), bound(stop ?? extent))
    case .slice: return nil
    }
    return start < end ? start..<end : nil
  }
}
