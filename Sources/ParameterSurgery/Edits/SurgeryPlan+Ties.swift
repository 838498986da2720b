internal import CheckpointFiles
internal import OrderedCollections

// Several names for one tensor.
extension SurgeryPlan {
  /// Replaces tensors by what `change` makes of each. Names of one tensor become names of one tensor again.
  mutating func replaceEach(
    _ keys: [Key], with change: (Key, Tensor) throws -> (tensor: Tensor, deed: String)
  ) throws {
    var done: [TensorView: (tensor: Tensor, deed: String)] = [:]
    for key in keys {
      guard let tensor = entries[key]?.tensor else { continue }
      let view = TensorView(tensor)
      let result = try done[view] ?? change(key, tensor)
      done[view] = result
      replace(key, with: result.tensor, deed: result.deed)
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

  /// Whether all tensors and metadata are those of `other`, in the same order.
  func isSame(as other: SurgeryPlan) -> Bool {
    entries.keys == other.entries.keys && metadata == other.metadata
      && zip(entries.values, other.entries.values).allSatisfy {
        TensorView($0.tensor) == TensorView($1.tensor)
      }
  }

  /// Notes on tensors that had elements in common and have not now, though no step said so.
  var partedTies: [String] {
    var results: [Key: [(key: Key, tensor: Tensor)]] = [:]
    lazy var isFilled: Bool = {
      for (key, entry) in entries where !entry.isApart {
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

extension SurgeryPlan.Entry {
  /// Whether a step said that the tensor is to have, or not to have, bytes of its own.
  var isApart: Bool {
    deeds.contains { $0 == "untied" || $0.hasPrefix("copy of ") || $0.hasPrefix("tied to ") }
  }
}
