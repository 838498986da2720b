import CheckpointFiles
import ParameterSurgery

/// `espalier ls --tree`: the keys drawn as a tree, with what lies below each node.
struct TreeRendering {
  /// The tree of the rows' keys: the tensor at a place of its entries is that of the row at this place.
  private let tree: ParameterTree
  private let rows: [Listing.Row]
  private let sort: ListCommand.Order
  /// The components of a key that are drawn, at most.
  private let depth: Int
  private let isNarrow = StandardOutput.shared.width.map { $0 < 60 } ?? false

  init(_ listing: Listing, sort: ListCommand.Order, depth: Int? = nil) {
    tree = ParameterTree(listing.rows.map(\.tensor))
    rows = listing.rows
    self.sort = sort
    self.depth = depth ?? .max
  }

  /// A line: a tensor, or an inner node with what is below it; or several that are alike.
  private struct Line {
    /// The branches and the name.
    let label: String
    /// Columns that the label takes.
    let width: Int
    /// How many tensors or nodes it stands for.
    let count: Int
    let content: Content

    enum Content {
      case tensor(row: Int)
      /// What is below all of them.
      case node(Listing.Total)
    }

    var isNode: Bool { if case .node = content { true } else { false } }
  }

  func print(_ options: GroupOptions) {
    var lines = options.group == true ? [] : self.lines(folds: false)
    let folds = options.folds(lines.count)
    if folds { lines = self.lines(folds: true) }
    var table = Table(
      [.init("KEY", isDrawn: true)] + (folds ? [.init("COUNT", .right)] : []) + [
        .init("DTYPE", yields: true), .init("SHAPE", yields: true),
        .init("ELEMENTS", .right, yields: true), .init("SIZE", .right),
      ])
    table.hasHeadings = StandardOutput.shared.isTerminal
    let style = StandardOutput.shared.style
    if style.enabled {
      table.paint = { [lines] text, index in lines[index].isNode ? style.bold(text) : text }
    }
    table.print(rowCount: lines.count) { [lines, rows] range, cells in
      var shape = Table.RepeatingCell<[Int]>()
      var elements = Table.RepeatingCell<Int>()
      var size = Table.RepeatingCell<Int>()
      for index in range {
        let line = lines[index]
        cells.row(index) { cells in
          cells.add(line.label, width: line.width)
          if folds { cells.add(line.count > 1 ? "×\(line.count)" : "") }
          switch line.content {
          case .tensor(let row):
            var total = Listing.Total()
            total.add(rows[row])
            total = total.times(line.count)
            cells.add(rows[row].tensor.dtype.name)
            shape.add(rows[row].dimensions, to: &cells, shapeText)
            elements.add(total.elements, to: &cells, countText)
            size.add(total.bytes, to: &cells, byteText)
          case .node(let total):
            cells.add("")
            cells.add(Text.counted(total.tensors, "tensor"))
            cells.add(countText(total.elements))
            cells.add(byteText(total.bytes))
          }
        }
      }
    }
    let folded = lines.filter { $0.count > 1 && !$0.isNode }
    options.note(lines: folded.count, for: folded.reduce(0) { $0 + $1.count })
  }

  // MARK: - Lines

  /// What tensors have in common that are drawn as one.
  private struct Trait: Hashable {
    let kind: TensorKind
    let place: Int?
  }

  private struct Branch {
    let branch: AlikeNodes.Branch
    /// What is before it: four columns for each node above, two on a narrow terminal.
    let margin: String
    let indent: Int
    let isLast: Bool
    /// The number of components up to it.
    let depth: Int
    /// How many nodes each node of the branch stands for.
    let times: Int

    /// The line to the name, and what is before the names below.
    func arm(_ isNarrow: Bool) -> String { (isLast ? "└" : "├") + (isNarrow ? " " : "── ") }
    func marginBelow(_ isNarrow: Bool) -> String {
      margin + (isLast ? " " : "│") + (isNarrow ? " " : "   ")
    }
  }

  private func lines(folds: Bool) -> [Line] {
    let alike =
      folds
      ? AlikeNodes(tree) { place -> Trait in
        let row = rows[place]
        let kind = TensorKind(dtype: row.tensor.dtype, dimensions: row.tensor.shape.dimensions)
        // What is special about a tensor is not lost.
        return Trait(kind: kind, place: row.rows == nil && row.shares == nil ? nil : place)
      } : nil
    var lines: [Line] = []
    lines.reserveCapacity(rows.count)
    // An explicit stack: a hostile key may have many components.
    var stack = branches(of: tree.root, alike, margin: "", indent: 0, depth: 1, times: 1)
    while var top = stack.popLast() {
      var name = shown(top.branch.name)
      // A chain of nodes with one branch and no tensor of their own takes one line: `layer[0:12]`.
      while top.depth < depth, top.branch.first.entry == nil {
        let below = branches(
          of: top.branch.first, alike, margin: top.margin, indent: top.indent,
          depth: top.depth + 1, times: top.times * top.branch.nodes.count)
        guard below.count == 1, let only = below.first else { break }
        name += only.branch.nodes.count > 1 ? only.branch.name : "." + shown(only.branch.name)
        top = Branch(
          branch: only.branch, margin: top.margin, indent: top.indent, isLast: top.isLast,
          depth: only.depth, times: only.times)
      }
      let node = top.branch.first
      let count = top.times * top.branch.nodes.count
      let content: Line.Content
      if let row = node.entry, node.tensorCount == 1 || top.depth < depth {
        name += rows[row].suffix
        content = .tensor(row: row)
      } else {
        var total = Listing.Total()
        for row in node.entriesBelow { total.add(rows[row]) }
        content = .node(total.times(count))
      }
      lines.append(
        Line(
          label: top.margin + top.arm(isNarrow) + name,
          width: (isNarrow ? 2 : 4) * (top.indent + 1) + displayWidth(name), count: count,
          content: content))
      if top.depth < depth {
        stack += branches(
          of: node, alike, margin: top.marginBelow(isNarrow), indent: top.indent + 1,
          depth: top.depth + 1,
          times: count)
      }
    }
    return lines
  }

  /// The branches below a node, last first, for a stack.
  private func branches(
    of node: ParameterTree.Node, _ alike: AlikeNodes?, margin: @autoclosure () -> String,
    indent: Int, depth: Int, times: Int
  ) -> [Branch] {
    let children =
      switch sort {
      case .natural: node.naturallySortedChildren
      case .file: node.children
      case .size: node.children.sorted { $0.byteCount > $1.byteCount }
      }
    if children.isEmpty { return [] }
    let branches =
      alike?.branches(of: children)
      ?? children.map { AlikeNodes.Branch(nodes: [$0], name: $0.component.string) }
    let margin = margin()
    return branches.reversed().enumerated().map {
      Branch(
        branch: $0.element, margin: margin, indent: indent, isLast: $0.offset == 0, depth: depth,
        times: times)
    }
  }
}
