public import CheckpointFiles

extension ParameterTree {
  /// A place in the tree: a component and what lies at and below it.
  ///
  /// A node can hold a tensor, children, or both (`a` and `a.b` are two keys).
  public struct Node: Sendable {
    let tree: ParameterTree
    let id: Int

    /// The component, without the path before it. Empty for the root.
    public var component: Key { tree.records[id].component }

    /// The value of an all-digit component.
    public var index: Int? { tree.records[id].index }

    /// The components from the root, joined by dots.
    public var path: Key { tree.path(of: id) }

    /// Whether this is the root.
    public var isRoot: Bool { id == 0 }

    /// The tensor whose key ends here.
    public var tensor: TensorInfo? { tree.records[id].entry.map { tree.entries[$0] } }

    /// The nodes one component below, in the order of the file.
    public var children: [Node] { tree.children(of: id).map { Node(tree: tree, id: $0) } }

    /// The node one component below, when there is exactly one.
    package var onlyChild: Node? {
      let record = tree.records[id]
      guard record.childCount == 1, let child = record.firstChild else { return nil }
      return Node(tree: tree, id: child)
    }

    /// The nodes one component below, indices in numerical order and before names.
    public var naturallySortedChildren: [Node] {
      children.sorted { $0.component.naturallyPrecedes($1.component) }
    }

    /// The indices among the children, ascending.
    public var childIndices: [Int] {
      tree.children(of: id).compactMap { tree.records[$0].index }.sorted()
    }

    /// The position of the tensor whose key ends here in ``ParameterTree/entries``.
    package var entry: Int? { tree.records[id].entry }

    /// The positions of the tensors at and below, depth-first.
    package var entriesBelow: ArraySlice<Int> { tree.depthFirst[tree.records[id].range] }

    /// The number of tensors at and below.
    public var tensorCount: Int { tree.records[id].range.count }

    /// The tensors at and below, depth-first.
    public var tensors: [TensorInfo] {
      tree.depthFirst[tree.records[id].range].map { tree.entries[$0] }
    }

    /// The number of elements at and below. Ties count as often as they are named.
    public var parameterCount: Int {
      tree.depthFirst[tree.records[id].range].reduce(0) {
        $0.addingSaturated(tree.entries[$1].shape.count)
      }
    }

    /// The bytes of the tensors at and below. Ties count as often as they are named.
    public var byteCount: Int {
      tree.depthFirst[tree.records[id].range].reduce(0) {
        $0.addingSaturated(tree.entries[$1].byteCount)
      }
    }
  }

  /// The node above all keys.
  public var root: Node { Node(tree: self, id: 0) }

  /// The node at a path such as `bert.encoder`, or `nil`. The empty key names the root unless a
  /// tensor has that key.
  public func node(at path: Key) -> Node? {
    if let record = record(at: path) { return Node(tree: self, id: record) }
    return path.string.isEmpty ? root : nil
  }

  /// Keys of tensors that lie in overlapping bytes of one storage, in groups of two or more, each in
  /// the order of the file. Empty when the tree was made from headers alone.
  public var ties: [[Key]] { tieGroups.map { $0.map { entries[$0].key } } }

  var tieGroups: [[Int]] {
    // Mostly each has a storage of its own.
    if Set(places.lazy.map(\.storage)).count == places.count { return [] }
    // Bring what lies in one storage together, by place; a sweep then joins what overlaps.
    var byStorage: [ObjectIdentifier: [Int]] = [:]
    for (entry, place) in places.enumerated() where !place.range.isEmpty {
      byStorage[place.storage, default: []].append(entry)
    }
    var groups: [[Int]] = []
    for members in byStorage.values where members.count > 1 {
      let sorted = members.sorted { places[$0].range.lowerBound < places[$1].range.lowerBound }
      var group: [Int] = []
      var end = 0
      for entry in sorted {
        if !group.isEmpty, places[entry].range.lowerBound >= end {
          if group.count > 1 { groups.append(group.sorted()) }
          group = []
        }
        end = max(group.isEmpty ? 0 : end, places[entry].range.upperBound)
        group.append(entry)
      }
      if group.count > 1 { groups.append(group.sorted()) }
    }
    return groups.sorted { $0[0] < $1[0] }
  }
}

extension Int {
  /// The sum, or the greatest `Int` when it does not fit. For totals of non-negative counts.
  func addingSaturated(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
