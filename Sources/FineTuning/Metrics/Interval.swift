internal import RealModule

/// The range in which a figure would lie in 95 of 100 repetitions.
package struct Interval: Sendable, Hashable {
  package let low: Double
  package let high: Double

  package init(_ low: Double, _ high: Double) { (self.low, self.high) = (low, high) }

  package func contains(_ value: Double) -> Bool { low <= value && value <= high }

  /// Of a share of `count` independent examples: Wilson's score interval. `nil` without examples.
  package init?(share: Double, of count: Int) {
    guard count > 0, (0...1).contains(share) else { return nil }
    let (n, z) = (Double(count), Interval.normal)
    let centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    let half =
      z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    self.init(max(0, centre - half), min(1, centre + half))
  }

  /// Of Pearson's correlation over `count` examples, by Fisher's transformation. `nil` for fewer than five.
  package init?(correlation: Double, of count: Int) {
    guard count >= 5, abs(correlation) < 1 else { return nil }
    let centre = Double.atanh(correlation)
    let half = Interval.normal / Double(count - 3).squareRoot()
    self.init(Double.tanh(centre - half), Double.tanh(centre + half))
  }

  /// The quantile 0.975 of the normal distribution.
  package static let normal = 1.959963984540054

  /// The quantile 0.975 of Student's distribution, exact to a thousandth.
  ///
  /// - Parameter freedom: degrees of freedom, 1 or more; a part of one is not counted.
  package static func student(_ freedom: Double) -> Double {
    // Far beyond a million, and for infinity, it is the normal distribution.
    guard freedom < 1e6 else { return normal }
    let whole = max(1, Int(freedom))
    if whole <= table.count { return table[whole - 1] }
    let (n, z) = (Double(whole), normal)
    // Abramowitz and Stegun, 26.7.5.
    let z3 = z * z * z
    let z5 = z3 * z * z
    let z7 = z5 * z * z
    return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n)
      + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n)
  }

  private static let table = [
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
  ]

  /// The probability of a split of `a` and `b` cases that is at least as uneven, when each case is as likely on either
  /// side: the exact test of McNemar, two-sided.
  package static func evenSplit(_ a: Int, _ b: Int) -> Double {
    let (count, less) = (a + b, min(a, b))
    guard count > 0 else { return 1 }
    var term = -Double(count) * Double.log(2)
    var sum = Double.exp(term)
    for place in 0..<less {
      term += Double.log(Double(count - place)) - Double.log(Double(place + 1))
      sum += Double.exp(term)
    }
    return min(1, 2 * sum)
  }
}
