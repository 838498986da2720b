public import CheckpointFiles
internal import OrderedCollections

/// The keys of a checkpoint as a tree: keys are split at `.`, and all-digit components are indices.
///
/// The tree keeps the order of the file, both among ``entries`` and among the children of a node.
/// Building it is linear in the length of the keys.
public struct ParameterTree: Sendable {
  /// The tensors, in the order of the file.
  public let entries: [TensorInfo]

  /// Nodes; a parent stands before its children, the root is the first.
  let records: [Record]
  /// Indices of `entries` depth-first, so that the tensors below any node are one range.
  let depthFirst: [Int]
  /// Where the bytes of each entry lie, when the tree was made from tensors.
  let places: [Place]
  private let children: [ChildName: Int]

  struct Record: Sendable {
    var component: Key
    var index: Int?
    var parent: Int
    var entry: Int?
    var firstChild: Int?
    var lastChild: Int?
    var nextSibling: Int?
    /// The tensors at and below, as a range of `depthFirst`.
    var range: Range<Int> = 0..<0
  }

  /// A storage and a byte range in it.
  struct Place: Sendable {
    var storage: ObjectIdentifier
    var range: Range<Int>
  }

  private struct ChildName: Hashable {
    var parent: Int
    var component: Key
  }

  /// Deeper keys keep their remainder as one component, which bounds the nodes of a hostile file.
  static let maximumDepth = 256

  /// The tree of the checkpoint's keys.
  public init(_ checkpoint: Checkpoint) {
    var places: [Place] = []
    places.reserveCapacity(checkpoint.tensors.count)
    for tensor in checkpoint.tensors.values {
      places.append(Place(storage: ObjectIdentifier(tensor.storage), range: tensor.byteSpan))
    }
    self.init(
      unique: checkpoint.tensors.map { TensorInfo(key: $0, dtype: $1.dtype, shape: $1.shape) },
      places: places)
  }

  /// The tree of tensors known from headers alone. Of two entries with one key the first stays.
  public init(_ entries: some Sequence<TensorInfo>) {
    var seen: Set<Key> = []
    self.init(unique: entries.filter { seen.insert($0.key).inserted }, places: [])
  }

  private init(unique entries: [TensorInfo], places: [Place]) {
    var records = [Record(component: Key(""), index: nil, parent: 0)]
    var children: [ChildName: Int] = [:]
    children.reserveCapacity(entries.count * 2)
    // The path of the entry before: neighbours share most of theirs, which saves the look-ups.
    var path: [Int] = []
    var previous: [Substring.UTF8View] = []

    for (entry, info) in entries.enumerated() {
      let parts = info.key.string.utf8.split(
        separator: UInt8(ascii: "."), maxSplits: ParameterTree.maximumDepth - 1,
        omittingEmptySubsequences: false)
      var depth = 0
      while depth < parts.count, depth < previous.count,
        parts[depth].elementsEqual(previous[depth])
      {
        depth += 1
      }
      path.removeLast(path.count - depth)
      while depth < parts.count {
        let parent = path.last ?? 0
        let component = Key(String(Substring(parts[depth])))
        let name = ChildName(parent: parent, component: component)
        if let known = children[name] {
          path.append(known)
        } else {
          let node = records.count
          children[name] = node
          records.append(
            Record(component: component, index: component.indexValue, parent: parent))
          if let last = records[parent].lastChild {
            records[last].nextSibling = node
          } else {
            records[parent].firstChild = node
          }
          records[parent].lastChild = node
          path.append(node)
        }
        depth += 1
      }
      if let node = path.last { records[node].entry = entry }
      previous = parts
    }

    self.depthFirst = ParameterTree.assignRanges(&records, entryCount: entries.count)
    self.entries = entries
    self.records = records
    self.places = places
    self.children = children
  }

  /// Gives every node its range, without recursion: a parent stands before its children.
  private static func assignRanges(_ records: inout [Record], entryCount: Int) -> [Int] {
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

  // MARK: - Look-up

  /// The child of `node` named `component`.
  func child(of node: Int, named component: Key) -> Int? {
    children[ChildName(parent: node, component: component)]
  }

  /// The children of `node`, in the order of the file.
  func children(of node: Int) -> ChildSequence {
    ChildSequence(tree: self, upcoming: records[node].firstChild)
  }

  struct ChildSequence: Sequence, IteratorProtocol {
    let tree: ParameterTree
    var upcoming: Int?

    mutating func next() -> Int? {
      guard let current = upcoming else { return nil }
      upcoming = tree.records[current].nextSibling
      return current
    }
  }

  /// The node at `key`, or `nil`.
  func record(at key: Key) -> Int? {
    var node = 0
    for part in key.string.utf8.split(
      separator: UInt8(ascii: "."), maxSplits: ParameterTree.maximumDepth - 1,
      omittingEmptySubsequences: false)
    {
      guard let child = child(of: node, named: Key(String(Substring(part)))) else { return nil }
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

extension Tensor {
  /// The bytes of the storage between the first and the last element.
  var byteSpan: Range<Int> {
    guard shape.count > 0 else { return byteOffset..<byteOffset }
    guard let width = dtype.byteWidth else { return byteOffset..<byteOffset + byteCount }
    var last = 0
    for (dimension, stride) in zip(shape.dimensions, strides) { last += (dimension - 1) * stride }
    return byteOffset..<byteOffset + (last + 1) * width
  }
}
