import CheckpointFiles
import ParameterSurgery

/// `espalier ls --tree`: the keys drawn as a tree, with what lies below each node.
struct TreeRendering {
  private let tree: ParameterTree
  private let rows: [Key: Listing.Row]
  private let sort: ListCommand.Order

  init(_ listing: Listing, sort: ListCommand.Order) {
    tree = ParameterTree(listing.rows.map(\.tensor))
    rows = Dictionary(listing.rows.map { ($0.tensor.key, $0) }, uniquingKeysWith: { a, _ in a })
    self.sort = sort
  }

  func print() {
    var table = Table([
      .init("KEY", shrinks: true), .init("DTYPE"), .init("SHAPE"), .init("ELEMENTS", .right),
      .init("SIZE", .right),
    ])
    table.hasHeadings = StandardOutput.shared.isTerminal
    var inner: Set<Int> = []
    // An explicit stack: a hostile key may have many components.
    var stack = branches(of: tree.root, margin: "")
    while let branch = stack.popLast() {
      let (label, node) = collapsed(branch.node)
      let cell = branch.margin + (branch.isLast ? "└── " : "├── ") + label
      if let tensor = node.tensor {
        let row = rows[tensor.key]
        let name = row?.rows.map { "\(cell)[\($0.text)]" } ?? cell
        table.append([
          name, tensor.dtype.name, shapeText(row?.dimensions ?? tensor.shape.dimensions),
          countText(row?.count ?? tensor.shape.count), byteText(row?.bytes ?? tensor.byteCount),
        ])
      } else {
        inner.insert(table.rows.count)
        let below = node.tensors.compactMap { rows[$0.key] }
        var total = Listing.Total()
        for row in below { total.add(row) }
        table.append(
          [
            cell, "", plural(total.tensors, "tensor"), countText(total.elements),
            byteText(total.bytes),
          ])
      }
      let margin = branch.margin + (branch.isLast ? "    " : "│   ")
      stack += branches(of: node, margin: margin)
    }
    let style = StandardOutput.shared.style
    table.paint = { line, index in inner.contains(index) ? style.bold(line) : line }
    table.print()
  }

  private struct Branch {
    let node: ParameterTree.Node
    let margin: String
    let isLast: Bool
  }

  /// The children, last first, for a stack.
  private func branches(of node: ParameterTree.Node, margin: String) -> [Branch] {
    var children =
      switch sort {
      case .natural: node.naturallySortedChildren
      case .file: node.children
      case .size: node.children.sorted { $0.byteCount > $1.byteCount }
      }
    children.reverse()
    return children.enumerated().map {
      Branch(node: $0.element, margin: margin, isLast: $0.offset == 0)
    }
  }

  /// Chains of nodes with one child and no tensor of their own take one line: `attention.self`.
  private func collapsed(
    _ node: ParameterTree.Node
  ) -> (label: String, node: ParameterTree.Node) {
    var label = shown(node.component.string)
    var node = node
    while node.tensor == nil {
      let children = node.children
      guard children.count == 1, let child = children.first else { break }
      label += "." + shown(child.component.string)
      node = child
    }
    return (label, node)
  }
}
