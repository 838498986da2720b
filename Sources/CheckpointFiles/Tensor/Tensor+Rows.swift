extension Tensor {
  /// The tensor with rows of dimension 0 replaced; every other byte stays as it is. The work
  /// is done when the bytes are used.
  ///
  /// - Parameters:
  ///   - ranges: ascending, disjoint, inside the tensor.
  ///   - rows: the new rows, one below the other, of the same dtype.
  /// - Throws: `CheckpointError` when the rows do not fit.
  package func replacingRows(_ ranges: [Range<Int>], with rows: Tensor) throws(CheckpointError)
    -> Tensor
  {
    let rowCount = shape.dimensions.first ?? 1
    let replaced = ranges.reduce(0) { $0 + $1.count }
    guard dtype.byteWidth != nil, rows.dtype == dtype, shape.rank > 0,
      ranges.allSatisfy({ $0.lowerBound >= 0 && $0.upperBound <= rowCount }),
      rows.shape.count * rowCount == shape.count * replaced
    else {
      throw .rowsDoNotFit(replaced, rows, into: self)
    }
    let (old, new) = (self, rows)
    return try Tensor.computed(dtype: dtype, shape: shape) { sink in
      let (old, new) = (try old.addressable(), try new.addressable())
      var (row, used) = (0, 0)
      func copy(_ part: Tensor?) throws { try part?.forEachChunk { try sink.append($0) } }
      for range in ranges {
        try copy(old.slice(0, row..<range.lowerBound))
        try copy(new.slice(0, used..<used + range.count))
        row = range.upperBound
        used += range.count
      }
      try copy(old.slice(0, row..<rowCount))
    }
  }
}
