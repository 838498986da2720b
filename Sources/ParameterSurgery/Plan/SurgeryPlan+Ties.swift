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

  /// Whether all tensors and metadata are those of `other`, in the same order.
  func isSame(as other: SurgeryPlan) -> Bool {
    entries.keys == other.entries.keys && metadata == other.metadata
      && zip(entries.values, other.entries.values).allSatisfy {
        TensorView($0.tensor) == TensorView($1.tensor)
      }
  }

  /// Notes on names of one tensor that are names of several now, though no step said so.
  var partedTies: [String] {
    let storages = Set(base.tensors.values.map { ObjectIdentifier($0.storage) })
    if storages.count == base.tensors.count { return [] }
    var groups: OrderedDictionary<TensorView, [Key]> = [:]
    for (key, tensor) in base.tensors { groups[TensorView(tensor), default: []].append(key) }
    groups = groups.filter { $1.count > 1 }
    if groups.isEmpty { return [] }
    var keys: [Key: [Key]] = [:]
    for (key, entry) in entries where !entry.isApart {
      if let origin = entry.origin { keys[origin, default: []].append(key) }
    }
    return groups.values.compactMap { group in
      let tied = group.flatMap { keys[$0] ?? [] }
      guard let first = tied.first, let tensor = entries[first]?.tensor,
        let other = tied.first(where: {
          entries[$0].map { TensorView($0.tensor) != TensorView(tensor) } ?? false
        })
      else { return nil }
      return
        "\(quoted(other.string)) was one tensor with \(quoted(first.string)), and no longer is: "
        + "give both to the operation, or tie them after it"
    }
  }
}

extension SurgeryPlan.Entry {
  /// Whether a step said that the tensor is to have, or not to have, bytes of its own.
  var isApart: Bool {
    deeds.contains { $0 == "untied" || $0.hasPrefix("copy of ") || $0.hasPrefix("tied to ") }
  }
}
