public import CheckpointFiles
internal import OrderedCollections

/// The keys of a checkpoint as a tree: keys are split at `.`, and all-digit components are indices.
///
/// The tree keeps the order of the file, both among ``entries`` and among the children of a node.
/// Building it is linear in the length of the keys.
///
///     let layers = ParameterTree(checkpoint).node(at: "bert.encoder.layer")
///     print(layers?.childIndices ?? [], layers?.parameterCount ?? 0)
public struct ParameterTree: Sendable {
  /// Nodes, and what is found through them.
  private let nodes: TreeNodes
  /// The tensor of each entry, when the tree was made from tensors.
  let tensors: [Tensor]

  /// The tree of the checkpoint's keys.
  public init(_ checkpoint: Checkpoint) {
    nodes = TreeNodes(
      checkpoint.tensors.map { TensorInfo(key: $0, dtype: $1.dtype, shape: $1.shape) })
    tensors = Array(checkpoint.tensors.values)
  }

  /// The tree of tensors known from headers alone. Of two entries with one key the first stays.
  public init(_ entries: some Sequence<TensorInfo>) {
    nodes = TreeNodes(Array(entries))
    tensors = []
  }

  /// The tensors, in the order of the file.
  public var entries: [TensorInfo] { nodes.entries }

  /// Nodes; a parent precedes its children, the root is the first.
  var records: [TreeNodes.Record] { nodes.records }

  /// Indices of `entries` depth-first, so that the tensors below any node are one range.
  var depthFirst: [Int] { nodes.depthFirst }

  // MARK: - Look-up

  /// The child of `node` named `component`.
  func child(of node: Int, named component: Key) -> Int? {
    nodes.child(of: node, named: component)
  }

  /// The children of `node`, in the order of the file.
  func children(of node: Int) -> ChildSequence {
    ChildSequence(records: records, upcoming: records[node].firstChild)
  }

  struct ChildSequence: Sequence, IteratorProtocol {
    let records: [TreeNodes.Record]
    var upcoming: Int?

    mutating func next() -> Int? {
      guard let current = upcoming else { return nil }
      upcoming = records[current].nextSibling
      return current
    }
  }

  /// The node at `key`, or `nil`.
  func record(at key: Key) -> Int? {
    let text = key.string.utf8Span.span
    var node = 0
    var path = ComponentRanges()
    path.split(text, from: 0)
    for component in path.ranges {
      guard let child = child(of: node, named: Key(text, component)) else { return nil }
      node = child
    }
    return node
  }

  /// The dotted path of a node.
  func path(of node: Int) -> Key {
    var parts: [String] = []
    var node = node
    while node != 0 {
      parts.append(records[node].component.string)
      node = records[node].parent
    }
    return Key(parts.reversed().joined(separator: "."))
  }

  /// The position of `key` in ``entries``, or `nil`.
  public func index(of key: Key) -> Int? { record(at: key).flatMap { records[$0].entry } }

  /// The tensor under `key`, or `nil`.
  public subscript(key: Key) -> TensorInfo? { index(of: key).map { entries[$0] } }
}

extension Key {
  /// The value of a component of ASCII digits that fits `Int`; `nil` for others.
  var indexValue: Int? {
    var value = 0
    var empty = true
    for byte in string.utf8 {
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
      let (tens, high) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
      guard !high, !carry else { return nil }
      value = sum
      empty = false
    }
    return empty ? nil : value
  }
}
