import CheckpointFiles
import ParameterSurgery

extension KeyGroups.Group {
  /// `encoder.layer.[0-11].output.dense.weight`; several keys are joined by `=>`.
  var name: String { names.joined(separator: " => ") }

  /// The name of each key.
  var names: [String] {
    guard rows.count > 1 else { return keys.map { shown($0.string) } }
    var place = 0
    return keys.map { key in
      key.components.map { part in
        guard KeyGroups.number(part.utf8) != nil, place < numbers.count else {
          return shown(String(part))
        }
        defer { place += 1 }
        return numbers[place].count == 1
          ? String(part) : "[\(KeyGroups.Group.ranges(numbers[place]))]"
      }.joined(separator: ".")
    }
  }

  /// `0-11`, `0,2,4`; the middle of many ranges is left out.
  static func ranges(_ numbers: Set<Int>) -> String {
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

/// What the tensors of one group have in common, for most lists.
struct TensorKind: Hashable {
  let dtype: DType
  let dimensions: [Int]
}

extension StandardOutput {
  /// Lines about tensors, indented by two columns; a terminal gets at most twenty, and the number of the other
  /// tensors.
  func list(_ groups: KeyGroups, line text: (KeyGroups.Group) -> String) {
    let limit = isTerminal ? 20 : .max
    for group in groups.groups.prefix(limit) { paragraph(text(group), indent: 2) }
    let left = groups.groups.dropFirst(limit).reduce(0) { $0 + $1.rows.count }
    if left > 0 { line("  … and \(grouped(left)) more; --json lists all") }
  }
}
