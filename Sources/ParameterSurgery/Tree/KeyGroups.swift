package import CheckpointFiles
internal import OrderedCollections

/// Rows about tensors whose keys differ in nothing but numbers between their dots, put together: those
/// of repeated layers and experts.
///
/// A display with one line for each tensor has one line for each group of a long list. A group of one row represents
/// itself.
package struct KeyGroups: Sendable {
  /// Rows that are shown as one.
  package struct Group: Sendable {
    /// Which rows, in their order.
    package fileprivate(set) var rows: [Int]
    /// The keys of the first row.
    package let keys: [Key]
    /// The numbers at each place of the keys that has one.
    package fileprivate(set) var numbers: [Set<Int>]

    /// The row that came first.
    package var first: Int { rows[0] }

    /// `×12`; nothing for a single row.
    package var times: String { rows.count > 1 ? "×\(rows.count)" : "" }
  }

  /// What rows of one group have in common.
  private struct Pattern<Trait: Hashable>: Hashable {
    /// The keys; numbers are zero bytes, which no other part of a key equals.
    let text: [UInt8]
    let trait: Trait
  }

  /// In the order of their first rows.
  package private(set) var groups: [Group] = []

  /// - Parameters:
  ///   - folds: whether anything is put together; otherwise each row is a group of its own.
  ///   - keys: the keys that the row of an index is about: one, or two for a rename.
  ///   - trait: what else the rows of a group have in common; a row without a trait is a group of its own.
  package init<Trait: Hashable>(
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
    var rest: Substring.UTF8View? = key.utf8[...]
    while let parts = rest {
      let dot = parts.firstIndex(of: UInt8(ascii: "."))
      let part = parts[..<(dot ?? parts.endIndex)]
      rest = dot.map { parts[parts.index(after: $0)...] }
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
  package static func number(_ part: some Collection<UInt8>) -> Int? {
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
