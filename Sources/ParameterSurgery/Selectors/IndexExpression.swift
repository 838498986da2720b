/// The contents of brackets: indices and slices by Python's rules, over the numbers that exist.
///
/// Numbers from 0 on mean themselves, even when there are holes: `linear[2]` is `linear.2`. Negative
/// numbers count from the end over those that exist: `[-1]` is the highest, `[-2:]` the two highest.
/// A slice takes the numbers that both exist and lie in `range(start, stop, step)`.
struct IndexExpression: Sendable, Hashable {
  typealias Item = IndexRange

  var items: [Item]

  /// A tensor whose rows would fall into more pieces than this is not cut.
  static let maximumRanges = 1_000_000

  /// What was selected, and the single numbers that do not exist.
  struct Choice {
    var values: Set<Int> = []
    /// The single numbers that exist, as they are written: `-1` is among them, not what it means.
    var present: Set<Int> = []
    var absent: [Int] = []
  }

  /// The numbers selected among `existing`, which is ascending.
  func choose(from existing: [Int]) -> Choice {
    var choice = Choice()
    let known = Set(existing)
    for item in items {
      switch item {
      case .index(let index):
        let value: Int? =
          if index >= 0 { known.contains(index) ? index : nil } else {
            existing.count + index >= 0 ? existing[existing.count + index] : nil
          }
        if let value {
          choice.values.insert(value)
          choice.present.insert(index)
        } else {
          choice.absent.append(index)
        }
      case .slice(let start, let stop, let step):
        let bounds = Bounds(start: start, stop: stop, step: step) { negative in
          // One before the lowest when there are not so many.
          existing.count + negative >= 0 ? existing[existing.count + negative] : nil
        }
        guard let highest = existing.last else { continue }
        for value in existing where bounds.contains(value, highest: highest) {
          choice.values.insert(value)
        }
      }
    }
    return choice
  }

  /// The rows selected of a tensor that has `count`, and the single numbers beyond it; `nil` when
  /// they fall into too many pieces.
  func rows(of count: Int) -> (rows: RowSet, absent: [Int])? {
    var ranges: [Range<Int>] = []
    var absent: [Int] = []
    for item in items {
      switch item {
      case .index(let index):
        let row = index < 0 ? count + index : index
        if row >= 0, row < count { ranges.append(row..<row + 1) } else { absent.append(index) }
      case .slice(let start, let stop, let step):
        let bounds = Bounds(start: start, stop: stop, step: step) { negative in
          count + negative >= 0 ? count + negative : nil
        }
        guard count > 0 else { continue }
        let (low, high) = bounds.interval(highest: count - 1)
        guard low <= high else { continue }
        if step == 1 || step == -1 {
          ranges.append(low..<high + 1)
        } else {
          // The first row at or above `low` of those that the steps from the anchor meet.
          let (width, overflow) = step.magnitude.addingReportingOverflow(0)
          guard !overflow, width <= UInt(Int.max) else { return nil }
          let stride = Int(width)
          guard (high - low) / stride < IndexExpression.maximumRanges else { return nil }
          let anchor = bounds.anchor(highest: count - 1)
          let first = step > 0 ? anchor : anchor - (anchor - low) / stride * stride
          for row in Swift.stride(from: max(first, low), through: high, by: stride) {
            ranges.append(row..<row + 1)
          }
        }
      }
    }
    return (RowSet(ranges), absent)
  }

  /// A slice with its negative numbers resolved.
  private struct Bounds {
    var start: Int?
    var stop: Int?
    var step: Int

    init(start: Int?, stop: Int?, step: Int, resolve: (Int) -> Int?) {
      // A negative number beyond the start is just before the first: -1 here.
      self.start = start.map { $0 < 0 ? resolve($0) ?? (step > 0 ? 0 : -1) : $0 }
      self.stop = stop.map { $0 < 0 ? resolve($0) ?? (step > 0 ? 0 : -1) : $0 }
      self.step = step
    }

    /// Where the steps begin.
    func anchor(highest: Int) -> Int {
      step > 0 ? start ?? 0 : min(start ?? highest, highest)
    }

    /// The least and the greatest number that can be meant.
    func interval(highest: Int) -> (low: Int, high: Int) {
      if step > 0 {
        let stop = min(stop ?? Int.max, highest == .max ? highest : highest + 1)
        return (anchor(highest: highest), stop - 1)
      }
      return (stop.map { $0 == .max ? $0 : $0 + 1 } ?? 0, anchor(highest: highest))
    }

    func contains(_ value: Int, highest: Int) -> Bool {
      let (low, high) = interval(highest: highest)
      guard value >= low, value <= high else { return false }
      let anchor = anchor(highest: highest)
      let distance = step > 0 ? value - anchor : anchor - value
      return distance >= 0 && UInt(distance) % step.magnitude == 0
    }
  }
}
