import CheckpointFiles
import ParameterSurgery

extension CastLosses {
  /// Says what was lost: a line for each of a few tensors, and one for all others.
  func warn() {
    let all = all
    let shown = all.count > 5 ? 3 : all.count
    for loss in all.prefix(shown) {
      var parts: [String] = []
      if loss.overflowCount > 0 {
        parts.append(
          "\(plural(loss.overflowCount, "number")) too large for \(loss.dtype), now "
            + (loss.isSaturated ? "its largest" : loss.dtype.overflowText))
      }
      if loss.nanCount > 0 { parts.append("\(grouped(loss.nanCount)) NaN") }
      StandardError.warning("\(quoted(loss.key.string)): \(parts.joined(separator: ", "))")
    }
    guard all.count > shown else { return }
    let count = all.dropFirst(shown).reduce(0) { $0 &+ $1.overflowCount &+ $1.nanCount }
    StandardError.warning(
      "\(plural(count, "number")) too large or NaN in \(all.count - shown) more tensors")
  }
}

extension DType {
  /// What numbers become that are too large.
  fileprivate var overflowText: String {
    switch self {
    case .float8E4M3: "its largest"
    case .float8E4M3FNUZ, .float8E5M2FNUZ: "NaN"
    default: "infinite"
    }
  }
}
