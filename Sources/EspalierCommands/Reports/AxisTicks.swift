/// The numbers beside an axis.
enum AxisTicks {
  /// Five round values that span `values`.
  static func round(
    _ values: [Double], within limits: ClosedRange<Double>? = nil
  ) -> [Double] {
    var low = values.min() ?? 0
    var high = values.max() ?? 1
    // The difference of very large numbers is not finite.
    guard (high - low).isFinite else {
      return (0...4).map { low / 4 * Double(4 - $0) + high / 4 * Double($0) }
    }
    if high - low < 1e-9 * max(1, abs(high)) { (low, high) = (low - 0.05, high + 0.05) }
    // The smallest round step that spans the values in four.
    var unit = 1e-12
    while unit * 40 < high - low { unit *= 10 }
    for factor in [1.0, 2, 2.5, 5, 10, 20, 25, 50, 100] {
      let step = unit * factor
      var first = (low / step).rounded(.down) * step
      if let limits {
        first = max(limits.lowerBound, min(first, limits.upperBound - 4 * step))
      }
      if first <= low + step * 1e-6, first + 4 * step >= high - step * 1e-6 {
        return (0...4).map { first + Double($0) * step }
      }
    }
    return (0...4).map { low + Double($0) * (high - low) / 4 }
  }

  /// A tick as text.
  static func text(_ value: Double) -> String {
    let rounded = (value * 1e6).rounded() / 1e6
    return rounded == rounded.rounded() && abs(rounded) < 1e9 ? "\(Int(rounded))" : "\(rounded)"
  }

  /// A coordinate, to a tenth.
  static func short(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
