internal import CheckpointFiles

extension KeyGroups.Group {
  /// A selector for each of the keys of the rows, such as `encoder.layer[0:6].output.dense.weight`: it selects those keys
  /// and no others. That of a single row is its key as a selector takes it.
  package var selectors: [String] {
    guard let first = keys.first else { return [] }
    let own = KeyGroups.numbers(of: first)
    return keys.enumerated().map { place, key in
      guard place > 0 else { return KeyGroups.selector(key, numbers) }
      // The numbers of a second key are as far from those of the first as in the first row.
      let second = KeyGroups.numbers(of: key)
      guard second.count == numbers.count else { return KeyGroups.selector(key, []) }
      let moved = numbers.indices.map { index in
        numbers[index].map { $0 - own[index] + second[index] }
      }
      return KeyGroups.selector(key, moved)
    }
  }
}

extension KeyGroups {
  fileprivate static func numbers(of key: Key) -> [Int] {
    key.components.compactMap { number($0.utf8) }
  }

  /// The selector of `key` with `numbers` in place of its own; what selectors would read in another way
  /// is quoted.
  fileprivate static func selector(_ key: Key, _ numbers: [[Int]]) -> String {
    var text = ""
    var place = 0
    for (index, part) in key.components.enumerated() {
      let isNumber = number(part.utf8) != nil
      defer { if isNumber { place += 1 } }
      if isNumber, place < numbers.count, numbers[place].count > 1 {
        text += brackets(numbers[place])
        continue
      }
      if index > 0 { text += "." }
      text += isNumber && place < numbers.count ? "\(numbers[place][0])" : selectorLiteral(part)
    }
    return text
  }

  /// `[0:12]`: ascending numbers as a selector of them.
  package static func brackets(_ numbers: [Int]) -> String { "[\(indices(numbers))]" }

  /// `0:12`, `0:12:2`, `0:4,6,9`.
  private static func indices(_ numbers: [Int]) -> String {
    guard numbers.count > 1, let last = numbers.last else {
      return numbers.map(String.init).joined()
    }
    let step = numbers[1] - numbers[0]
    if step == 1 || numbers.count > 2,
      zip(numbers, numbers.dropFirst()).allSatisfy({ $1 - $0 == step })
    {
      return "\(numbers[0]):\(last + 1)" + (step == 1 ? "" : ":\(step)")
    }
    var runs: [ClosedRange<Int>] = []
    for number in numbers {
      if let last = runs.last, last.upperBound == number - 1 {
        runs[runs.count - 1] = last.lowerBound...number
      } else {
        runs.append(number...number)
      }
    }
    return runs.map { run in
      run.count > 2
        ? "\(run.lowerBound):\(run.upperBound + 1)"
        : run.map(String.init).joined(separator: ",")
    }.joined(separator: ",")
  }
}

/// A component of a key as a selector takes it literally: in quotes where it would be read in another way.
package func selectorLiteral(_ part: Substring) -> String {
  let isPlain =
    !part.isEmpty && part.utf8.allSatisfy { !"*?[]{}():!/,\"\\".utf8.contains($0) }
    && !part.unicodeScalars.contains { $0.properties.isWhitespace }
  if isPlain { return String(part) }
  return "\"" + part.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
}

/// A key in quotes, as a selector takes it literally.
func quotedSelector(_ key: Key) -> String {
  "\"" + key.string.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
}
