internal import OrderedCollections

// What becomes of a PyTorch file's containers and values when its tensors leave them.

extension TorchOutline {
  /// `containers` without those that held tensors and have nothing left; and, where the tensors are a state dict now,
  /// without the other values, which `load_state_dict` would not take.
  static func pruned(_ containers: [Container], isStateDict: Bool) -> [Container] {
    var result = containers
    // A container comes before those inside of it.
    for place in result.indices.reversed() {
      let isDictionary = if case .dictionary = result[place].kind { true } else { false }
      result[place].entries = result[place].entries.compactMap { entry in
        if isStateDict, place == 0 {
          if case .tensor = entry.item { return entry }
          return nil
        }
        guard case .container(let inner) = entry.item, inner > place, inner < result.count,
          result[inner].isEmpty
        else { return entry }
        return isDictionary ? nil : Entry(node: nil, name: nil, item: .nothing)
      }
    }
    return result
  }
}

extension TorchOutline.Container {
  /// Whether nothing is in it but the places of what was.
  fileprivate var isEmpty: Bool {
    entries.allSatisfy { if case .nothing = $0.item { true } else { false } }
  }
}

extension TorchStructure {
  /// Whether tensors called `keys` were all in dictionaries inside of the file's own, and are all in that now: a
  /// training checkpoint became a state dict.
  func isStateDict(_ keys: OrderedSet<Key>) -> Bool {
    guard case .dictionary = self[root], !keys.isEmpty else { return false }
    var inner: Set<Key> = []
    for child in children(of: root) where holdsTensors[Int(child.value)] {
      if case .tensor = self[child.value] { return false }
      inner.insert(Key(child.name))
    }
    guard !inner.isEmpty else { return false }
    return keys.allSatisfy { key in
      var path = ""
      for part in key.components.dropLast() {
        path += path.isEmpty ? part : "." + part
        if inner.contains(Key(path)) { return false }
      }
      return true
    }
  }

  /// The paths of the dictionaries that hold tensors, without the file's own.
  var dictionaryPaths: [Key] {
    var result: [Key] = []
    // Each value is entered once, so that the walk ends.
    var seen: Set<NodeID> = [root]
    var open = children(of: root).map { ($0.name, $0.value) }
    while let (path, id) = open.popLast() {
      guard holdsTensors[Int(id)], seen.insert(id).inserted else { continue }
      switch self[id] {
      case .dictionary: result.append(Key(path))
      case .list, .tuple: break
      default: continue
      }
      open += children(of: id).map { ("\(path).\($0.name)", $0.value) }
    }
    return result
  }
}

extension Checkpoint {
  /// The paths of the dictionaries in a PyTorch file that hold tensors, without the outermost.
  package var dictionaryPaths: [Key] { structures.flatMap(\.dictionaryPaths) }

  /// Values in addition to the tensors of a PyTorch file that are left out when it is written with the tensors that it has
  /// now: they became a state dict, which has room for tensors alone.
  package var valuesLeftOut: [Key] {
    guard structures.count == 1, format != .sharded, structures[0].isStateDict(tensors.keys) else {
      return []
    }
    let structure = structures[0]
    return structure.children(of: structure.root).filter {
      !structure.holdsTensors[Int($0.value)]
    }.map { Key($0.name) }
  }
}
