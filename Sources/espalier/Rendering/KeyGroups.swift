import CheckpointFiles
import ParameterSurgery

/// Rows about tensors whose keys differ in nothing but numbers between their dots, put together: those
/// of repeated layers and experts.
///
/// Whatever prints a line a tensor prints a line a group of a long list. A group of one row stands for
/// itself.
struct KeyGroups {
  /// Rows that are shown as one.
  struct Group {
    /// Which rows, in their order.
    fileprivate(set) var rows: [Int]
    /// The keys of the first row.
    fileprivate let keys: [Key]
    /// The numbers at each place of the keys that has one.
    fileprivate var numbers: [Set<Int>]

    /// The row that came first.
    var first: Int { rows[0] }

    /// `×12`; nothing for a single row.
    var times: String { rows.count > 1 ? "×\(rows.count)" : "" }

    /// `encoder.layer.[0-11].output.dense.weight`; several keys are joined by `=>`.
    var name: String {
      guard rows.count > 1 else { return keys.map { shown($0.string) }.joined(separator: " => ") }
      var place = 0
      return keys.map { key in
        let parts = shown(key.string).split(separator: ".", omittingEmptySubsequences: false)
        return parts.map { part in
          guard KeyGroups.number(part.utf8) != nil, place < numbers.count else {
            return String(part)
          }
          defer { place += 1 }
          return numbers[place].count == 1 ? String(part) : "[\(Self.ranges(numbers[place]))]"
        }.joined(separator: ".")
      }.joined(separator: " => ")
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

  /// What rows of one group have in common.
  private struct Pattern<Trait: Hashable>: Hashable {
    /// The keys; numbers are zero bytes, which no other part of a key equals.
    let text: [UInt8]
    let trait: Trait
  }

  /// In the order in which their first rows stand.
  private(set) var groups: [Group] = []

  /// - Parameters:
  ///   - folds: whether anything is put together; otherwise each row stands for itself.
  ///   - keys: the keys that the row of an index is about: one, or two for a rename.
  ///   - trait: what else the rows of a group have in common; a row without stands for itself.
  init<Trait: Hashable>(
    _ rowCount: Int, folds: Bool = true, keys: (Int) -> [Key], trait: (Int) -> Trait?
  ) {
    guard folds else {
      groups = (0..<rowCount).map { Group(rows: [$0], keys: keys($0), numbers: []) }
      return
    }
    var places: [Pattern<Trait>: Int] = [:]
    for row in 0..<rowCount {
      let keys = keys(row)
      var text: [UInt8] = []
      var numbers: [Int] = []
      for key in keys { KeyGroups.split(key.string, &text, &numbers) }
      guard !numbers.isEmpty, let trait = trait(row) else {
        groups.append(Group(rows: [row], keys: keys, numbers: []))
        continue
      }
      let pattern = Pattern(text: text, trait: trait)
      if let place = places[pattern] {
        groups[place].rows.append(row)
        for (index, number) in numbers.enumerated() {
          groups[place].numbers[index].insert(number)
        }
      } else {
        places[pattern] = groups.count
        groups.append(Group(rows: [row], keys: keys, numbers: numbers.map { [$0] }))
      }
    }
  }

  /// Appends a key with a zero byte for each number between its dots, and those numbers.
  private static func split(_ key: String, _ text: inout [UInt8], _ numbers: inout [Int]) {
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
    text.append(UInt8(ascii: "\n"))
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
}

/// What the tensors of one group have in common, for most lists.
struct TensorKind: Hashable {
  let dtype: DType
  let dimensions: [Int]
}

extension StandardOutput {
  /// Lines about tensors, two columns in; a terminal gets twenty, and how many tensors they leave out.
  func list(_ groups: KeyGroups, line text: (KeyGroups.Group) -> String) {
    let limit = isTerminal ? 20 : .max
    for group in groups.groups.prefix(limit) { paragraph(text(group), indent: 2) }
    let left = groups.groups.dropFirst(limit).reduce(0) { $0 + $1.rows.count }
    if left > 0 { line("  … and \(grouped(left)) more; --json lists all") }
  }
}
