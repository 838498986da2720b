/// `value` with exactly `digits` digits after the point. For magnitudes below 2^53 / 10^digits.
package func fixed(_ value: Double, digits: Int) -> String {
  // The sign of a NaN has no meaning.
  if value.isNaN { return "nan" }
  guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
  let scale = (0..<digits).reduce(1) { scale, _ in scale * 10 }
  let whole = Int((abs(value) * Double(scale)).rounded())
  let fraction = String(whole % scale)
  let sign = value < 0 && whole > 0 ? "-" : ""
  guard digits > 0 else { return "\(sign)\(whole)" }
  let zeros = String(repeating: "0", count: digits - fraction.count)
  return "\(sign)\(whole / scale).\(zeros)\(fraction)"
}

/// A share as text: `12.5 %`, `1.5 %`, `0.04 %`. Rounding never gives 0 % for a share above 0, nor 100 % for a share
/// below 1: `99.98 %`, `<0.01 %`, `>99.99 %`.
package func percentText(_ fraction: Double) -> String {
  guard fraction.isFinite else { return "-" }
  let percent = 100 * fraction
  if percent > 0, percent < 0.01 { return "<0.01 %" }
  if percent > 99.99, percent < 100 { return ">99.99 %" }
  let digits = percent > 0 && percent < 0.1 || percent >= 99.95 && percent < 100 ? 2 : 1
  return "\(fixed(percent, digits: digits)) %"
}

/// The share of `whole` that `part` is; 0 when `whole` is 0.
package func percentText(_ part: Int, of whole: Int) -> String {
  percentText(whole > 0 ? Double(part) / Double(whole) : 0)
}
