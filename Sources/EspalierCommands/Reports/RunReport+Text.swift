import ParameterSurgery

extension RunReport {
  /// `value` with `digits` digits after the point; a dash when there is none.
  func fixed(_ value: Double, _ digits: Int) -> String {
    value.isNaN ? "—" : ParameterSurgery.fixed(value, digits: digits)
  }

  func scientific(_ value: Double) -> String {
    guard value.isFinite, value > 0 else { return "\(value)" }
    // Three digits.
    var (mantissa, exponent) = (value, 0)
    while mantissa >= 9.995 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    while mantissa < 0.9995 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
    return "\(fixed(mantissa, 2))e\(exponent)"
  }

  func duration(_ seconds: Double) -> String {
    let whole = Int(min(max(0, seconds), 1e9).rounded())
    if whole < 60 { return "\(fixed(seconds, 1)) s" }
    return whole < 3600
      ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole % 3600 / 60) min"
  }
}
