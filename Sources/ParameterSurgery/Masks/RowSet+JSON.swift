internal import CheckpointFiles

/// Why a list of row ranges is not valid.
enum RowListError: Error {
  /// The value is not a list of pairs of integers.
  case notRanges
  /// The list has no range.
  case empty
  /// The end of a range is not above its start.
  case reversed(Int, Int)
  /// The ranges overlap or are not ascending.
  case unordered
  /// The text after a range is not JSON.
  case json(CheckpointError)
}

extension RowSet {
  /// Reads a list of half-open ranges, `[[0, 2], [5, 9]]`, without a tree of the document.
  @_lifetime(scanner: copy scanner)
  static func read(_ scanner: inout JSONParser) throws(RowListError) -> RowSet {
    guard scanner.take(UInt8(ascii: "[")) else { throw .notRanges }
    guard !scanner.take(UInt8(ascii: "]")) else { throw .empty }
    var ranges: [Range<Int>] = []
    var isLast = false
    while !isLast {
      let (lower, upper) = try bounds(&scanner)
      guard lower < upper else { throw .reversed(lower, upper) }
      if let last = ranges.last, lower < last.upperBound { throw .unordered }
      ranges.append(lower..<upper)
      do throws(CheckpointError) {
        isLast = try !scanner.another(before: UInt8(ascii: "]"))
      } catch {
        throw .json(error)
      }
    }
    return RowSet(ranges)
  }

  @_lifetime(scanner: copy scanner)
  private static func bounds(
    _ scanner: inout JSONParser
  ) throws(RowListError) -> (lower: Int, upper: Int) {
    do throws(CheckpointError) {
      try scanner.expect(UInt8(ascii: "["))
      let lower = try scanner.integer()
      try scanner.expect(UInt8(ascii: ","))
      let upper = try scanner.integer()
      try scanner.expect(UInt8(ascii: "]"))
      return (lower, upper)
    } catch {
      throw .notRanges
    }
  }
}
