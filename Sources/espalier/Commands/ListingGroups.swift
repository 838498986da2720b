import CheckpointFiles
import ParameterSurgery

/// Rows that differ in nothing but numbers in their keys, of one dtype and shape: the tensors of
/// repeated layers and experts.
struct ListingGroups {
  /// What rows of one group have in common.
  private struct Pattern: Hashable {
    /// The parts of the key; numbers are empty.
    let parts: [UInt8]
    let dtype: DType
    let dimensions: [Int]
  }

  /// Rows that are shown as one.
  struct Group {
    fileprivate(set) var first: Listing.Row
    fileprivate(set) var count = 1
    fileprivate(set) var bytes: Int
    fileprivate(set) var files: Set<String>
    /// The numbers at each place of the key that has one.
    fileprivate var numbers: [Set<Int>]

    /// `encoder.layer.[0-11].output.dense.weight`.
    var name: String {
      guard count > 1 else { return first.name }
      var place = 0
      let parts = shown(first.tensor.key.string).split(
        separator: ".", omittingEmptySubsequences: false)
      return parts.map { part in
        guard ListingGroups.number(part.utf8) != nil, place < numbers.count else {
          return String(part)
        }
        defer { place += 1 }
        return numbers[place].count == 1 ? String(part) : "[\(Self.ranges(numbers[place]))]"
      }.joined(separator: ".")
    }

    /// `0-11`, `0,2,4`; the middle of many ranges is left out.
    private static func ranges(_ numbers: Set<Int>) -> String {
      var ranges: [ClosedRange<Int>] = []
      for number in numbers.sorted() {
        if let last = ranges.last, last.upperBound == number - 1 {
          ranges[ranges.count - 1] = last.lowerBound...number
        } else {
          ranges.append(number...number)
        }
      }
      let texts = ranges.map {
        $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
      }
      return texts.count <= 6
        ? texts.joined(separator: ",")
        : texts.prefix(4).joined(separator: ",") + ",…," + texts[texts.count - 1]
    }
  }

  /// In the order in which their first rows stand.
  private(set) var groups: [Group] = []

  init(_ rows: [Listing.Row]) {
    var places: [Pattern: Int] = [:]
    for row in rows {
      let files = Set(row.file.map { [$0] } ?? [])
      let (text, numbers) = ListingGroups.split(row.tensor.key.string)
      let isAlone = numbers.isEmpty || row.rows != nil || row.shares != nil
      let pattern = Pattern(
        parts: text, dtype: row.tensor.dtype, dimensions: row.tensor.shape.dimensions)
      if !isAlone, let place = places[pattern] {
        groups[place].count += 1
        let (sum, overflow) = groups[place].bytes.addingReportingOverflow(row.bytes)
        groups[place].bytes = overflow ? .max : sum
        groups[place].files.formUnion(files)
        for (index, number) in numbers.enumerated() {
          groups[place].numbers[index].insert(number)
        }
      } else {
        if !isAlone { places[pattern] = groups.count }
        groups.append(
          Group(first: row, bytes: row.bytes, files: files, numbers: numbers.map { [$0] }))
      }
    }
  }

  /// A key with an asterisk for each number between its dots, and those numbers.
  private static func split(_ key: String) -> (text: [UInt8], numbers: [Int]) {
    var text: [UInt8] = []
    var numbers: [Int] = []
    for part in key.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
      if let number = number(part) {
        numbers.append(number)
        // No key has it: a zero byte keeps `layer.*` apart from one that is really called so.
        text.append(0)
      } else {
        text.append(contentsOf: part)
      }
      text.append(UInt8(ascii: "."))
    }
    return (text, numbers)
  }

  /// The number that a part of a key is, as Python would write it.
  private static func number(_ part: some Collection<UInt8>) -> Int? {
    guard !part.isEmpty, part.count < 10, part.count == 1 || part.first != UInt8(ascii: "0") else {
      return nil
    }
    var value = 0
    for byte in part {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      value = value * 10 + Int(byte - UInt8(ascii: "0"))
    }
    return value
  }

  /// One line a group.
  func print() {
    let shards = groups.contains { !$0.files.isEmpty }
    let ties = groups.contains { $0.first.shares != nil }
    var columns: [Table.Column] = [
      .init("KEY", shrinks: true), .init("COUNT", .right), .init("DTYPE"), .init("SHAPE"),
      .init("SIZE", .right),
    ]
    if shards { columns.append(.init("FILE")) }
    if ties { columns.append(.init("SAME BYTES AS")) }
    var table = Table(columns)
    table.hasHeadings = StandardOutput.shared.isTerminal
    table.print(rowCount: groups.count) { index, cells in
      let group = groups[index]
      cells.add(group.name)
      cells.add(group.count > 1 ? "×\(group.count)" : "")
      cells.add(group.first.tensor.dtype.name)
      cells.add(shapeText(group.first.dimensions))
      cells.add(byteText(group.bytes))
      if shards {
        cells.add(
          group.files.count == 1
            ? shown(group.files.first ?? "") : plural(group.files.count, "file"))
      }
      if ties { cells.add(group.first.shares.map { shown($0.string) } ?? "") }
    }
  }
}
