public import CheckpointFiles
internal import OrderedCollections

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

  /// Keys of tensors that have bytes of one storage in common, in groups of two or more, each in
  /// the order of the file. Empty when the tree was made from headers alone.
  public var ties: [[Key]] { Tensor.tiedGroups(tensors).map { $0.map { entries[$0].key } } }

  /// Keys that are names of one tensor: the same elements in the same order. In groups of two or more, each in the
  /// order of the file.
  package var aliases: [[Key]] {
    if Set(tensors.lazy.map { ObjectIdentifier($0.storage) }).count == tensors.count { return [] }
    var groups: OrderedDictionary<TensorView, [Key]> = [:]
    for (entry, tensor) in zip(entries, tensors) where tensor.shape.count > 0 {
      groups[TensorView(tensor), default: []].append(entry.key)
    }
    return groups.values.filter { $0.count > 1 }
  }
}

extension Int {
  /// The sum, or the greatest `Int` when it does not fit. For totals of non-negative counts.
  func addingSaturated(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
