package import CheckpointFiles

/// Rows about tensors whose keys differ in nothing but numbers between their dots, put together: those
/// of repeated layers and experts.
///
/// A display with one line for each tensor has one line for each group of a long list. A group of one row represents
/// itself. The keys of a larger group are exactly what a selector selects: ``Group/selectors``.
package struct KeyGroups: Sendable {
  /// Rows that are shown as one.
  package struct Group: Sendable {
    /// Which rows, in their order.
    package let rows: [Int]
    /// The keys of the first row.
    package let keys: [Key]
    /// The numbers at each place of the first key that has one: each goes with each. Empty for a single row.
    let numbers: [[Int]]

    /// The row that came first.
    package var first: Int { rows[0] }

    /// `×12`; nothing for a single row.
    package var times: String { rows.count > 1 ? "×\(rows.count)" : "" }
  }

  /// What the rows of one group have in common.
  private struct Pattern<Trait: Hashable>: Hashable {
    /// The keys, with a byte that no text has in place of each number.
    let text: [UInt8]
    /// What is added to the numbers of the first key for those of the second.
    let offsets: [Int]
    let trait: Trait
  }

  /// Rows that differ in nothing but the numbers of their keys.
  private struct Family {
    var rows: [Int] = []
    /// The numbers of the first key of each row, one row after the other.
    var numbers: [Int] = []
    /// The pattern of each key.
    let patterns: [Int]
  }

  /// In the order of their first rows.
  package private(set) var groups: [Group] = []

  /// The number of rows that share a line with others.
  package var foldedCount: Int {
    groups.reduce(0) { $0 + ($1.rows.count > 1 ? $1.rows.count : 0) }
  }

  /// - Parameters:
  ///   - folds: whether anything is put together; otherwise each row is a group of its own.
  ///   - others: further keys that the selectors of the groups must not select.
  ///   - keys: the keys that the row of an index is about: one, or two for a rename.
  ///   - trait: what else the rows of a group have in common; a row without a trait is a group of its own.
  package init<Trait: Hashable>(
    _ rowCount: Int, folds: Bool = true, among others: some Sequence<Key> = EmptyCollection(),
    keys: (Int) -> [Key], trait: (Int) -> Trait?
  ) {
    guard folds else {
      groups = (0..<rowCount).map { Group(rows: [$0], keys: keys($0), numbers: []) }
      return
    }
    var patterns = KeyPatterns()
    var places: [Pattern<Trait>: Int] = [:]
    var families: [Family] = []
    var singles: [Int] = []
    for row in 0..<rowCount {
      let keys = keys(row)
      let parts = keys.map { patterns.add($0) }
      guard let first = parts.first, parts.allSatisfy(\.isPlain), !first.numbers.isEmpty,
        first.numbers.count <= KeyGroups.mostNumbers, let trait = trait(row)
      else {
        singles.append(row)
        continue
      }
      // The second key has the numbers of the first, moved by the same distances, or numbers of its own.
      let second = parts.dropFirst().flatMap(\.numbers)
      let isMoved = second.count == first.numbers.count
      let pattern = Pattern(
        text: parts.flatMap(\.text) + (isMoved ? [1] : [0]),
        offsets: isMoved ? zip(second, first.numbers).map { $0 - $1 } : second, trait: trait)
      var place = families.count
      if let known = places[pattern] {
        place = known
      } else {
        places[pattern] = place
        families.append(Family(patterns: parts.map(\.pattern)))
      }
      families[place].rows.append(row)
      families[place].numbers += first.numbers
    }
    for key in others { _ = patterns.add(key) }
    let ambiguous = patterns.ambiguous
    for family in families {
      if family.patterns.contains(where: { ambiguous.contains($0) }) {
        singles += family.rows
        continue
      }
      let width = family.numbers.count / family.rows.count
      groups += NumberBlock.blocks(of: family.numbers, width: width).map { block in
        let rows = block.places.map { family.rows[$0] }.sorted()
        return Group(rows: rows, keys: keys(rows[0]), numbers: rows.count > 1 ? block.numbers : [])
      }
    }
    groups += singles.map { Group(rows: [$0], keys: keys($0), numbers: []) }
    groups.sort { $0.first < $1.first }
  }

  /// More numbers in one key are no layers and experts.
  private static let mostNumbers = 8

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

/// The patterns of keys: their texts without the numbers.
private struct KeyPatterns {
  /// A key without its numbers.
  struct Parts {
    var text: [UInt8] = []
    var numbers: [Int] = []
    /// Whether a selector can be typed as it is shown.
    var isPlain = true
    /// Which pattern it has.
    var pattern = 0
    /// Whether a number has leading zeros.
    var hasZeros = false
  }

  /// Stands for a number: no UTF-8 has this byte, nor the next one.
  private static let number: UInt8 = 0xFF
  /// Ends a component. A dot will not do: the text of a pattern is compared with those that it begins with.
  private static let end: UInt8 = 0xFE
  /// The components that a tree splits a key into are fewer for deeper keys.
  private static let deepest = 200

  private var places: [[UInt8]: Int] = [:]
  private var texts: [[UInt8]] = []
  /// Patterns of which a key has a number with leading zeros: brackets would select it, too.
  private var spelledTwice: Set<Int> = []

  /// Splits a key at its dots and keeps its pattern.
  mutating func add(_ key: Key) -> Parts {
    var parts = Parts()
    let text = key.string.utf8Span.span
    parts.text.reserveCapacity(text.count + 1)
    var start = 0
    var components = 0
    var isASCII = true
    for index in 0...text.count {
      guard index == text.count || text[index] == UInt8(ascii: ".") else {
        let byte = text[index]
        if byte >= 0x7F { isASCII = false }
        if byte < 0x20 || byte == UInt8(ascii: "\\") { parts.isPlain = false }
        continue
      }
      components += 1
      KeyPatterns.add(text.extracting(start..<index), to: &parts)
      parts.text.append(KeyPatterns.end)
      start = index + 1
    }
    if components > KeyPatterns.deepest { parts.isPlain = false }
    if !isASCII, key.string.unicodeScalars.contains(where: KeyPatterns.isEscaped) {
      parts.isPlain = false
    }
    if let known = places[parts.text] {
      parts.pattern = known
    } else {
      parts.pattern = texts.count
      places[parts.text] = texts.count
      texts.append(parts.text)
    }
    if parts.hasZeros {
      spelledTwice.insert(parts.pattern)
      parts.isPlain = false
    }
    return parts
  }

  /// Whether a character is not shown as it is.
  private static func isEscaped(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .privateUse, .unassigned: true
    default: scalar.isUnprintable
    }
  }

  private static func add(_ component: Span<UInt8>, to parts: inout Parts) {
    var value = 0
    var isNumber = component.count > 0
    for index in component.indices where isNumber {
      let digit = component[index]
      isNumber = digit >= UInt8(ascii: "0") && digit <= UInt8(ascii: "9")
      if isNumber, index < 9 { value = value * 10 + Int(digit - UInt8(ascii: "0")) }
    }
    guard isNumber else {
      for index in component.indices { parts.text.append(component[index]) }
      return
    }
    parts.text.append(number)
    // Of `007` and of more digits than layers have, only the pattern counts.
    if component.count > 1, component[0] == UInt8(ascii: "0") || component.count > 9 {
      parts.hasZeros = true
    }
    parts.numbers.append(value)
  }

  /// The patterns of keys that no selector with brackets can stand for: it would also select a number that is spelled in
  /// another way, or what is below a tensor.
  var ambiguous: Set<Int> {
    var result = spelledTwice
    let order = texts.indices.sorted { texts[$0].lexicographicallyPrecedes(texts[$1]) }
    for (place, next) in zip(order, order.dropFirst()) where texts[next].starts(with: texts[place])
    {
      result.insert(place)
    }
    return result
  }
}
