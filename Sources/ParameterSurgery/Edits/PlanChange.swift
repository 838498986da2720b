public import CheckpointFiles
internal import OrderedCollections

/// What a plan does to one tensor, as a line of a diff.
///
///     for change in plan.changes where change.kind == .removed { print(change) }
public struct PlanChange: Sendable, Hashable {
  /// What happens.
  public enum Kind: String, Sendable, Hashable {
    /// The tensor is not in the result.
    case removed
    /// The tensor is only in the result.
    case added
    /// The same elements under another key.
    case renamed
    /// Other elements, another dtype or shape; perhaps another key, too.
    case changed
  }

  /// What happens.
  public let kind: Kind
  /// The tensor in the base; `nil` when it is added.
  public let before: TensorInfo?
  /// The tensor in the result; `nil` when it is removed.
  public let after: TensorInfo?
  /// What was done to the elements, in order.
  public let effects: [Effect]
}

extension PlanChange: CustomStringConvertible {
  /// A line such as `~ wte.weight: F32 [30522, 768] => BF16 [30522, 768]`.
  public var description: String {
    func text(_ info: TensorInfo) -> String { "\(info.dtype) \(info.shape)" }
    switch (before, after) {
    case (let before?, let after?):
      let name =
        before.key == after.key
        ? oneLine(before.key.string) : oneLine("\(before.key) => \(after.key)")
      let sign = kind == .renamed ? "=" : "~"
      let same = before.dtype == after.dtype && before.shape == after.shape
      return "\(sign) \(name): " + (same ? text(after) : "\(text(before)) => \(text(after))")
    case (let info?, nil): return "- \(oneLine(info.key.string)): \(text(info))"
    case (nil, let info?): return "+ \(oneLine(info.key.string)): \(text(info))"
    case (nil, nil): return ""
    }
  }
}

extension SurgeryPlan: CustomStringConvertible {
  /// A line for each tensor that changes, and the number of those that do not.
  public var description: String {
    (changes.map(\.description) + ["\(grouped(unchangedCount)) unchanged"])
      .joined(separator: "\n")
  }

  /// What the steps do: removals in the order of the base, then the rest in the order of the result.
  public var changes: [PlanChange] {
    func info(_ key: Key, _ tensor: Tensor) -> TensorInfo {
      TensorInfo(key: key, dtype: tensor.dtype, shape: tensor.shape)
    }
    // Of several tensors that come from one, the first is it; the others are new.
    var taken: Set<Key> = []
    var rest: [PlanChange] = []
    for (key, entry) in tensors.elements {
      let after = info(key, entry.tensor)
      guard let origin = entry.origin, let tensor = base[origin], taken.insert(origin).inserted
      else {
        rest.append(PlanChange(kind: .added, before: nil, after: after, effects: entry.effects))
        continue
      }
      let before = info(origin, tensor)
      if !entry.effects.isEmpty {
        rest.append(
          PlanChange(kind: .changed, before: before, after: after, effects: entry.effects))
      } else if origin != key {
        rest.append(PlanChange(kind: .renamed, before: before, after: after, effects: []))
      }
    }
    let removed = base.tensors.compactMap { key, tensor in
      taken.contains(key)
        ? nil : PlanChange(kind: .removed, before: info(key, tensor), after: nil, effects: [])
    }
    return removed + rest
  }

  /// The key in the base that each tensor of the result comes from; what is new or put together has none.
  public var origins: [Key: Key] {
    tensors.elements.reduce(into: [:]) { $0[$1.key] = $1.value.origin }
  }

  /// The number of tensors of the result that nothing happens to.
  public var unchangedCount: Int {
    tensors.elements.count { $0.value.origin == $0.key && $0.value.effects.isEmpty }
  }

  /// Metadata that is new, different or removed: name, value before, value after.
  public var metadataChanges: [(name: String, before: String?, after: String?)] {
    let names = OrderedSet(base.metadata.keys).union(metadata.keys)
    return names.filter { base.metadata[$0].map { Key($0) } != metadata[$0].map { Key($0) } }
      .map { ($0.string, base.metadata[$0], metadata[$0]) }
  }
}
