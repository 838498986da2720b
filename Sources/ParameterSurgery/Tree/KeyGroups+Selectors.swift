package import CheckpointFiles
internal import OrderedCollections

extension KeyGroups {
  /// Keys under one selector.
  package struct Block: Sendable {
    /// What selects these keys, and of the others that differ from them in numbers none.
    package let selector: String
    /// Which keys, in their order.
    package let places: [Int]
  }

  /// More numbers in one key are no layers and experts.
  private static let mostNumbers = 8

  /// Keys that differ in nothing but numbers, by as few selectors as select exactly them: one where each
  /// number of a layer goes with each of an expert, more where some of them are missing.
  package static func blocks(of keys: [Key]) -> [Block] {
    // The numbers at each place that the keys of a block have; each with each is there.
    var blocks: OrderedDictionary<[[Int]], [Int]> = [:]
    for (place, key) in keys.enumerated() {
      let numbers = numbers(of: key).map { [$0] }
      // Only the same key twice meets what is there.
      blocks[numbers, default: []].append(place)
    }
    let count = blocks.keys.first?.count ?? 0
    guard let first = keys.first, count <= mostNumbers else {
      return keys.enumerated().map { Block(selector: selector($1, []), places: [$0]) }
    }
    // Blocks that differ at one place alone are one block, from the innermost number on.
    for index in (0..<count).reversed() {
      var merged: OrderedDictionary<[[Int]], (numbers: [Int], places: [Int])> = [:]
      for (numbers, places) in blocks {
        var others = numbers
        others[index] = []
        merged[others, default: ([], [])].numbers += numbers[index]
        merged[others]?.places += places
      }
      blocks = [:]
      for (others, block) in merged {
        var numbers = others
        numbers[index] = Set(block.numbers).sorted()
        blocks[numbers] = block.places
      }
    }
    return blocks.map { Block(selector: selector(first, $0), places: $1.sorted()) }
  }

  private static func numbers(of key: Key) -> [Int] {
    key.components.compactMap { number($0.utf8) }
  }

  /// The selector of `key` with `numbers` in place of its own; what selectors would read in another way
  /// is quoted.
  private static func selector(_ key: Key, _ numbers: [[Int]]) -> String {
    var text = ""
    var place = 0
    for part in key.components {
      let isNumber = number(part.utf8) != nil
      defer { if isNumber { place += 1 } }
      if isNumber, place < numbers.count, numbers[place].count > 1 {
        text += "[\(indices(numbers[place]))]"
        continue
      }
      if !text.isEmpty { text += "." }
      text += isNumber && place < numbers.count ? "\(numbers[place][0])" : selectorLiteral(part)
    }
    return text
  }

  /// `0:12`, or `0,2,4`.
  private static func indices(_ numbers: [Int]) -> String {
    guard let first = numbers.first, let last = numbers.last, last - first + 1 == numbers.count
    else { return numbers.map(String.init).joined(separator: ",") }
    return "\(first):\(last + 1)"
  }
}

/// A component of a key as a selector takes it literally: in quotes where it would be read in another way.
package func selectorLiteral(_ part: Substring) -> String {
  let isPlain =
    !part.isEmpty && part.utf8.allSatisfy { !"*?[]{}():!/,\"\\ ".utf8.contains($0) }
  if isPlain { return String(part) }
  return "\"" + part.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
}

/// A key in quotes, as a selector takes it literally.
func quotedSelector(_ key: Key) -> String {
  "\"" + key.string.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
}
