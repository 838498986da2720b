/// A set of rows along dimension 0, as ascending half-open ranges that neither touch nor overlap.
///
///     let rows = RowSet([0..<10, 5..<20, 30..<31])
///     print(rows.ranges, rows.count, rows.contains(12))  // [0..<20, 30..<31] 21 true
public struct RowSet: Sendable, Hashable {
  /// The ranges: ascending, none empty, a gap between neighbours.
  public private(set) var ranges: [Range<Int>]

  /// The rows of `ranges`, which may overlap and stand in any order.
  public init(_ ranges: some Sequence<Range<Int>>) {
    self.ranges = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
      append(range)
    }
  }

  /// Adds a range that starts at or after the start of the last one.
  mutating func append(_ range: Range<Int>) {
    if range.isEmpty { return }
    if let last = ranges.last, range.lowerBound <= last.upperBound {
      ranges[ranges.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
    } else {
      ranges.append(range)
    }
  }

  /// Whether there are no rows.
  public var isEmpty: Bool { ranges.isEmpty }

  /// The number of rows.
  public var count: Int { ranges.reduce(0) { $0 + $1.count } }

  /// Whether `row` is among them. Logarithmic.
  public func contains(_ row: Int) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound <= row { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].contains(row)
  }

  /// The rows in either.
  public func union(_ other: RowSet) -> RowSet { RowSet(ranges + other.ranges) }

  /// The rows that are here and not in `other`.
  public func subtracting(_ other: RowSet) -> RowSet {
    var result = RowSet([])
    var next = 0
    for range in ranges {
      var start = range.lowerBound
      while next < other.ranges.count, other.ranges[next].upperBound <= start { next += 1 }
      var cut = next
      while cut < other.ranges.count, other.ranges[cut].lowerBound < range.upperBound {
        if start < other.ranges[cut].lowerBound {
          result.append(start..<other.ranges[cut].lowerBound)
        }
        start = max(start, other.ranges[cut].upperBound)
        cut += 1
      }
      if start < range.upperBound { result.append(start..<range.upperBound) }
    }
    return result
  }

  /// The rows of a tensor of `count` rows that are not here.
  public func complement(in count: Int) -> RowSet { RowSet([0..<max(count, 0)]).subtracting(self) }
}
