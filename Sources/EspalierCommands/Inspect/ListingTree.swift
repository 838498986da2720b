import CheckpointFiles
import ParameterSurgery

/// `espalier ls --tree`: the keys drawn as a tree, with what lies below each node.
struct TreeRendering {
  /// The tree of the rows' keys: the tensor at a place of its entries is that of the row at this place.
  private let tree: ParameterTree
  private let rows: [Listing.Row]
  private let sort: ListCommand.Order

  init(_ listing: Listing, sort: ListCommand.Order) {
    tree = ParameterTree(listing.rows.map(\.tensor))
    rows = listing.rows
    self.sort = sort
  }

  /// A line: a tensor, or an inner node with what is below it.
  private struct Line {
    /// The branches and the name.
    let label: String
    /// Columns that the label takes.
    let width: Int
    let content: Content

    enum Content {
      case tensor(row: Int)
      case node(Listing.Total)
    }

    var isNode: Bool { if case .node = content { true } else { false } }
  }

  func print() {
    let lines = lines()
    var table = Table([
      .init("KEY", shrinks: true), .init("DTYPE"), .init("SHAPE"), .init("ELEMENTS", .right),
      .init("SIZE", .right),
    ])
    table.hasHeadings = StandardOutput.shared.isTerminal
    let style = StandardOutput.shared.style
    if style.enabled {
      table.paint = { text, index in lines[index].isNode ? style.bold(text) : text }
    }
    table.print(rowCount: lines.count) { [rows] range, cells in
      var shape = Table.RepeatingCell<[Int]>()
      var elements = Table.RepeatingCell<Int>()
      var size = Table.RepeatingCell<Int>()
      for index in range {
        cells.row(index) { cells in
          cells.add(lines[index].label, width: lines[index].width)
          switch lines[index].content {
          case .tensor(let row):
            cells.add(rows[row].tensor.dtype.name)
            shape.add(rows[row].dimensions, to: &cells, shapeText)
            elements.add(rows[row].count, to: &cells, countText)
            size.add(rows[row].bytes, to: &cells, byteText)
          case .node(let total):
            cells.add("")
            cells.add(Text.counted(total.tensors, "tensor"))
            cells.add(countText(total.elements))
            cells.add(byteText(total.bytes))
          }
        }
      }
    }
  }

  // MARK: - Lines

  private struct Branch {
    let node: ParameterTree.Node
    /// Where the node's component begins in the keys at and below it.
    let start: Int
    /// What stands before it: four columns for each node above.
    let margin: String
    let depth: Int
    let isLast: Bool

    var arm: String { isLast ? "└── " : "├── " }
    var marginBelow: String { margin + (isLast ? "    " : "│   ") }
  }

  private func lines() -> [Line] {
    var lines: [Line] = []
    lines.reserveCapacity(rows.count)
    // An explicit stack: a hostile key may have many components.
    var stack = branches(of: tree.root, start: 0, margin: "", depth: 0)
    while let branch = stack.popLast() {
      let (node, end) = collapsed(branch)
      let key = node.entriesBelow.first.map { rows[$0].tensor.key.string.utf8 } ?? "".utf8
      var name = shown(String(Substring(key.dropFirst(branch.start).prefix(end - branch.start))))
      let content: Line.Content
      if let row = node.entry {
        name += rows[row].suffix
        content = .tensor(row: row)
      } else {
        var total = Listing.Total()
        for row in node.entriesBelow { total.add(rows[row]) }
        content = .node(total)
      }
      lines.append(
        Line(
          label: branch.margin + branch.arm + name,
          width: 4 * (branch.depth + 1) + displayWidth(name), content: content))
      stack += branches(
        of: node, start: end + 1, margin: branch.marginBelow, depth: branch.depth + 1)
    }
    return lines
  }

  /// The children, last first, for a stack.
  private func branches(
    of node: ParameterTree.Node, start: Int, margin: @autoclosure () -> String, depth: Int
  ) -> [Branch] {
    var children =
      switch sort {
      case .natural: node.naturallySortedChildren
      case .file: node.children
      case .size: node.children.sorted { $0.byteCount > $1.byteCount }
      }
    if children.isEmpty { return [] }
    children.reverse()
    let margin = margin()
    return children.enumerated().map {
      Branch(
        node: $0.element, start: start, margin: margin, depth: depth, isLast: $0.offset == 0)
    }
  }

  /// The last node of a chain of nodes with one child and no tensor of their own, which takes one line:
  /// `attention.self`; where its component ends in the keys comes with it.
  private func collapsed(_ branch: Branch) -> (node: ParameterTree.Node, end: Int) {
    var node = branch.node
    var end = branch.start + node.component.string.utf8.count
    while node.entry == nil, let child = node.onlyChild {
      end += 1 + child.component.string.utf8.count
      node = child
    }
    return (node, end)
  }
}
