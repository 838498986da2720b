public import CheckpointFiles
internal import OrderedCollections

extension FreezeMask {
  /// The mask that lets train what trains in either of the two.
  ///
  /// - Throws: ``SurgeryError`` when the masks belong to different layouts.
  public func union(_ other: FreezeMask) throws(SurgeryError) -> FreezeMask {
    try combined(with: other) { a, b in
      switch (a, b) {
      case (.trainable, _), (_, .trainable): .trainable
      case (.rows(let a), .rows(let b)): .rows(a.union(b))
      case (.rows(let rows), .frozen), (.frozen, .rows(let rows)): .rows(rows)
      case (.frozen, .frozen): .frozen
      }
    }
  }

  /// The mask that lets train what trains in both.
  ///
  /// - Throws: ``SurgeryError`` when the masks belong to different layouts.
  public func intersection(_ other: FreezeMask) throws(SurgeryError) -> FreezeMask {
    try combined(with: other) { a, b in
      switch (a, b) {
      case (.frozen, _), (_, .frozen): .frozen
      case (.trainable, let state), (let state, .trainable): state
      case (.rows(let a), .rows(let b)): .of(rows: a.subtracting(a.subtracting(b)))
      }
    }
  }

  /// Freezes what trains and lets train what is frozen, rows too. What has no gradient stays frozen.
  ///
  /// - Parameter tree: the keys of the checkpoint: a mask alone knows neither dtypes nor numbers of rows.
  /// - Throws: ``SurgeryError`` when the mask does not fit.
  public func inverted(in tree: ParameterTree) throws(SurgeryError) -> FreezeMask {
    try check(fits: tree)
    var states: OrderedDictionary<Key, State> = [:]
    for info in tree.entries {
      switch self[info.key] {
      case _ where !info.canTrain: states[info.key] = .frozen
      case .frozen?, nil: states[info.key] = .trainable
      case .trainable?: states[info.key] = .frozen
      case .rows(let rows)?: states[info.key] = .of(rows: rows.complement(in: info.rowCount ?? 0))
      }
    }
    return FreezeMask(states: states, rules: [], layoutDigest: layoutDigest)
  }

  /// A tensor that two masks treat differently.
  public struct Change: Sendable, Hashable {
    /// The key.
    public let key: Key
    /// The state in the first mask; `nil` when it does not list the key.
    public let before: State?
    /// The state in the second mask.
    public let after: State?
  }

  /// The tensors that `other` treats differently, in key order. The masks may belong to different layouts.
  public func changes(to other: FreezeMask) -> [Change] {
    let keys = Set(states.keys).union(other.states.keys).sorted()
    return keys.compactMap { key in
      self[key] == other[key] ? nil : Change(key: key, before: self[key], after: other[key])
    }
  }

  private func combined(
    with other: FreezeMask, _ combine: (State, State) -> State
  ) throws(SurgeryError) -> FreezeMask {
    guard layoutDigest == other.layoutDigest, states.keys == other.states.keys else {
      let key = changes(to: other).first { $0.before == nil || $0.after == nil }?.key
      throw .otherLayouts(onlyOneLists: key)
    }
    var result: OrderedDictionary<Key, State> = [:]
    for (key, state) in states { result[key] = combine(state, other[key] ?? .frozen) }
    return FreezeMask(states: result, rules: [], layoutDigest: layoutDigest)
  }
}

extension FreezeMask.State {
  static func of(rows: RowSet) -> FreezeMask.State { rows.isEmpty ? .frozen : .rows(rows) }
}
