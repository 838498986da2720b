internal import CheckpointFiles

// Looking tensors up by their keys, in their order, and by selectors.
extension PlanTensors {
  /// The child of `node` with this component.
  func child(_ component: Key, of node: Int32) -> Int32? {
    componentNames.number(of: component).flatMap { child(named: $0, of: node) }
  }

  /// The child of `node` whose component has this number.
  func child(named name: Int32, of node: Int32) -> Int32? {
    if nodes[Int(node)].isInTable { return table[ChildName(parent: node, name: name)] }
    var next = nodes[Int(node)].firstChild
    while next >= 0 {
      if nodes[Int(next)].name == name { return next }
      next = nodes[Int(next)].next
    }
    return nil
  }

  /// The node at `key`.
  func node(at key: Key) -> Int32? {
    let text = key.string.utf8Span.span
    var path = ComponentRanges()
    path.split(text, from: 0)
    var node: Int32 = 0
    for range in path.ranges {
      guard let child = child(Key(text, range), of: node) else { return nil }
      node = child
    }
    return node
  }

  /// The slot of the tensor under `key`.
  func slot(of key: Key) -> Int? {
    guard let node = node(at: key), nodes[Int(node)].slot >= 0 else { return nil }
    return Int(nodes[Int(node)].slot)
  }

  subscript(key: Key) -> Entry? { slot(of: key).map { slots[$0].entry } }

  func contains(_ key: Key) -> Bool { slot(of: key) != nil }

  /// The key of a node.
  func path(of node: Int32) -> Key {
    var parts: [Key] = []
    var node = node
    var length = 0
    while node > 0 {
      let component = componentNames[nodes[Int(node)].name]
      parts.append(component)
      length += component.string.utf8.count + 1
      node = nodes[Int(node)].parent
    }
    var text = ""
    text.reserveCapacity(length)
    for (place, part) in parts.reversed().enumerated() {
      if place > 0 { text += "." }
      text += part.string
    }
    return Key(text)
  }

  /// The key of a tensor that is there.
  func key(of slot: Int) -> Key { names[slot] ?? path(of: places[slot]) }

  /// The slots of all tensors, in order.
  var liveSlots: [Int] { order.compactMap { places[Int($0)] >= 0 ? Int($0) : nil } }

  /// The keys, in order.
  var keys: [Key] { liveSlots.map(key) }

  /// Keys and entries, in order.
  var elements: [(key: Key, value: Entry)] { liveSlots.map { (key(of: $0), slots[$0].entry) } }

  /// Sorts slots by the order of their tensors.
  func sortSlots(_ chosen: inout [Int]) {
    guard !isBySlot else { return chosen.sort() }
    var rank = [Int32](repeating: 0, count: slots.count)
    for (place, slot) in order.enumerated() { rank[Int(slot)] = Int32(place) }
    chosen.sort { rank[$0] < rank[$1] }
  }

  /// The slots of the tensors at and below `node`, in no order.
  func slots(below node: Int32) -> [Int] {
    var found: [Int] = []
    forEachNode(below: node) { if nodes[$0].slot >= 0 { found.append(Int(nodes[$0].slot)) } }
    return found
  }

  /// Calls `body` with `node` and every node below it, without recursion.
  func forEachNode(below node: Int32, _ body: (Int) -> Void) {
    var current: Int32? = node
    while let place = current {
      body(Int(place))
      current = successor(of: place, below: node)
    }
  }

  /// The node that follows `node` when those at and below `top` are visited from above.
  func successor(of node: Int32, below top: Int32) -> Int32? {
    if nodes[Int(node)].firstChild >= 0 { return nodes[Int(node)].firstChild }
    var current = node
    while current != top, nodes[Int(current)].next < 0 { current = nodes[Int(current)].parent }
    return current == top ? nil : nodes[Int(current)].next
  }
}

extension PlanTensors: SelectableTree {
  var positionCount: Int { slots.count }

  func info(at position: Int) -> TensorInfo? {
    guard places[position] >= 0 else { return nil }
    let tensor = slots[position].entry.tensor
    return TensorInfo(key: key(of: position), dtype: tensor.dtype, shape: tensor.shape)
  }

  func rowCount(at position: Int) -> Int? { slots[position].entry.tensor.shape.dimensions.first }

  func component(of node: Int) -> Key { componentNames[nodes[node].name] }

  func child(of node: Int, named component: Key) -> Int? {
    child(component, of: Int32(node)).map { Int($0) }
  }

  func position(of node: Int) -> Int? { nodes[node].slot < 0 ? nil : Int(nodes[node].slot) }

  func children(of node: Int) -> UnfoldSequence<Int, Int32> {
    sequence(state: nodes[node].firstChild) { next in
      guard next >= 0 else { return nil }
      defer { next = nodes[Int(next)].next }
      return Int(next)
    }
  }

  func forEachPosition(below node: Int, _ body: (Int) -> Void) {
    forEachNode(below: Int32(node)) { if nodes[$0].slot >= 0 { body(Int(nodes[$0].slot)) } }
  }

  func sort(_ positions: inout [Int]) { sortSlots(&positions) }

  var parameterTree: ParameterTree {
    ParameterTree(liveSlots.compactMap { info(at: $0) })
  }
}
