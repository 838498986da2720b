/// An index, or a range of indices by Python's rules, as selectors have them in brackets.
///
///     let order: [IndexRange] = [.range(0..<8), .range(4..<12), .index(-1)]
///     print(order.map(\.description))  // ["0:8", "4:12", "-1"]
public enum IndexRange: Sendable, Hashable, CustomStringConvertible {
  /// One index. A negative one counts from the end: -1 is the highest.
  case index(Int)
  /// `start:stop:step`. Without `start` or `stop`, the range begins or ends with the indices; the step is not 0.
  case slice(start: Int?, stop: Int?, step: Int)

  /// The indices of a range.
  public static func range(_ range: Range<Int>) -> IndexRange {
    .slice(start: range.lowerBound, stop: range.upperBound, step: 1)
  }

  /// All indices.
  public static let all = IndexRange.slice(start: nil, stop: nil, step: 1)

  /// As it is typed: `3`, `0:8`, `::-1`.
  public var description: String {
    switch self {
    case .index(let index): return "\(index)"
    case .slice(let start, let stop, let step):
      let range = "\(start.map { "\($0)" } ?? ""):\(stop.map { "\($0)" } ?? "")"
      return step == 1 ? range : "\(range):\(step)"
    }
  }

  /// An index or a slice as it is typed; `*` stands for all indices. `nil` when it is neither.
  init?(_ text: String) {
    if text.utf8.elementsEqual("*".utf8) {
      self = .all
      return
    }
    let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    var numbers: [Int?] = []
    for part in parts {
      let digits = String(Substring(part)).trimmingSpaces
      guard let number = IndexRange.integer(digits) else {
        guard digits.isEmpty else { return nil }
        numbers.append(nil)
        continue
      }
      numbers.append(number)
    }
    switch numbers.count {
    case 1:
      guard let index = numbers[0] else { return nil }
      self = .index(index)
    case 2, 3:
      let step = numbers.count == 3 ? numbers[2] ?? 1 : 1
      guard step != 0 else { return nil }
      self = .slice(start: numbers[0], stop: numbers[1], step: step)
    default: return nil
    }
  }

  private static func integer(_ text: some StringProtocol) -> Int? {
    text.utf8.first == UInt8(ascii: "+") ? nil : Int(text)
  }
}
