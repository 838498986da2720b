import CheckpointFiles
import ParameterSurgery

/// A number of bytes for a reader: `438.0 MB`, in powers of 1000 as the Hugging Face hub counts.
func byteText(_ bytes: Int) -> String {
  if bytes < 1000 { return "\(bytes) B" }
  return scaled(Double(bytes), ["kB", "MB", "GB", "TB", "PB", "EB"])
}

/// A count for a reader: `22.7 M`.
func countText(_ count: Int) -> String {
  count < 10_000 ? grouped(count) : scaled(Double(count), ["k", "M", "G", "T", "P", "E"])
}

private func scaled(_ value: Double, _ units: [String]) -> String {
  var value = value / 1000
  var index = 0
  // 999.95 would print as 1000.0.
  while value >= 999.95, index < units.count - 1 {
    value /= 1000
    index += 1
  }
  return "\(fixed(value, digits: 1)) \(units[index])"
}

/// `value` with `digits` significant digits, as C's `%g` would: `0.0412`, `1.53e-05`, `nan`.
func significant(_ value: Double, digits: Int = 4) -> String {
  guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
  guard value != 0 else { return "0" }
  // The mantissa has the digits and the exponent the position of the point. Very small values are scaled first,
  // because the powers of ten that they need are not exact enough.
  let isTiny = abs(value) < 1e-280
  let magnitude = isTiny ? abs(value) * 1e200 : abs(value)
  var exponent = log10Floor(magnitude)
  var mantissa = magnitude / power10(exponent)
  mantissa = (mantissa * power10(digits - 1)).rounded()
  if isTiny { exponent -= 200 }
  if mantissa >= power10(digits) {
    mantissa /= 10
    exponent += 1
  }
  var text = String(Int(mantissa))
  let sign = value < 0 ? "-" : ""
  if exponent < -4 || exponent >= max(digits, 6) {
    while text.hasSuffix("0"), text.count > 1 { text.removeLast() }
    let first = text.removeFirst()
    let magnitude = String(abs(exponent))
    let padded = magnitude.count < 2 ? "0" + magnitude : magnitude
    return "\(sign)\(first)\(text.isEmpty ? "" : "." + text)e\(exponent < 0 ? "-" : "+")\(padded)"
  }
  if exponent < 0 {
    text = "0." + String(repeating: "0", count: -exponent - 1) + text
  } else if exponent + 1 < text.count {
    text.insert(".", at: text.index(text.startIndex, offsetBy: exponent + 1))
  } else {
    return sign + text + String(repeating: "0", count: exponent + 1 - text.count)
  }
  while text.hasSuffix("0") { text.removeLast() }
  if text.hasSuffix(".") { text.removeLast() }
  return sign + text
}

private func power10(_ exponent: Int) -> Double {
  var result = 1.0
  for _ in 0..<abs(exponent) { result *= 10 }
  return exponent < 0 ? 1 / result : result
}

private func log10Floor(_ value: Double) -> Int {
  // log10(2) = 0.30103: an estimate from the binary exponent, then corrected by at most one.
  var estimate = Int((Double(value.exponent) * 0.30103).rounded(.down))
  while value >= power10(estimate + 1) { estimate += 1 }
  while value < power10(estimate) { estimate -= 1 }
  return estimate
}
