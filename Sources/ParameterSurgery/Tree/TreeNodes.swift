internal import CheckpointFiles

/// The nodes of a tree of keys, made once and shared by all that look at it.
final class TreeNodes: Sendable {
  /// A component and where it hangs.
  struct Record: Sendable {
    let component: Key
    let parent: Int
    fileprivate(set) var childCount = 0
    /// The tensor whose key ends here.
    @OptionalIndex var entry: Int?
    @OptionalIndex var firstChild: Int?
    @OptionalIndex var nextSibling: Int?
    /// The tensors at and below, as a range of `depthFirst`.
    var range: Range<Int> = 0..<0

    init(component: Key, parent: Int) {
      self.component = component
      self.parent = parent
    }

    /// The value of an all-digit component.
    var index: Int? { component.indexValue }
  }

  /// An index that may be missing, in the space of one that is there: trees have hundreds of thousands.
  @propertyWrapper
  struct OptionalIndex: Sendable {
    private var index = -1

    var wrappedValue: Int? {
      get { index < 0 ? nil : index }
      set { index = newValue ?? -1 }
    }
  }

  struct ChildName: Hashable, Sendable {
    var parent: Int
    var component: Key
  }

  /// The tensors, in the order of the file.
  let entries: [TensorInfo]
  /// Nodes; a parent precedes its children, the root is the first.
  let records: [Record]
  /// Indices of `entries` depth-first, so that the tensors below any node are one range.
  let depthFirst: [Int]
  /// The children of nodes that have more than ``few``.
  private let manyChildren: [ChildName: Int]

  /// As many children are looked through; more are in a table.
  private static let few = 8

  /// The tree of `entries`. Of two with one key the first stays.
  init(_ entries: [TensorInfo]) {
    var builder = Builder()
    self.entries = entries.filter { builder.add($0.key) }
    depthFirst = builder.assignRanges()
    records = builder.records
    manyChildren = builder.manyChildren
  }

  /// The child of `node` named `component`.
  func child(of node: Int, named component: Key) -> Int? {
    TreeNodes.child(of: node, named: component, records, manyChildren)
  }

  private static func child(
    of node: Int, named component: Key, _ records: [Record], _ manyChildren: [ChildName: Int]
  ) -> Int? {
    if records[node].childCount > few {
      return manyChildren[ChildName(parent: node, component: component)]
    }
    var next = records[node].firstChild
    while let child = next, records[child].component != component {
      next = records[child].nextSibling
    }
    return next
  }

  /// Takes the keys of entries one after another.
  private struct Builder {
    private var entryCount = 0
    var records = [Record(component: Key(""), parent: 0)]
    var manyChildren: [ChildName: Int] = [:]
    /// The last child of each node, where it has one.
    private var lastChildren = [OptionalIndex()]
    /// Where the components of the key before lie, and their nodes: neighbours share most of theirs,
    /// which saves looking for them.
    private var ranges = ComponentRanges()
    private var path: [Int] = []
    private var previous = Key("")

    /// Adds a key; returns whether it is new.
    mutating func add(_ key: Key) -> Bool {
      let text = key.string.utf8Span.span
      let depth = ranges.depth(of: previous.string.utf8Span.span, sharedWith: text)
      ranges.split(text, from: depth)
      path.removeSubrange(depth...)
      for component in ranges.ranges[depth...] {
        path.append(child(of: path.last ?? 0, named: Key(text, component)))
      }
      previous = key
      guard let node = path.last, records[node].entry == nil else { return false }
      records[node].entry = entryCount
      entryCount += 1
      return true
    }

    /// The child of `parent` named `component`, which is new if there was none.
    private mutating func child(of parent: Int, named component: Key) -> Int {
      if let known = TreeNodes.child(of: parent, named: component, records, manyChildren) {
        return known
      }
      let node = records.count
      records.append(Record(component: component, parent: parent))
      lastChildren.append(OptionalIndex())
      if let last = lastChildren[parent].wrappedValue {
        records[last].nextSibling = node
      } else {
        records[parent].firstChild = node
      }
      lastChildren[parent].wrappedValue = node
      records[parent].childCount += 1
      enterTable(node, under: parent)
      return node
    }

    /// Puts a new child into the table when there are many, with those before it when it is the first
    /// of too many.
    private mutating func enterTable(_ node: Int, under parent: Int) {
      let count = records[parent].childCount
      guard count > TreeNodes.few else { return }
      var next = count == TreeNodes.few + 1 ? records[parent].firstChild : node
      while let child = next {
        manyChildren[ChildName(parent: parent, component: records[child].component)] = child
        next = records[child].nextSibling
      }
    }

    /// Gives every node its range, without recursion: a parent precedes its children.
    mutating func assignRanges() -> [Int] {
      var counts = [Int](repeating: 0, count: records.count)
      for node in records.indices.reversed() {
        if records[node].entry != nil { counts[node] += 1 }
        if node > 0 { counts[records[node].parent] += counts[node] }
      }
      var depthFirst = [Int](repeating: 0, count: entryCount)
      records[0].range = 0..<counts[0]
      for node in records.indices {
        var position = records[node].range.lowerBound
        if let entry = records[node].entry {
          depthFirst[position] = entry
          position += 1
        }
        var child = records[node].firstChild
        while let current = child {
          records[current].range = position..<position + counts[current]
          position += counts[current]
          child = records[current].nextSibling
        }
      }
      return depthFirst
    }
  }
}
