import CheckpointFiles
import ParameterSurgery

extension CastLosses {
  /// Warns about lost values: one line for each of the first tensors, and one for all others.
  func warn() {
    let all = all
    let shown = all.count > 5 ? 3 : all.count
    for loss in all.prefix(shown) {
      var parts: [String] = []
      if loss.overflowCount > 0 {
        parts.append(
          "\(Text.counted(loss.overflowCount, "value")) too large for \(loss.dtype), stored as "
            + (loss.isSaturated ? "its largest value" : loss.dtype.overflowText))
      }
      if loss.nanCount > 0 { parts.append("\(grouped(loss.nanCount)) NaN") }
      StandardError.warning("\(quoted(loss.key.string)): \(parts.joined(separator: ", "))")
    }
    guard all.count > shown else { return }
    let count = all.dropFirst(shown).reduce(0) { $0 &+ $1.overflowCount &+ $1.nanCount }
    StandardError.warning(
      "\(Text.counted(count, "value")) too large or NaN in \(all.count - shown) more tensors")
  }
}

extension DType {
  /// What values that are too large are stored as.
  fileprivate var overflowText: String {
    switch self {
    case .float8E4M3: "its largest value"
    case .float8E4M3FNUZ, .float8E5M2FNUZ: "NaN"
    default: "infinity"
    }
  }
}
