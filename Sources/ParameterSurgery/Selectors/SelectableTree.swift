internal import CheckpointFiles

/// What selectors are matched against: nodes with components, and tensors at some of them.
///
/// ``ParameterTree`` is one, built once and read often; the tensors of a ``SurgeryPlan`` are another, which each step
/// changes. Nodes and positions are numbers; node 0 is the root.
protocol SelectableTree {
  associatedtype Children: Sequence<Int>

  /// One more than the highest position of a tensor. Positions may be vacant.
  var positionCount: Int { get }
  /// The tensor at a position; `nil` when it is vacant.
  func info(at position: Int) -> TensorInfo?
  /// The number of rows of the tensor at a position.
  func rowCount(at position: Int) -> Int?
  /// The nodes one component below `node`.
  func children(of node: Int) -> Children
  /// The child of `node` with this component.
  func child(of node: Int, named component: Key) -> Int?
  /// The component of a node.
  func component(of node: Int) -> Key
  /// The position of the tensor whose key ends at `node`.
  func position(of node: Int) -> Int?
  /// Calls `body` with the position of each tensor at and below `node`.
  func forEachPosition(below node: Int, _ body: (Int) -> Void)
  /// Sorts positions by the order of the tensors in the file.
  func sort(_ positions: inout [Int])
  /// The same keys in a tree that can say what is near to a key.
  var parameterTree: ParameterTree { get }
}

extension ParameterTree: SelectableTree {
  var positionCount: Int { entries.count }
  func info(at position: Int) -> TensorInfo? { entries[position] }
  func rowCount(at position: Int) -> Int? { entries[position].rowCount }
  func component(of node: Int) -> Key { records[node].component }
  func position(of node: Int) -> Int? { records[node].entry }
  var parameterTree: ParameterTree { self }

  func forEachPosition(below node: Int, _ body: (Int) -> Void) {
    for place in records[node].range { body(depthFirst[place]) }
  }

  // Positions are the places in the file.
  func sort(_ positions: inout [Int]) { positions.sort() }
}
