internal import CheckpointFiles
internal import OrderedCollections

// Several names for one tensor.
extension SurgeryPlan {
  /// Replaces tensors by what `change` makes of each. Names of one tensor become names of one tensor again.
  mutating func replaceEach(
    _ items: [Selection.Item], with change: (Key, Tensor) throws -> (Tensor, Effect)
  ) throws {
    var done: [TensorView: (Tensor, Effect)] = [:]
    for item in items {
      let tensor = tensors.slots[item.index].entry.tensor
      let view = TensorView(tensor)
      let result = try done[view] ?? change(item.key, tensor)
      done[view] = result
      replace(item.index, with: result.0, result.1)
    }
  }

  /// Copies of tensors in storages of their own. Names of one tensor become names of one copy.
  struct DetachedCopies {
    private var done: [TensorView: Tensor] = [:]

    mutating func copy(of tensor: Tensor) throws(CheckpointError) -> Tensor {
      let view = TensorView(tensor)
      if let copy = done[view] { return copy }
      let copy = try tensor.detached()
      done[view] = copy
      return copy
    }
  }

  /// Notes on tensors that had elements in common and have not now, though no step said so.
  var partedTies: [String] {
    var results: [Key: [(key: Key, tensor: Tensor)]] = [:]
    lazy var isFilled: Bool = {
      for (key, entry) in tensors.elements
      where !entry.effects.contains(where: \.concernsTies) {
        if let origin = entry.origin { results[origin, default: []].append((key, entry.tensor)) }
      }
      return true
    }()
    return PartedTie.find(in: base) { isFilled ? results[$0] ?? [] : [] }.map {
      $0.isOneTensor
        ? $0.description + ": give both to the operation, or tie them after it" : $0.description
    }
  }
}
