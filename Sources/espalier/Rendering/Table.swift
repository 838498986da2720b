/// Rows of text in aligned columns.
///
/// On a terminal one column may shrink so that lines fit; elsewhere nothing is cut.
struct Table {
  enum Alignment { case left, right }

  /// A column: its heading, and how its cells are set.
  struct Column {
    let title: String
    let alignment: Alignment
    /// Whether its cells may lose their middle when a terminal is narrow.
    let shrinks: Bool

    init(_ title: String, _ alignment: Alignment = .left, shrinks: Bool = false) {
      self.title = title
      self.alignment = alignment
      self.shrinks = shrinks
    }
  }

  let columns: [Column]
  private(set) var rows: [[String]] = []
  /// Whether the headings are printed.
  var hasHeadings = true
  /// Called with a finished line and its row, for colours.
  var paint: (String, Int) -> String = { line, _ in line }

  init(_ columns: [Column]) { self.columns = columns }

  mutating func reserveCapacity(_ count: Int) { rows.reserveCapacity(count) }

  /// Adds a row with one cell a column. Cells hold no control characters.
  mutating func append(_ cells: [String]) { rows.append(cells) }

  func print(to output: StandardOutput = .shared, indent: Int = 0) {
    var widths = columns.map { hasHeadings ? displayWidth($0.title) : 0 }
    var exact = [[Int]]()
    exact.reserveCapacity(rows.count)
    for row in rows {
      var cellWidths = [Int]()
      cellWidths.reserveCapacity(row.count)
      for (index, cell) in row.enumerated() {
        let width = displayWidth(cell)
        cellWidths.append(width)
        if width > widths[index] { widths[index] = width }
      }
      exact.append(cellWidths)
    }
    let used = indent + widths.reduce(0, +) + 2 * (columns.count - 1)
    if let limit = output.width, used > limit,
      let shrinking = columns.firstIndex(where: \.shrinks)
    {
      widths[shrinking] = max(widths[shrinking] - (used - limit), 12)
    }
    let margin = String(repeating: " ", count: indent)
    if hasHeadings {
      let titles = columns.map(\.title)
      let line = margin + self.line(titles, titles.map(displayWidth), widths)
      output.line(output.style.dim(line))
    }
    for (index, row) in rows.enumerated() {
      output.write(paint(margin + line(row, exact[index], widths), index))
      output.write("\n")
    }
  }

  private func line(_ cells: [String], _ exact: [Int], _ widths: [Int]) -> String {
    var line = ""
    for (index, cell) in cells.enumerated() {
      if index > 0 { line += "  " }
      let width = widths[index]
      if exact[index] > width {
        let cut = columns[index].shrinks ? middleTruncated(cell, to: width) : cell
        line += cut
        continue
      }
      let padding = width - exact[index]
      switch columns[index].alignment {
      case .right:
        line += spaces(padding)
        line += cell
      case .left:
        line += cell
        if index < cells.count - 1 { line += spaces(padding) }
      }
    }
    // Empty cells at the end leave nothing behind.
    while line.utf8.last == UInt8(ascii: " ") { line.removeLast() }
    return line
  }
}

private let blank = String(repeating: " ", count: 256)

private func spaces(_ count: Int) -> String {
  count <= 256 ? String(blank.prefix(count)) : String(repeating: " ", count: count)
}
