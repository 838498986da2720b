internal import CheckpointFiles

/// The tensors of a plan: in order, and as a tree of the components of their keys.
///
/// A step changes what it is about and nothing else: a renamed node is moved with all that is below it, and no key is
/// put together before it is needed. What is changed is logged, so that a step that fails is undone.
struct PlanTensors: Sendable {
  typealias Entry = SurgeryPlan.Entry

  /// A component of a key and where it is in the tree. Numbers below 0 mean "none".
  struct Node: Sendable {
    /// The component, as a number of ``ComponentNames``: a step compares and changes many.
    var name: Int32
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

  /// A tensor. It keeps its slot, whatever its key and its place in the order become.
  struct Slot: Sendable {
    var entry: Entry
  }

  /// What a step did, so that it can be undone.
  enum Change: Sendable {
    indirect case entry(Int, Entry)
    case appended
    case placed(Int)
    case displaced(Int, node: Int32)
    case linked(Int32)
    case unlinked(Int32, parent: Int32)
    case name(Int32, Int32)
    case order([Int32], isBySlot: Bool)
  }

  struct ChildName: Hashable {
    var parent: Int32
    var name: Int32
  }

  /// More children than this are looked up in the table.
  private static let fewChildren = 8

  private(set) var componentNames = ComponentNames()
  private(set) var nodes = [Node(name: ComponentNames.empty)]
  private(set) var slots: [Slot] = []
  /// The node of each slot; -1 when the tensor is not there any more.
  private(set) var places: [Int32] = []
  /// The key of each slot, when nothing above was renamed since it was set.
  private(set) var names: [Key?] = []
  /// The tensors in order, with vacant slots among them.
  private(set) var order: [Int32] = []
  /// Whether slots ascend in `order`.
  private(set) var isBySlot = true
  /// The number of tensors.
  private(set) var count = 0
  private(set) var table: [ChildName: Int32] = [:]
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
      addSlot(Entry(tensor: tensor, origin: key))
      order.append(Int32(slots.count - 1))
      rawPlace(slots.count - 1, at: node)
      names[slots.count - 1] = key
    }
    commit()
  }
}

// MARK: - Changes

extension PlanTensors {
  private mutating func addSlot(_ entry: Entry) {
    slots.append(Slot(entry: entry))
    places.append(-1)
    names.append(nil)
  }

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
    addSlot(entry)
    order.append(Int32(slot))
    changes.append(.appended)
    place(slot, at: node)
    names[slot] = key
    return true
  }

  /// Removes the tensor of a slot.
  mutating func remove(_ slot: Int) {
    let node = places[slot]
    displace(slot)
    prune(node)
  }

  /// Gives the tensor of a slot another key; returns `false` when that exists. The nodes that it leaves are not pruned.
  mutating func place(_ slot: Int, under key: Key) -> Bool {
    let node = makeNode(at: key)
    guard nodes[Int(node)].slot < 0 else { return false }
    place(slot, at: node)
    names[slot] = key
    return true
  }

  /// Puts the tensors in another order.
  mutating func reorder(_ arranged: some Collection<Int>) {
    let arranged = arranged.map { Int32($0) }
    var place = 0
    for slot in order where places[Int(slot)] >= 0 {
      guard place < arranged.count, arranged[place] == slot else { break }
      place += 1
    }
    guard place < count else { return }
    changes.append(.order(order, isBySlot: isBySlot))
    order = arranged
    isBySlot = false
  }

  mutating func displace(_ slot: Int) {
    changes.append(.displaced(slot, node: places[slot]))
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
        names[slot] = nil
        count += 1
      }
      current = successor(of: place, below: node)
    }
    return count
  }

  /// The number of a component, which is new if it had none.
  mutating func name(of component: Key) -> Int32 { componentNames.insert(component) }

  mutating func relabel(_ node: Int32, _ name: Int32) {
    changes.append(.name(node, nodes[Int(node)].name))
    rawRelabel(node, name)
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
    nodes.append(Node(name: name(of: component)))
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
        places.removeLast()
        names.removeLast()
        order.removeLast()
      case .placed(let slot): rawDisplace(slot)
      case .displaced(let slot, let node): rawPlace(slot, at: node)
      case .linked(let node): rawUnlink(node)
      case .unlinked(let node, let parent): rawLink(node, under: parent)
      case .name(let node, let name): rawRelabel(node, name)
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
    places[slot] = node
    names[slot] = nil
    count += 1
  }

  private mutating func rawDisplace(_ slot: Int) {
    nodes[Int(places[slot])].slot = -1
    places[slot] = -1
    names[slot] = nil
    count -= 1
  }

  private mutating func rawRelabel(_ node: Int32, _ name: Int32) {
    let parent = nodes[Int(node)].parent
    let isInTable = parent >= 0 && nodes[Int(parent)].isInTable
    if isInTable {
      table[ChildName(parent: parent, name: nodes[Int(node)].name)] = nil
      table[ChildName(parent: parent, name: name)] = node
    }
    nodes[Int(node)].name = name
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
      table[ChildName(parent: parent, name: nodes[Int(node)].name)] = node
    } else if Int(nodes[Int(parent)].childCount) > PlanTensors.fewChildren {
      nodes[Int(parent)].isInTable = true
      var child = node
      while child >= 0 {
        table[ChildName(parent: parent, name: nodes[Int(child)].name)] = child
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
      table[ChildName(parent: parent, name: nodes[Int(node)].name)] = nil
    }
    nodes[Int(node)].parent = -1
    nodes[Int(node)].next = -1
    nodes[Int(node)].previous = -1
  }
}
