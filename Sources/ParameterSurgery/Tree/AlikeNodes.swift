internal import CheckpointFiles
internal import OrderedCollections

/// Which nodes of a tree hold the same: tensors with equal traits under equal names.
///
/// A display of a tree has one branch for layers that hold the same.
package struct AlikeNodes: Sendable {
  /// A node, or several that hold the same and differ in their numbers alone.
  package struct Branch: Sendable {
    /// The nodes, by ascending number when there are several.
    package let nodes: [ParameterTree.Node]
    /// The component of one node; `[0:12]`, which is a selector, for several.
    package let name: String

    package init(nodes: [ParameterTree.Node], name: String) {
      (self.nodes, self.name) = (nodes, name)
    }

    /// The first node.
    package var first: ParameterTree.Node { nodes[0] }
  }

  /// What is in a node, in terms of the classes below it.
  private struct Content: Hashable {
    let tensor: Int
    let children: [Child]
  }

  private struct Child: Hashable {
    let component: Key
    let content: Int
  }

  /// For each node a number that nodes which hold the same have in common.
  private let classes: [Int]

  /// What the nodes of a tree hold.
  ///
  /// - Parameter trait: what tensors that hold the same have in common, by their places in the tree's entries.
  package init<Trait: Hashable>(_ tree: ParameterTree, trait: (Int) -> Trait) {
    var traits: [Trait: Int] = [:]
    var contents: [Content: Int] = [:]
    var classes = [Int](repeating: 0, count: tree.records.count)
    // A parent precedes its children.
    for node in tree.records.indices.reversed() {
      var tensor = -1
      if let entry = tree.records[node].entry {
        let count = traits.count
        tensor = traits[trait(entry), default: count]
        if tensor == count { traits[trait(entry)] = count }
      }
      let children = tree.children(of: node).map {
        Child(component: tree.records[$0].component, content: classes[$0])
      }
      let content = Content(
        tensor: tensor, children: children.sorted { $0.component < $1.component })
      let count = contents.count
      classes[node] = contents[content, default: count]
      if classes[node] == count { contents[content] = count }
    }
    self.classes = classes
  }

  /// The children of a node, those with numbers that hold the same as one branch, where the first of them is.
  package func branches(of children: [ParameterTree.Node]) -> [Branch] {
    // Brackets would select `00` together with `0`.
    let isPlain = children.allSatisfy { child in
      child.index == nil || KeyGroups.number(child.component.string.utf8) != nil
    }
    var groups: OrderedDictionary<Int, [ParameterTree.Node]> = [:]
    for child in children {
      let isNumbered = isPlain && child.index != nil
      groups[isNumbered ? classes[child.id] : -1 - child.id, default: []].append(child)
    }
    return groups.values.map { nodes in
      guard nodes.count > 1 else {
        return Branch(nodes: nodes, name: nodes[0].component.string)
      }
      let nodes = nodes.sorted { ($0.index ?? 0) < ($1.index ?? 0) }
      return Branch(nodes: nodes, name: KeyGroups.brackets(nodes.compactMap(\.index)))
    }
  }
}
