internal import CheckpointFiles

/// A node that gets another place in the tree, with all that is below it.
struct NodeRenaming {
  let node: Int32
  /// The new path; empty for the root.
  let path: String
  /// Whether the tensor whose key ends at the node stays where it is.
  let isBelowOnly: Bool
}

extension PlanTensors {
  /// Keys of more components than this are renamed one by one.
  static let deepestMove = ComponentRanges.maximumDepth - 2

  /// Gives nodes another last component; returns the number of tensors below them, or `nil`, with some of the work done,
  /// when one of the new names exists.
  mutating func relabel(_ renamed: [Int32], as component: Key) -> Int? {
    let name = name(of: component)
    var count = 0
    for node in renamed {
      if let other = child(named: name, of: nodes[Int(node)].parent) {
        if other != node { return nil }
      } else {
        relabel(node, name)
      }
      count += forgetKeys(below: node)
    }
    return count
  }

  /// Moves nodes, all at once; returns the number of tensors concerned, or `nil`, with some of the work done, when two
  /// tensors would have one key or a key too many components.
  ///
  /// - Parameter renamings: those of nodes below others come first: they do not move with them.
  mutating func move(_ renamings: [NodeRenaming]) -> Int? {
    var count = 0
    var loose: [(node: Int32, renaming: NodeRenaming)] = []
    for renaming in renamings {
      let old = path(of: renaming.node)
      let target = Key(renaming.path)
      let depth = renaming.node == 0 ? 0 : old.components.count
      let added = renaming.path.isEmpty ? 0 : target.components.count
      depthBound = max(depthBound, added + max(depthBound - depth, 0))
      guard depthBound <= PlanTensors.deepestMove else { return nil }
      if old == target, renaming.node != 0 || renaming.path.isEmpty {
        count += tensorCount(below: renaming)
        continue
      }
      let part = detach(renaming)
      guard nodes[Int(part)].slot >= 0 || nodes[Int(part)].firstChild >= 0 else { continue }
      count += forgetKeys(below: part)
      loose.append((part, renaming))
    }
    for (part, renaming) in loose where !attach(part, at: renaming.path) { return nil }
    return count
  }

  private func tensorCount(below renaming: NodeRenaming) -> Int {
    let all = slots(below: renaming.node).count
    return renaming.isBelowOnly && nodes[Int(renaming.node)].slot >= 0 ? all - 1 : all
  }

  /// Takes a node, or what is below it, out of the tree; returns the node that holds it.
  private mutating func detach(_ renaming: NodeRenaming) -> Int32 {
    let node = renaming.node
    if !renaming.isBelowOnly, node != 0 {
      let parent = nodes[Int(node)].parent
      // A node that was emptied by the renamings before is not in the tree any more.
      guard parent >= 0 else { return node }
      unlink(node)
      prune(parent)
      return node
    }
    let holder = newNode("")
    while nodes[Int(node)].firstChild >= 0 {
      let child = nodes[Int(node)].firstChild
      unlink(child)
      link(child, under: holder)
    }
    prune(node)
    return holder
  }

  /// Puts a loose node at a path; returns `false` when a key exists there.
  private mutating func attach(_ part: Int32, at path: String) -> Bool {
    guard !path.isEmpty else {
      // The tensor of a node whose name is gone has the empty key.
      if nodes[Int(part)].slot >= 0 {
        let target = makeChild("", of: 0)
        guard moveTensor(of: part, to: target) else { return false }
      }
      return merge(part, into: 0)
    }
    let text = path.utf8Span.span
    var ranges = ComponentRanges()
    ranges.split(text, from: 0)
    var parent: Int32 = 0
    for range in ranges.ranges.dropLast() { parent = makeChild(Key(text, range), of: parent) }
    guard let last = ranges.ranges.last else { return false }
    let component = Key(text, last)
    if let existing = child(component, of: parent) { return merge(part, into: existing) }
    let name = name(of: component)
    if nodes[Int(part)].name != name { relabel(part, name) }
    link(part, under: parent)
    return true
  }

  private mutating func moveTensor(of node: Int32, to target: Int32) -> Bool {
    guard nodes[Int(target)].slot < 0 else { return false }
    let slot = Int(nodes[Int(node)].slot)
    displace(slot)
    place(slot, at: target)
    return true
  }

  /// Puts the tensors of one node below another; returns `false` when both have a tensor under one name.
  private mutating func merge(_ source: Int32, into target: Int32) -> Bool {
    var pending = [(source, target)]
    while let (source, target) = pending.popLast() {
      if nodes[Int(source)].slot >= 0, !moveTensor(of: source, to: target) { return false }
      while nodes[Int(source)].firstChild >= 0 {
        let child = nodes[Int(source)].firstChild
        unlink(child)
        if let existing = self.child(named: nodes[Int(child)].name, of: target) {
          pending.append((child, existing))
        } else {
          link(child, under: target)
        }
      }
    }
    return true
  }

  /// Gives tensors other keys, all at once.
  ///
  /// - Returns: the slots of the first two tensors that would have one key, with the key, if there are such.
  mutating func rename(
    _ renamed: [(slot: Int, name: Key)]
  ) -> (first: Int, second: Int, name: Key)? {
    var names: [Int: Key] = [:]
    for (slot, name) in renamed where key(of: slot) != name { names[slot] = name }
    guard !names.isEmpty else { return nil }
    var owners: [Key: Int] = [:]
    owners.reserveCapacity(count)
    for slot in liveSlots {
      let name = names[slot] ?? key(of: slot)
      if let first = owners.updateValue(slot, forKey: name) { return (first, slot, name) }
    }
    for slot in names.keys {
      let node = places[slot]
      displace(slot)
      prune(node)
    }
    for (slot, name) in names { _ = place(slot, under: name) }
    return nil
  }
}
