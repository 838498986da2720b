import CheckpointFiles
import ParameterSurgery

extension KeyGroups.Group {
  /// `encoder.layer[0:12].output.dense.weight`, which is a selector of exactly these keys; the key itself for a single
  /// row. Several keys are joined by `=>`.
  var name: String { names.joined(separator: " => ") }

  /// The name of each key.
  var names: [String] { rows.count > 1 ? selectors.map(shown) : keys.map { shown($0.string) } }
}

/// What the tensors of one group have in common, for most lists.
struct TensorKind: Hashable {
  let dtype: DType
  let dimensions: [Int]
}
