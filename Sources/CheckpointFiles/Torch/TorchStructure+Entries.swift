extension TorchStructure {
  /// Something that has a key: containers join their parts with `.`, lists count from 0.
  enum Entry {
    case tensor(Key, Int)
    /// A tensor that cannot be read, and why.
    case unreadable(Key, String)
    /// A value that is no tensor and holds none.
    case value(Key, NodeID)
  }

  /// What the walk over the containers is after.
  enum Purpose { case tensors, values }

  /// Containers inside each other, at most; no honest checkpoint comes near.
  private static let maximumDepth = 200

  /// A container on the way from the root.
  private struct Frame {
    let id: NodeID
    /// What the keys inside begin with; `nil` when nothing stands before them.
    let prefix: String?
    let children: [Child]
    var next = 0
  }

  /// Calls `body` for every entry, in the order of the file.
  ///
  /// A container that stands in several places is walked in each of them, within limits; one inside
  /// itself is not entered again.
  ///
  /// - Throws: `CheckpointError` when there is more to list than a file of its size should hold.
  func forEachEntry(
    _ purpose: Purpose, _ body: (Entry) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    var budget = 1_000_000 + 64 * byteCount
    var frames: [Frame] = []
    var onPath = [Bool](repeating: false, count: nodes.count)

    func visit(_ id: NodeID, _ prefix: String?) throws(CheckpointError) {
      let key = prefix ?? ""
      budget -= 8 + key.utf8.count
      guard budget > 0 else {
        throw CheckpointError("the pickle refers to the same values over and over")
      }
      if let entry = entry(id, Key(key), purpose) { return try body(entry) }
      guard purpose == .values || holdsTensors[Int(id)], !onPath[Int(id)] else { return }
      let children = children(of: id)
      guard !children.isEmpty else { return }
      guard frames.count < TorchStructure.maximumDepth else {
        throw CheckpointError(
          "containers lie more than \(TorchStructure.maximumDepth) deep in each other")
      }
      budget -= children.count
      onPath[Int(id)] = true
      frames.append(Frame(id: id, prefix: prefix, children: children))
    }

    try visit(root, nil)
    while let place = frames.indices.last {
      let frame = frames[place]
      guard frame.next < frame.children.count else {
        onPath[Int(frame.id)] = false
        frames.removeLast()
        continue
      }
      frames[place].next += 1
      let child = frame.children[frame.next]
      // Modules keep their parts in dictionaries of these names, which a state dict leaves out.
      let isHidden =
        if case .object = self[frame.id] { TorchStructure.moduleParts.contains(child.name) } else {
          false
        }
      let prefix = frame.prefix.map { $0 + "." + child.name } ?? child.name
      try visit(child.value, isHidden ? frame.prefix : prefix)
    }
  }

  private static let moduleParts: Set<String> = ["_parameters", "_buffers", "_modules"]

  /// What `id` is, or `nil` for a container that is to be entered.
  private func entry(_ id: NodeID, _ key: Key, _ purpose: Purpose) -> Entry? {
    switch self[id] {
    case .tensor(let index): return .tensor(key, index)
    case .storage: return .unreadable(key, "a storage without a tensor")
    case .object(let object):
      if case .global(let global) = self[object.function],
        case .unreadableTensor(let what)? = global.constructor
      {
        return .unreadable(key, what)
      }
      if holdsTensors[Int(object.arguments)] {
        return .unreadable(key, "made by \(nodes.typeName(id)), which Espalier does not know")
      }
      return holdsTensors[Int(id)] ? nil : .value(key, id)
    case .dictionary(let dictionary):
      return dictionary.items.isEmpty ? .value(key, id) : nil
    case .list(let elements), .tuple(let elements), .set(let elements):
      // Lists of numbers are one value, lists of dictionaries are entered.
      if purpose == .values, !holdsTensors[Int(id)],
        !elements.contains(where: { if case .dictionary = self[$0] { true } else { false } })
      {
        return .value(key, id)
      }
      return nil
    default: return .value(key, id)
    }
  }
}
