/// Everything that a PyTorch file holds beside the elements of its tensors: containers, order,
/// attributes, values that are not tensors.
///
/// Values are nodes of one arena, as the pickle machine made them.
final class TorchStructure: Sendable {
  let nodes: [PickleNode]
  let root: NodeID
  let tensors: [TorchTensorReference]
  let storages: [TorchStorageReference]
  let globals: [PickleMachine.GlobalUse]
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
    self.byteCount = byteCount
    holdsTensors = TorchStructure.reach(nodes)
  }

  subscript(id: NodeID) -> PickleNode { nodes[Int(id)] }

  /// Calls that Espalier does not know, by name, in the order of the file, each once.
  var foreignGlobals: [String] {
    var seen: Set<String> = []
    return globals.lazy.filter { $0.global.constructor == nil }.map(\.global.path)
      .filter { seen.insert($0).inserted }
  }

  // MARK: Reachability

  /// Marks what leads to tensors: backwards from them, over reversed references.
  private static func reach(_ nodes: [PickleNode]) -> [Bool] {
    var result = [Bool](repeating: false, count: nodes.count)
    var seeds: [Int] = []
    for (index, node) in nodes.enumerated() {
      switch node {
      case .tensor, .storage: seeds.append(index)
      case .object(let object):
        if case .global(let global) = nodes[Int(object.function)],
          case .unreadableTensor? = global.constructor
        {
          seeds.append(index)
        }
      default: break
      }
    }
    guard !seeds.isEmpty else { return result }
    var starts = [Int32](repeating: 0, count: nodes.count + 1)
    for node in nodes { forEachReference(node) { starts[Int($0) + 1] += 1 } }
    for index in 1..<starts.count { starts[index] += starts[index - 1] }
    var parents = [Int32](repeating: 0, count: Int(starts.last ?? 0))
    var next = starts
    for (index, node) in nodes.enumerated() {
      forEachReference(node) { child in
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
  static func forEachReference(_ node: PickleNode, _ body: (NodeID) -> Void) {
    switch node {
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
    /// Its part of the key.
    let name: String
    let value: NodeID
    /// The key of a dictionary.
    let key: NodeID?
  }

  /// What is in a container, in order; of entries with one key the last, in the place of the first, as
  /// Python has it. Empty for what is no container.
  func children(of id: NodeID) -> [Child] {
    switch self[id] {
    case .list(let elements), .tuple(let elements), .set(let elements):
      return elements.enumerated().map { Child(name: String($0), value: $1, key: nil) }
    case .dictionary(let dictionary): return children(ofItems: dictionary.items)
    case .object(let object):
      var result: [Child] = []
      if let state = object.state {
        if case .dictionary(let attributes) = self[state] {
          result = children(ofItems: attributes.items)
        } else {
          result = [Child(name: "state", value: state, key: nil)]
        }
      }
      result += children(ofItems: object.items)
      result += object.elements.enumerated().map {
        Child(name: String($0), value: $1, key: nil)
      }
      return result
    default: return []
    }
  }

  private func children(ofItems items: [NodeID]) -> [Child] {
    var result: [Child] = []
    result.reserveCapacity(items.count / 2)
    var places: [DictionaryKey: Int] = [:]
    for index in stride(from: 0, to: items.count - 1, by: 2) {
      let child = Child(
        name: name(ofKey: items[index]), value: items[index + 1], key: items[index])
      let key: DictionaryKey =
        switch self[items[index]] {
        case .string(let text): .text(Key(text))
        case .integer(let value): .integer(value)
        default: .other(child.name)
        }
      if let place = places[key] {
        result[place] = child
      } else {
        places[key] = result.count
        result.append(child)
      }
    }
    return result
  }

  private enum DictionaryKey: Hashable {
    case text(Key)
    case integer(Int)
    case other(String)
  }

  /// The part of a key that stands for a dictionary's key.
  private func name(ofKey id: NodeID) -> String {
    if case .string(let text) = self[id] { text } else { nodes.brief(id) }
  }
}
