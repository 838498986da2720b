internal import CheckpointFiles

// The order and the number of layers.
extension SurgeryPlan {
  /// The most layers of one node.
  private static let mostLayers = 100_000

  /// Puts the children of a node that have an index into a new order, with new indices.
  mutating func arrangeLayers(
    of text: String, _ order: [IndexRange], _ operation: SurgeryOperation
  ) throws -> Int {
    let path = Key(text.replacing("[", with: ".").replacing("]", with: ""))
    let node = path.string.isEmpty ? 0 : tensors.node(at: path)
    // Layers `0` and `00` have one index; the first in the file comes first.
    var children: [Int: [Int32]] = [:]
    for child in node.map({ tensors.children(of: Int($0)).map { Int32($0) } }) ?? [] {
      guard let index = tensors.component(of: Int(child)).indexValue else { continue }
      children[index, default: []].append(child)
    }
    guard let node, !children.isEmpty else {
      _ = try select(SelectorList([text]))
      throw SurgeryError.noLayers(text, operation)
    }
    let chosen = try layers(order, among: children.keys.sorted(), text, operation)
    let (members, others, place) = members(of: children)
    let isPlain = children.allSatisfy { index, nodes in
      nodes.count == 1 && tensors.component(of: Int(nodes[0])) == Key("\(index)")
    }
    let prefix = path.string.isEmpty ? "" : path.string + "."
    if isPlain, tensors.depthBound <= PlanTensors.deepestMove {
      let arranged = try arrange(
        chosen, children.mapValues { $0[0] }, members, under: node, prefix, operation)
      tensors.reorder(others[..<place] + arranged.joined() + others[place...])
    } else {
      let arranged = try rearrange(chosen, members, prefix, operation)
      tensors.reorder(others[..<place] + arranged.joined() + others[place...])
    }
    return chosen.count
  }

  /// The indices that `order` chooses.
  private func layers(
    _ order: [IndexRange], among existing: [Int], _ node: String, _ operation: SurgeryOperation
  ) throws(SurgeryError) -> [Int] {
    var chosen: [Int] = []
    for range in order {
      var values = IndexExpression(items: [range]).choose(from: existing).values.sorted()
      if case .slice(_, _, let step) = range, step < 0 { values.reverse() }
      guard !values.isEmpty else { throw .noSuchLayer(range, node, existing, operation) }
      chosen += values
      guard chosen.count <= SurgeryPlan.mostLayers else { throw .tooManyLayers(operation) }
    }
    return chosen
  }

  /// Renames the nodes of the layers, and copies those that occur again; returns the slots of each new layer, in order.
  private mutating func arrange(
    _ chosen: [Int], _ nodes: [Int: Int32], _ members: [Int: [Int]], under parent: Int32,
    _ prefix: String, _ operation: SurgeryOperation
  ) throws -> [[Int]] {
    var seen: Set<Int> = []
    var arranged: [[Int]] = []
    var moved: [(node: Int32, name: Key)] = []
    var copies: [(number: Int, index: Int, rests: [String])] = []
    for (number, index) in chosen.enumerated() {
      guard let node = nodes[index] else { continue }
      if seen.insert(index).inserted {
        if number != index { moved.append((node, Key("\(number)"))) }
        arranged.append(members[index] ?? [])
      } else {
        let start = prefix.utf8.count + "\(index)".utf8.count
        let rests = (members[index] ?? []).map { slot in
          String(decoding: tensors.key(of: slot).string.utf8.dropFirst(start), as: UTF8.self)
        }
        copies.append((number, index, rests))
        arranged.append([])
      }
    }
    for (index, slots) in members where !seen.contains(index) {
      for slot in slots { tensors.remove(slot) }
    }
    for (node, _) in moved {
      _ = tensors.forgetKeys(below: node)
      tensors.unlink(node)
    }
    for (node, name) in moved {
      tensors.relabel(node, tensors.name(of: name))
      tensors.link(node, under: parent)
    }
    for (number, index, rests) in copies {
      var detached = DetachedCopies()
      for (slot, rest) in zip(members[index] ?? [], rests) {
        var entry = tensors.slots[slot].entry
        entry.tensor = try detached.copy(of: entry.tensor)
        entry.effects.append(.copiedLayer(index))
        try add(Key("\(prefix)\(number)\(rest)"), entry, operation)
        arranged[number].append(tensors.slots.count - 1)
      }
    }
    return arranged
  }

  /// The same tensor by tensor, for layers with unusual numbers.
  private mutating func rearrange(
    _ chosen: [Int], _ members: [Int: [Int]], _ prefix: String, _ operation: SurgeryOperation
  ) throws -> [[Int]] {
    var rests: [Int: String] = [:]
    for slot in members.values.joined() {
      let tail = tensors.key(of: slot).string.utf8.dropFirst(prefix.utf8.count)
      rests[slot] = String(Substring(tail.drop { $0 != UInt8(ascii: ".") }))
    }
    let entries = members.mapValues { $0.map { (tensors.slots[$0].entry, rests[$0] ?? "") } }
    for slot in members.values.joined() { tensors.remove(slot) }
    var seen: Set<Int> = []
    var arranged: [[Int]] = []
    for (number, index) in chosen.enumerated() {
      let isCopy = !seen.insert(index).inserted
      var detached = DetachedCopies()
      var slots: [Int] = []
      for (entry, rest) in entries[index] ?? [] {
        var entry = entry
        if isCopy {
          entry.tensor = try detached.copy(of: entry.tensor)
          entry.effects.append(.copiedLayer(index))
        }
        // Of two layers with one number, the second replaces the first.
        let key = Key("\(prefix)\(number)\(rest)")
        if let old = tensors.slot(of: key) {
          tensors.replace(old, with: entry)
        } else {
          try add(key, entry, operation)
          slots.append(tensors.slots.count - 1)
        }
      }
      arranged.append(slots)
    }
    return arranged
  }

  /// The slots of the tensors of each layer and those of all others, in order; and how many of the others precede the
  /// first of the layers.
  private func members(
    of layers: [Int: [Int32]]
  ) -> (members: [Int: [Int]], others: [Int], place: Int) {
    let indices = Array(layers.keys)
    var layerOf = [Int32](repeating: -1, count: tensors.slots.count)
    for (layer, index) in indices.enumerated() {
      for node in layers[index] ?? [] {
        tensors.forEachPosition(below: Int(node)) { layerOf[$0] = Int32(layer) }
      }
    }
    var members = [[Int]](repeating: [], count: indices.count)
    var others: [Int] = []
    var place: Int?
    for slot in tensors.order where tensors.places[Int(slot)] >= 0 {
      let layer = layerOf[Int(slot)]
      if layer < 0 {
        others.append(Int(slot))
      } else {
        if place == nil { place = others.count }
        members[Int(layer)].append(Int(slot))
      }
    }
    return (
      Dictionary(uniqueKeysWithValues: zip(indices, members)), others, place ?? others.count
    )
  }
}
