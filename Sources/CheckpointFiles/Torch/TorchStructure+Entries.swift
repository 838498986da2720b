extension TorchStructure {
  /// Something that has a key: containers join their parts with `.`, lists count from 0.
  enum Entry {
    case tensor(Key, Int)
    /// A tensor that cannot be read, and why.
    case unreadable(Key, String)
    /// A value that is not a tensor and holds none.
    case value(Key, NodeID)
  }

  /// What the walk over the containers is after.
  enum Purpose { case tensors, values }

  /// Containers inside each other, at most; no honest checkpoint comes near.
  static let maximumDepth = 200

  static var tooDeep: CheckpointError {
    CheckpointError.containersTooDeep(maximumDepth)
  }

  static var repetition: CheckpointError {
    CheckpointError.repeatedValues
  }

  /// What a walk over the entries may cost.
  var walkBudget: Int { 1_000_000 + 64 * byteCount }

  private enum FrameKind {
    case container
    /// Parameters and buffers of a module.
    case module
    /// Attributes of a value: a tensor in them has no key of its own.
    case attributes
  }

  /// A container on the way from the root.
  private struct Frame {
    let id: NodeID
    /// What the keys inside begin with; `nil` when nothing precedes them.
    let prefix: String?
    let children: [Child]
    let kind: FrameKind
    var next = 0
  }

  /// Calls `body` for every entry, in the order of the file.
  ///
  /// A container that is in several places is walked in each of them, within limits; one inside
  /// itself is not entered again. Of a whole module, the tensors are those of its state dict. Tensors
  /// that are keys of dictionaries and nothing else come last.
  ///
  /// - Throws: `CheckpointError` when there is more to list than a file of its size should hold.
  func forEachEntry(
    _ purpose: Purpose, _ body: (Entry) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    var walk = EntryWalk(self, purpose)
    try walk.run(body)
  }

  private struct EntryWalk {
    let structure: TorchStructure
    let purpose: Purpose
    var budget: Int
    var frames: [Frame] = []
    var onPath: [Bool]
    /// The tensors that were listed.
    var listed: Set<Int> = []
    /// Tensors that are keys.
    var keys: [(key: Key, value: NodeID)] = []

    init(_ structure: TorchStructure, _ purpose: Purpose) {
      self.structure = structure
      self.purpose = purpose
      budget = structure.walkBudget
      onPath = [Bool](repeating: false, count: structure.nodes.count)
    }

    mutating func run(
      _ body: (Entry) throws(CheckpointError) -> Void
    ) throws(CheckpointError) {
      try visit(structure.root, nil, .container, body)
      while let place = frames.indices.last {
        let frame = frames[place]
        guard frame.next < frame.children.count else {
          onPath[Int(frame.id)] = false
          frames.removeLast()
          continue
        }
        frames[place].next += 1
        let child = frame.children[frame.next]
        let isHidden = purpose == .values && structure.hidesName(of: child, in: frame.id)
        let prefix = frame.prefix.map { $0 + "." + child.name } ?? child.name
        if purpose == .tensors, let key = child.key, structure.holdsTensors[Int(key)] {
          keys.append((Key(prefix), key))
        }
        try visit(child.value, isHidden ? frame.prefix : prefix, frame.kind, body)
      }
      for (key, value) in keys {
        if case .tensor(let index) = structure[value], listed.contains(index) { continue }
        try body(.unreadable(key, "a tensor that is the key of a dictionary"))
      }
    }

    /// - Parameter kind: what the value was found in.
    private mutating func visit(
      _ id: NodeID, _ prefix: String?, _ kind: FrameKind,
      _ body: (Entry) throws(CheckpointError) -> Void
    ) throws(CheckpointError) {
      let key = Key(prefix ?? "")
      try spend(8 + key.string.utf8.count)
      let entry = structure.entry(id, key, purpose)
      switch entry {
      case .tensor(_, let index)? where purpose == .tensors:
        if kind == .attributes {
          return try body(.unreadable(key, "a tensor that is an attribute of another value"))
        }
        listed.insert(index)
        try body(.tensor(key, index))
        return try enterAttributes(structure.tensors[index].state, prefix)
      case .tensor?, .unreadable?: return try body(entry ?? .value(key, id))
      case .value?, nil: break
      }
      if kind == .module {
        return try body(
          .unreadable(key, "a parameter that is a \(structure.nodes.typeName(id)), not a tensor"))
      }
      if let entry { return try body(entry) }
      guard purpose == .values || structure.holdsTensors[Int(id)], !onPath[Int(id)] else { return }
      guard purpose == .tensors else {
        return try enter(id, prefix, structure.children(of: id), kind)
      }
      if case .dictionary(let dictionary) = structure[id] {
        try enterAttributes(dictionary.state, prefix)
      }
      if structure.isModule(id) {
        let children = try structure.stateDictionary(ofModule: id, budget: &budget)
        try enter(id, prefix, children, .module)
      } else {
        try enter(id, prefix, structure.children(of: id), kind)
      }
    }

    /// Walks over attributes in which a tensor would be lost.
    private mutating func enterAttributes(
      _ state: NodeID?, _ prefix: String?
    ) throws(CheckpointError) {
      guard let state, structure.holdsTensors[Int(state)], !onPath[Int(state)] else { return }
      try enter(state, prefix, structure.children(of: state), .attributes)
    }

    private mutating func enter(
      _ id: NodeID, _ prefix: String?, _ children: [Child], _ kind: FrameKind
    ) throws(CheckpointError) {
      guard !children.isEmpty else { return }
      guard frames.count < TorchStructure.maximumDepth else { throw TorchStructure.tooDeep }
      // Entries that others replaced were examined, too.
      try spend(max(children.count, structure.entryCount(of: id)))
      onPath[Int(id)] = true
      frames.append(Frame(id: id, prefix: prefix, children: children, kind: kind))
    }

    private mutating func spend(_ amount: Int) throws(CheckpointError) {
      budget -= amount
      guard budget > 0 else { throw TorchStructure.repetition }
    }
  }

  /// Whether a value of a module is listed as if it were the module's own.
  private func hidesName(of child: Child, in id: NodeID) -> Bool {
    guard case .object = self[id] else { return false }
    return ["_parameters", "_buffers", "_modules"].contains(Key(child.name))
  }

  /// Whether the walk over tensors enters the object `id`, and not one that should have been a tensor.
  func isEntered(_ id: NodeID) -> Bool {
    holdsTensors[Int(id)] && entry(id, "", .tensors) == nil
  }

  /// What `id` is, or `nil` for a container that is to be entered.
  private func entry(_ id: NodeID, _ key: Key, _ purpose: Purpose) -> Entry? {
    switch self[id] {
    case .tensor(let index): return .tensor(key, index)
    case .storage: return .unreadable(key, "a storage without a tensor")
    case .object(let object):
      if let what = unreadableTensor(object) { return .unreadable(key, what) }
      if holdsTensors[Int(object.arguments)] {
        return .unreadable(key, "made by \(nodes.typeName(id)), which Espalier does not know")
      }
      return holdsTensors[Int(id)] ? nil : .value(key, id)
    case .dictionary(let dictionary):
      if dictionary.items.isEmpty, purpose == .tensors, holdsTensors[Int(id)] { return nil }
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
