/// Everything that a PyTorch file holds except the elements of its tensors: containers, order,
/// attributes, values that are not tensors.
///
/// Values are nodes of one arena, as the pickle machine made them.
final class TorchStructure: Sendable {
  let nodes: [PickleNode]
  let root: NodeID
  let tensors: [TorchTensorReference]
  let storages: [TorchStorageReference]
  let globals: [PickleMachine.GlobalUse]
  /// The keys of dictionaries that are neither strings nor integers, in words.
  let keyTexts: [NodeID: PickleKeyText]
  /// The bytes of the pickle; it bounds how much may be made of it.
  let byteCount: Int

  /// For each node whether a tensor, or something that should have been one, can be reached from it.
  let holdsTensors: [Bool]

  init(_ machine: PickleMachine, root: NodeID, byteCount: Int) {
    nodes = machine.nodes
    self.root = root
    tensors = machine.tensors
    storages = machine.storages
    globals = machine.globals
    keyTexts = machine.keyTexts
    self.byteCount = byteCount
    holdsTensors = TorchStructure.reach(nodes, machine.tensors)
  }

  subscript(id: NodeID) -> PickleNode { nodes[Int(id)] }

  /// Calls that Espalier does not know, by name, in the order of the file, each once.
  var foreignGlobals: [String] {
    var seen: Set<Key> = []
    return globals.lazy.filter { $0.global.constructor == nil }.map(\.global.path)
      .filter { seen.insert(Key($0)).inserted }
  }

  // MARK: Reachability

  /// Marks what leads to tensors: backwards from them, over reversed references.
  private static func reach(
    _ nodes: [PickleNode], _ tensors: [TorchTensorReference]
  ) -> [Bool] {
    var result = [Bool](repeating: false, count: nodes.count)
    var seeds: [Int] = []
    for (index, node) in nodes.enumerated() {
      switch node {
      case .tensor, .storage: seeds.append(index)
      case .object(let object):
        if case .global(let global) = nodes[Int(object.function)],
          global.constructor?.unreadableTensor != nil
        {
          seeds.append(index)
        }
      default: break
      }
    }
    guard !seeds.isEmpty else { return result }
    var starts = [Int32](repeating: 0, count: nodes.count + 1)
    for node in nodes { forEachReference(node, tensors) { starts[Int($0) + 1] += 1 } }
    for index in 1..<starts.count { starts[index] += starts[index - 1] }
    var parents = [Int32](repeating: 0, count: Int(starts.last ?? 0))
    var next = starts
    for (index, node) in nodes.enumerated() {
      forEachReference(node, tensors) { child in
        parents[Int(next[Int(child)])] = Int32(index)
        next[Int(child)] += 1
      }
    }
    for seed in seeds { result[seed] = true }
    while let node = seeds.popLast() {
      for place in starts[node]..<starts[node + 1] {
        let parent = Int(parents[Int(place)])
        if !result[parent] {
          result[parent] = true
          seeds.append(parent)
        }
      }
    }
    return result
  }

  /// Calls `body` with everything that `node` refers to.
  static func forEachReference(
    _ node: PickleNode, _ tensors: [TorchTensorReference], _ body: (NodeID) -> Void
  ) {
    switch node {
    case .tensor(let index): tensors[index].state.map(body)
    case .tuple(let elements), .list(let elements), .set(let elements): elements.forEach(body)
    case .dictionary(let dictionary):
      dictionary.items.forEach(body)
      dictionary.state.map(body)
    case .object(let object):
      body(object.function)
      body(object.arguments)
      object.state.map(body)
      object.elements.forEach(body)
      object.items.forEach(body)
    default: break
    }
  }

  // MARK: Children

  /// A value inside a container.
  struct Child {
    /// Its part of the key; no other child of the container has the same.
    var name: String
    let value: NodeID
    /// The key of a dictionary.
    let key: NodeID?
  }

  /// What is in a container, in order; of entries with one key the first key with the last value, as
  /// Python has it. Empty for what is not a container.
  func children(of id: NodeID) -> [Child] {
    switch self[id] {
    case .list(let elements), .tuple(let elements), .set(let elements):
      return elements.enumerated().map { Child(name: String($0), value: $1, key: nil) }
    case .dictionary(let dictionary): return children(ofItems: dictionary.items)
    case .object(let object): return children(of: object)
    default: return []
    }
  }

  /// How many entries a container was given.
  func entryCount(of id: NodeID) -> Int {
    switch self[id] {
    case .list(let elements), .tuple(let elements), .set(let elements): return elements.count
    case .dictionary(let dictionary): return dictionary.items.count
    case .object(let object):
      let attributes = object.state.map { state in
        if case .dictionary(let attributes) = self[state] { attributes.items.count } else { 1 }
      }
      return (attributes ?? 0) + object.items.count + object.elements.count
    default: return 0
    }
  }

  /// Attributes, items and elements of an object whose class is not known. What has the name of an
  /// earlier one and is the same value is left out; other values get another name.
  private func children(of object: PickleObject) -> [Child] {
    var result: [Child] = []
    if let state = object.state {
      if case .dictionary(let attributes) = self[state] {
        result = children(ofItems: attributes.items)
      } else {
        result = [Child(name: "state", value: state, key: nil)]
      }
    }
    guard !object.items.isEmpty || !object.elements.isEmpty else { return result }
    var places: [Key: NodeID] = [:]
    for child in result { places[Key(child.name)] = child.value }
    let elements = object.elements.enumerated().map { Child(name: String($0), value: $1, key: nil) }
    for (child, kind) in children(ofItems: object.items).map({ ($0, "item") })
      + elements.map({ ($0, "element") })
    {
      var child = child
      while let other = places[Key(child.name)], !isSame(other, child.value) {
        child.name += " (\(kind))"
      }
      if places.updateValue(child.value, forKey: Key(child.name)) == nil { result.append(child) }
    }
    return result
  }

  /// Whether two values of an object are one, as those of a dictionary whose items are attributes, too.
  private func isSame(_ a: NodeID, _ b: NodeID) -> Bool {
    a == b
      || !holdsTensors[Int(a)] && !holdsTensors[Int(b)] && nodes.brief(a) == nodes.brief(b)
  }

  func children(ofItems items: [NodeID]) -> [Child] {
    var result: [Child] = []
    result.reserveCapacity(items.count / 2)
    var places: [DictionaryKey: Int] = [:]
    var hasOtherKeys = false
    for index in stride(from: 0, to: items.count - 1, by: 2) {
      let (key, value) = (items[index], items[index + 1])
      let identity = dictionaryKey(key)
      if let place = places[identity] {
        result[place] = Child(name: result[place].name, value: value, key: result[place].key)
        continue
      }
      places[identity] = result.count
      if case .string(let text) = self[key] {
        result.append(Child(name: text, value: value, key: key))
      } else {
        hasOtherKeys = true
        result.append(Child(name: "", value: value, key: key))
      }
    }
    if hasOtherKeys { nameChildren(&result) }
    return result
  }

  /// What a call makes that should have been a tensor, or `nil`.
  func unreadableTensor(_ object: PickleObject) -> String? {
    guard case .global(let global) = self[object.function] else { return nil }
    return global.constructor?.unreadableTensor
  }
}
