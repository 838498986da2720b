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
    /// A value without tensors.
    case value(NodeID)
    case container(Int)
    /// A container that this one lies in.
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

  /// The outline of `tensors`.
  ///
  /// - Parameter structure: the file that they come from, if they come from one PyTorch file.
  init(
    _ tensors: OrderedDictionary<Key, Tensor>, structure: TorchStructure?
  ) throws(CheckpointError) {
    self.tensors = tensors
    self.structure = structure
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
    root = item(structure.root, nil, structure, &frames) ?? .container(0)
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
      var found = item(child.value, prefix, structure, &frames)
      if found == nil {
        if case .dictionary = containers[frame.container].kind { continue }
        found = .nothing
      }
      guard let found else { continue }
      if let key = child.key, structure.isForeign(key) { continue }
      containers[frame.container].entries.append(Entry(node: child.key, name: nil, item: found))
    }
  }

  /// What to write for `id`; `nil` when it is left out.
  private mutating func item(
    _ id: NodeID, _ prefix: String?, _ structure: TorchStructure, _ frames: inout [Frame]
  ) -> Item? {
    // A dictionary that is the whole file may get tensors even if it had none.
    let isOutermost: Bool =
      if prefix == nil, case .dictionary = structure[id] { true } else { false }
    guard structure.holdsTensors[Int(id)] || isOutermost else {
      return structure.isForeign(id) ? nil : .value(id)
    }
    let kind: Container.Kind
    var state: NodeID?
    switch structure[id] {
    case .tensor(let index):
      let key = Key(prefix ?? "")
      guard tensors[key] != nil, placed.insert(key).inserted else { return nil }
      return .tensor(key, structure.tensors[index])
    case .list: kind = .list
    case .tuple: kind = .tuple
    case .set: kind = .set
    case .dictionary(let dictionary):
      kind = .dictionary(dictionary.kind)
      state = dictionary.state
    default: return nil
    }
    if let ancestor = frames.first(where: { $0.id == id }) { return .ancestor(ancestor.container) }
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
      Frame(id: id, prefix: prefix, container: place, children: structure.children(of: id)))
    return .container(place)
  }

  // MARK: New tensors

  private mutating func addNewTensors() throws(CheckpointError) {
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
        throw CheckpointError(
          key: key, "the file's outermost value is not a dictionary, so no tensor can be added")
      }
      containers[place].entries.append(
        Entry(node: nil, name: rest.joined(separator: "."), item: .tensor(key, nil)))
    }
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

extension TorchStructure {
  /// Whether a value is a class or a call that Espalier does not know.
  func isForeign(_ id: NodeID) -> Bool {
    switch self[id] {
    case .global(let global): global.constructor == nil
    case .object(let object): object.isForeign
    default: false
    }
  }
}
