internal import CheckpointFiles

/// The tensors of a plan: in order, and as a tree of the components of their keys.
///
/// A step changes what it is about and nothing else: a renamed node is moved with all that is below it, and no key is
/// put together before it is needed. What is changed is logged, so that a step that fails is undone.
struct PlanTensors: Sendable {
  typealias Entry = SurgeryPlan.Entry

  /// A component of a key and where it is in the tree. Numbers below 0 mean "none".
  struct Node: Sendable {
    var component: Key
    var parent: Int32 = -1
    /// The tensor whose key ends here.
    var slot: Int32 = -1
    var firstChild: Int32 = -1
    var next: Int32 = -1
    var previous: Int32 = -1
    var childCount: Int32 = 0
    /// Whether the children are in the table: a few are searched one by one.
    var isInTable = false
  }

  /// A tensor and its node; -1 when the tensor is not there any more.
  struct Slot: Sendable {
    var entry: Entry
    var node: Int32 = -1
    /// The key, when nothing above was renamed since it was asked for.
    var key: Key?
  }

  /// What a step did, so that it can be undone.
  enum Change: Sendable {
    indirect case entry(Int, Entry)
    case appended
    case placed(Int)
    case displaced(Int, node: Int32)
    case linked(Int32)
    case unlinked(Int32, parent: Int32)
    case component(Int32, Key)
    case order([Int32], isBySlot: Bool)
  }

  struct ChildName: Hashable {
    var parent: Int32
    var component: Key
  }

  /// More children than this are looked up in the table.
  private static let fewChildren = 8

  private(set) var nodes = [Node(component: "")]
  private(set) var slots: [Slot] = []
  /// The tensors in order, with vacant slots among them.
  private var order: [Int32] = []
  /// Whether slots ascend in `order`.
  private var isBySlot = true
  /// The number of tensors.
  private(set) var count = 0
  private var table: [ChildName: Int32] = [:]
  /// At least the number of components of the longest key.
  var depthBound = 0
  private(set) var changes: [Change] = []

  init() {}

  /// The tensors of a checkpoint.
  init(_ tensors: some Sequence<(key: Key, value: Tensor)>) {
    // Neighbours have most of their components in common, which saves looking for them.
    var ranges = ComponentRanges()
    var path: [Int32] = []
    var previous = Key("")
    for (key, tensor) in tensors {
      let text = key.string.utf8Span.span
      let depth = ranges.depth(of: previous.string.utf8Span.span, sharedWith: text)
      ranges.split(text, from: depth)
      path.removeSubrange(depth...)
      for range in ranges.ranges[depth...] {
        path.append(makeChild(Key(text, range), of: path.last ?? 0))
      }
      depthBound = max(depthBound, path.count)
      previous = key
      guard let node = path.last else { continue }
      slots.append(Slot(entry: Entry(tensor: tensor, origin: key), key: key))
      order.append(Int32(slots.count - 1))
      rawPlace(slots.count - 1, at: node)
      slots[slots.count - 1].key = key
    }
    commit()
  }

  // MARK: - Look-up

  /// The child of `node` with this component.
  func child(_ component: Key, of node: Int32) -> Int32? {
    if nodes[Int(node)].isInTable { return table[ChildName(parent: node, component: component)] }
    var next = nodes[Int(node)].firstChild
    while next >= 0 {
      if nodes[Int(next)].component == component { return next }
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
      let component = nodes[Int(node)].component
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
  func key(of slot: Int) -> Key { slots[slot].key ?? path(of: slots[slot].node) }

  /// The slots of all tensors, in order.
  var liveSlots: [Int] { order.compactMap { slots[Int($0)].node >= 0 ? Int($0) : nil } }

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
  private func successor(of node: Int32, below top: Int32) -> Int32? {
    if nodes[Int(node)].firstChild >= 0 { return nodes[Int(node)].firstChild }
    var current = node
    while current != top, nodes[Int(current)].next < 0 { current = nodes[Int(current)].parent }
    return current == top ? nil : nodes[Int(current)].next
  }
}

// MARK: - Changes

extension PlanTensors {
  /// Replaces the tensor under a slot.
  mutating func replace(_ slot: Int, with entry: Entry) {
    changes.append(.entry(slot, slots[slot].entry))
    slots[slot].entry = entry
  }

  /// Adds a tensor after the others; returns `false` when the key exists.
  mutating func append(_ key: Key, _ entry: Entry) -> Bool {
    let node = makeNode(at: key)
    guard nodes[Int(node)].slot < 0 else { return false }
    let slot = slots.count
    slots.append(Slot(entry: entry, key: key))
    order.append(Int32(slot))
    changes.append(.appended)
    place(slot, at: node)
    return true
  }

  /// Removes the tensor of a slot.
  mutating func remove(_ slot: Int) {
    let node = slots[slot].node
    displace(slot)
    prune(node)
  }

  /// Gives the tensor of a slot another key; returns `false` when that exists. The nodes that it leaves are not pruned.
  mutating func place(_ slot: Int, under key: Key) -> Bool {
    let node = makeNode(at: key)
    guard nodes[Int(node)].slot < 0 else { return false }
    place(slot, at: node)
    slots[slot].key = key
    return true
  }

  /// Puts the tensors in another order.
  mutating func reorder(_ slots: [Int]) {
    guard slots != liveSlots else { return }
    changes.append(.order(self.order, isBySlot: isBySlot))
    order = slots.map { Int32($0) }
    isBySlot = false
  }

  mutating func displace(_ slot: Int) {
    changes.append(.displaced(slot, node: slots[slot].node))
    rawDisplace(slot)
  }

  mutating func place(_ slot: Int, at node: Int32) {
    changes.append(.placed(slot))
    rawPlace(slot, at: node)
  }

  /// Forgets the keys of the tensors at and below a node, and returns their number.
  mutating func forgetKeys(below node: Int32) -> Int {
    var count = 0
    var current: Int32? = node
    while let place = current {
      let slot = Int(nodes[Int(place)].slot)
      if slot >= 0 {
        slots[slot].key = nil
        count += 1
      }
      current = successor(of: place, below: node)
    }
    return count
  }

  mutating func relabel(_ node: Int32, _ component: Key) {
    changes.append(.component(node, nodes[Int(node)].component))
    rawRelabel(node, component)
  }

  mutating func link(_ node: Int32, under parent: Int32) {
    changes.append(.linked(node))
    rawLink(node, under: parent)
  }

  mutating func unlink(_ node: Int32) {
    changes.append(.unlinked(node, parent: nodes[Int(node)].parent))
    rawUnlink(node)
  }

  /// A node that is not in the tree yet.
  mutating func newNode(_ component: Key) -> Int32 {
    nodes.append(Node(component: component))
    return Int32(nodes.count - 1)
  }

  /// Unlinks a node without tensors, and the nodes above it that have none without it.
  mutating func prune(_ node: Int32) {
    var node = node
    while node > 0, nodes[Int(node)].slot < 0, nodes[Int(node)].firstChild < 0,
      nodes[Int(node)].parent >= 0
    {
      let parent = nodes[Int(node)].parent
      unlink(node)
      node = parent
    }
  }

  /// The node at `key`, which is new if there was none.
  mutating func makeNode(at key: Key) -> Int32 {
    let text = key.string.utf8Span.span
    var path = ComponentRanges()
    path.split(text, from: 0)
    depthBound = max(depthBound, path.ranges.count)
    var node: Int32 = 0
    for range in path.ranges { node = makeChild(Key(text, range), of: node) }
    return node
  }

  mutating func makeChild(_ component: Key, of parent: Int32) -> Int32 {
    if let child = child(component, of: parent) { return child }
    let child = newNode(component)
    link(child, under: parent)
    return child
  }
}

// MARK: - The log

extension PlanTensors {
  /// Where the log ends now.
  var mark: Int { changes.count }

  /// Forgets how to undo what was done.
  mutating func commit() { changes.removeAll(keepingCapacity: true) }

  /// Undoes what was done since `mark`.
  mutating func rollBack(to mark: Int) {
    while changes.count > mark, let change = changes.popLast() {
      switch change {
      case .entry(let slot, let entry): slots[slot].entry = entry
      case .appended:
        slots.removeLast()
        order.removeLast()
      case .placed(let slot): rawDisplace(slot)
      case .displaced(let slot, let node): rawPlace(slot, at: node)
      case .linked(let node): rawUnlink(node)
      case .unlinked(let node, let parent): rawLink(node, under: parent)
      case .component(let node, let component): rawRelabel(node, component)
      case .order(let old, let wasBySlot): (order, isBySlot) = (old, wasBySlot)
      }
    }
  }

  /// Whether anything is different from what was there at `mark`.
  func hasChanged(since mark: Int) -> Bool {
    changes[mark...].contains { change in
      switch change {
      case .entry(let slot, let old):
        TensorView(old.tensor) != TensorView(slots[slot].entry.tensor)
      default: true
      }
    }
  }

  private mutating func rawPlace(_ slot: Int, at node: Int32) {
    nodes[Int(node)].slot = Int32(slot)
    slots[slot].node = node
    slots[slot].key = nil
    count += 1
  }

  private mutating func rawDisplace(_ slot: Int) {
    nodes[Int(slots[slot].node)].slot = -1
    slots[slot].node = -1
    slots[slot].key = nil
    count -= 1
  }

  private mutating func rawRelabel(_ node: Int32, _ component: Key) {
    let parent = nodes[Int(node)].parent
    let isInTable = parent >= 0 && nodes[Int(parent)].isInTable
    if isInTable {
      table[ChildName(parent: parent, component: nodes[Int(node)].component)] = nil
      table[ChildName(parent: parent, component: component)] = node
    }
    nodes[Int(node)].component = component
  }

  private mutating func rawLink(_ node: Int32, under parent: Int32) {
    let first = nodes[Int(parent)].firstChild
    nodes[Int(node)].parent = parent
    nodes[Int(node)].next = first
    nodes[Int(node)].previous = -1
    if first >= 0 { nodes[Int(first)].previous = node }
    nodes[Int(parent)].firstChild = node
    nodes[Int(parent)].childCount += 1
    if nodes[Int(parent)].isInTable {
      table[ChildName(parent: parent, component: nodes[Int(node)].component)] = node
    } else if Int(nodes[Int(parent)].childCount) > PlanTensors.fewChildren {
      nodes[Int(parent)].isInTable = true
      var child = node
      while child >= 0 {
        table[ChildName(parent: parent, component: nodes[Int(child)].component)] = child
        child = nodes[Int(child)].next
      }
    }
  }

  private mutating func rawUnlink(_ node: Int32) {
    let (parent, next, previous) = (
      nodes[Int(node)].parent, nodes[Int(node)].next, nodes[Int(node)].previous
    )
    if previous >= 0 {
      nodes[Int(previous)].next = next
    } else {
      nodes[Int(parent)].firstChild = next
    }
    if next >= 0 { nodes[Int(next)].previous = previous }
    nodes[Int(parent)].childCount -= 1
    if nodes[Int(parent)].isInTable {
      table[ChildName(parent: parent, component: nodes[Int(node)].component)] = nil
    }
    nodes[Int(node)].parent = -1
    nodes[Int(node)].next = -1
    nodes[Int(node)].previous = -1
  }
}

// MARK: - Selecting

extension PlanTensors: SelectableTree {
  var positionCount: Int { slots.count }

  func info(at position: Int) -> TensorInfo? {
    guard slots[position].node >= 0 else { return nil }
    let tensor = slots[position].entry.tensor
    return TensorInfo(key: key(of: position), dtype: tensor.dtype, shape: tensor.shape)
  }

  func rowCount(at position: Int) -> Int? { slots[position].entry.tensor.shape.dimensions.first }

  func component(of node: Int) -> Key { nodes[node].component }

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
