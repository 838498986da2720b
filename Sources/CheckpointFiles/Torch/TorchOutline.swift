internal import OrderedCollections

/// The containers of a PyTorch file that is to be written, with the tensors at their places.
///
/// Tensors that the checkpoint had when it was read go where they were; those that are gone leave no
/// trace (in a list, `None`, so that the others keep their positions); new ones go into the innermost
/// dictionary whose key theirs begins with.
struct TorchOutline {
  /// Something in a container.
  enum Item {
    case tensor(Key, TorchTensorReference?)
    /// A value without tensors, and where it is.
    case value(NodeID, Key)
    case container(Int)
    /// A container that this one is in.
    case ancestor(Int)
    /// What stays of a list's element that is left out.
    case nothing
  }

  /// An entry of a container.
  struct Entry {
    /// The key of a dictionary, if it comes from the file.
    var node: NodeID?
    /// The key of a dictionary, if it is new.
    var name: String?
    let item: Item
  }

  /// A container that holds tensors.
  struct Container {
    enum Kind { case dictionary(PickleDictionary.Kind), list, tuple, set }
    let kind: Kind
    var entries: [Entry] = []
    /// Attributes, such as `_metadata`.
    var state: NodeID?
  }

  private(set) var containers: [Container] = []
  private(set) var root: Item = .container(0)
  private var placed: Set<Key> = []
  /// Dictionaries by the path to them, `nil` for the outermost.
  private var dictionaries: [Key: Int] = [:]
  private var outermost: Int?

  private let structure: TorchStructure?
  private let tensors: OrderedDictionary<Key, Tensor>
  private let leavesOut: Bool
  /// Values that were searched for what cannot be written.
  private var searched: Set<NodeID> = []
  private var budget: Int

  /// The outline of `tensors`.
  ///
  /// - Parameters:
  ///   - structure: the file that they come from, if they come from one PyTorch file.
  ///   - leavesOut: whether values that cannot be written are left out.
  /// - Throws: `CheckpointError` for a value that cannot be written, and a tensor that has no place.
  init(
    _ tensors: OrderedDictionary<Key, Tensor>, structure: TorchStructure?, leavesOut: Bool
  ) throws(CheckpointError) {
    self.tensors = tensors
    self.structure = structure
    self.leavesOut = leavesOut
    budget = structure?.walkBudget ?? 0
    if let structure {
      try walk(structure)
    } else {
      containers = [Container(kind: .dictionary(.plain))]
      outermost = 0
    }
    try addNewTensors()
    containers = TorchOutline.pruned(
      containers, isStateDict: structure?.isStateDict(tensors.keys) ?? false)
    sort()
  }

  // MARK: The file's own containers

  private struct Frame {
    let id: NodeID
    let prefix: String?
    let container: Int
    let children: [TorchStructure.Child]
    var next = 0
  }

  private mutating func walk(_ structure: TorchStructure) throws(CheckpointError) {
    var frames: [Frame] = []
    // The walk is the one that found the tensors, which bounded it.
    root = try item(structure.root, nil, structure, &frames) ?? .container(0)
    if containers.isEmpty, case .container = root {
      containers = [Container(kind: .dictionary(.plain))]
      outermost = 0
    }
    while let place = frames.indices.last {
      let frame = frames[place]
      guard frame.next < frame.children.count else {
        frames.removeLast()
        continue
      }
      frames[place].next += 1
      let child = frame.children[frame.next]
      let prefix = frame.prefix.map { $0 + "." + child.name } ?? child.name
      var found = try item(child.value, prefix, structure, &frames)
      if found == nil {
        switch containers[frame.container].kind {
        case .dictionary, .set: continue
        case .list, .tuple: found = .nothing
        }
      }
      guard let found else { continue }
      var key = child.key
      if let node = key, structure.isLeftOut(node) {
        try search(node, prefix, structure)
        // What it leads to stays, under the text of the key.
        key = nil
      }
      containers[frame.container].entries.append(
        Entry(node: key, name: key == nil ? child.name : nil, item: found))
    }
  }

  /// What to write for `id`; `nil` when it is left out.
  private mutating func item(
    _ id: NodeID, _ prefix: String?, _ structure: TorchStructure, _ frames: inout [Frame]
  ) throws(CheckpointError) -> Item? {
    // A dictionary that is the whole file may get tensors even if it had none.
    let isOutermost: Bool =
      if prefix == nil, case .dictionary = structure[id] { true } else { false }
    guard structure.holdsTensors[Int(id)] || isOutermost else {
      try search(id, prefix, structure)
      return structure.isLeftOut(id) ? nil : .value(id, Key(prefix ?? ""))
    }
    let kind: Container.Kind
    var state: NodeID?
    var children: [TorchStructure.Child]?
    switch structure[id] {
    case .tensor(let index):
      let key = Key(prefix ?? "")
      guard tensors[key] != nil, placed.insert(key).inserted else { return nil }
      let tensor = structure.tensors[index]
      if let state = tensor.state { try search(attributes: state, prefix, structure) }
      return .tensor(key, tensor)
    case .list: kind = .list
    case .tuple: kind = .tuple
    case .set: kind = .set
    case .dictionary(let dictionary):
      kind = .dictionary(dictionary.kind)
      state = dictionary.state
      if let state { try search(state, prefix, structure) }
    case .object:
      // A module becomes its state dict, another object a dictionary of its tensors. Its class and
      // values are what is left out.
      guard structure.isEntered(id) else { return nil }
      let isModule = structure.isModule(id)
      kind = .dictionary(isModule ? .ordered : .plain)
      if isModule { children = try structure.stateDictionary(ofModule: id, budget: &budget) }
    default: return nil
    }
    if let ancestor = frames.first(where: { $0.id == id }) {
      switch containers[ancestor.container].kind {
      case .list, .dictionary: return .ancestor(ancestor.container)
      case .tuple, .set:
        throw .containsItself(structure.nodes.typeName(id)).located(key: prefix.map { Key($0) })
      }
    }
    containers.append(Container(kind: kind, state: state))
    let place = containers.count - 1
    if case .dictionary = kind {
      if let prefix {
        if dictionaries[Key(prefix)] == nil { dictionaries[Key(prefix)] = place }
      } else {
        outermost = place
      }
    }
    frames.append(
      Frame(
        id: id, prefix: prefix, container: place, children: children ?? structure.children(of: id)))
    return .container(place)
  }

  /// The same for what the attributes of a tensor are.
  private mutating func search(
    attributes state: NodeID, _ prefix: String?, _ structure: TorchStructure
  ) throws(CheckpointError) {
    guard leavesOut || structure.areTensorAttributes(state) else {
      throw .unwritableAttributes(structure.nodes.typeName(state)).located(key: Key(prefix ?? ""))
    }
    try search(state, prefix, structure)
  }

  /// Throws when something in `id` cannot be written, unless that is left out.
  private mutating func search(
    _ id: NodeID, _ prefix: String?, _ structure: TorchStructure
  ) throws(CheckpointError) {
    guard !leavesOut, let (key, reason) = structure.firstLeftOut(id, prefix, &searched) else {
      return
    }
    throw .unwritableValue(reason).located(key: key)
  }

  // MARK: New tensors

  private mutating func addNewTensors() throws(CheckpointError) {
    // The names in the dictionaries that get new entries.
    var names: [Int: Set<Key>] = [:]
    for key in tensors.keys where !placed.contains(key) {
      var rest: [Substring] = []
      var prefix = key.components
      var place: Int?
      while let last = prefix.popLast() {
        rest.insert(last, at: 0)
        if prefix.isEmpty { break }
        place = dictionaries[Key(prefix.joined(separator: "."))]
        if place != nil { break }
      }
      guard let place = place ?? outermost else {
        throw .rootIsNoDictionary.located(key: key)
      }
      let name = rest.joined(separator: ".")
      guard names[place, default: self.names(in: place)].insert(Key(name)).inserted else {
        throw .nameIsTaken.located(key: key)
      }
      containers[place].entries.append(Entry(node: nil, name: name, item: .tensor(key, nil)))
    }
  }

  /// The keys of a dictionary that are text.
  private func names(in container: Int) -> Set<Key> {
    var names: Set<Key> = []
    for entry in containers[container].entries {
      if let node = entry.node, case .string(let text)? = structure?[node] {
        names.insert(Key(text))
      } else if let name = entry.name {
        names.insert(Key(name))
      }
    }
    return names
  }

  /// Dictionaries of tensors alone follow the order of the checkpoint.
  private mutating func sort() {
    for place in containers.indices {
      guard case .dictionary = containers[place].kind else { continue }
      var ranked: [(rank: Int, entry: Entry)] = []
      for entry in containers[place].entries {
        guard case .tensor(let key, _) = entry.item, let rank = tensors.index(forKey: key) else {
          break
        }
        ranked.append((rank, entry))
      }
      guard ranked.count == containers[place].entries.count else { continue }
      containers[place].entries = ranked.sorted { $0.rank < $1.rank }.map(\.entry)
    }
  }
}
