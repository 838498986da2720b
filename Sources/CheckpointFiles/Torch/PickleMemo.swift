/// The values that a pickle has numbered to name them again.
struct PickleMemo {
  /// Entries by their index; -1 for none.
  private var near: [NodeID] = []
  /// Entries at indices that no honest pickler reaches.
  private var distant: [Int: NodeID] = [:]
  /// The number of entries, which is the index of the next `MEMOIZE`.
  private(set) var count = 0

  /// Sets an entry. One that is near takes memory for all indices below it.
  mutating func set(_ value: NodeID, at index: Int, isNear: Bool) {
    guard isNear else {
      if distant.updateValue(value, forKey: index) == nil { count += 1 }
      return
    }
    while near.count <= index { near.append(-1) }
    if near[index] < 0 { count += 1 }
    near[index] = value
  }

  /// The entry at `index`, or `nil`.
  subscript(index: Int) -> NodeID? {
    near.indices.contains(index) && near[index] >= 0 ? near[index] : distant[index]
  }
}
