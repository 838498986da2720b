/// Rows of numbers of which each goes with each: the layers and experts that one selector stands for.
struct NumberBlock {
  /// The numbers at each place, ascending.
  let numbers: [[Int]]
  /// Which rows.
  let places: [Int]

  /// The rows by as few blocks as are easily found: one where each number of a layer goes with each of an expert, more
  /// where some of them are missing.
  ///
  /// - Parameters:
  ///   - numbers: `width` numbers of each row, one row after the other.
  static func blocks(of numbers: [Int], width: Int) -> [NumberBlock] {
    guard width > 0 else { return [] }
    // Lists of numbers, each under a number of its own, so that they are compared quickly.
    var lists: [[Int]] = []
    var listPlaces: [[Int]: Int] = [:]
    func place(of list: [Int]) -> Int {
      if let place = listPlaces[list] { return place }
      listPlaces[list] = lists.count
      lists.append(list)
      return lists.count - 1
    }
    // First each row is a block. Then those that differ at one place alone are one, from the innermost number on.
    var blocks: [(key: [Int], places: [Int])] = []
    for row in 0..<numbers.count / width {
      blocks.append((Array(numbers[row * width..<(row + 1) * width]), [row]))
    }
    for index in (0..<width).reversed() {
      var found: [[Int]: Int] = [:]
      var merged: [(key: [Int], values: [Int], places: [Int])] = []
      for (key, places) in blocks {
        var others = key
        others[index] = 0
        let value = key[index]
        if let last = merged.indices.last, merged[last].key == others {
          merged[last].values.append(value)
          merged[last].places += places
        } else if let known = found[others] {
          merged[known].values.append(value)
          merged[known].places += places
        } else {
          found[others] = merged.count
          merged.append((others, [value], places))
        }
      }
      blocks = merged.map { block in
        var key = block.key
        key[index] = place(of: ascending(block.values))
        return (key, block.places)
      }
    }
    return blocks.map { key, places in
      NumberBlock(numbers: key.map { lists[$0] }, places: places)
    }
  }

  /// The numbers in order, each once.
  private static func ascending(_ numbers: [Int]) -> [Int] {
    var result: [Int] = []
    for number in numbers.sorted() where number != result.last { result.append(number) }
    return result
  }
}
