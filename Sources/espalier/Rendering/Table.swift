/// Rows of text in aligned columns.
///
/// On a terminal one column may shrink so that lines fit; elsewhere nothing is cut. Rows are either
/// added one by one, or made when they are needed, so that a listing of a million tensors is never text
/// in memory.
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

  /// The cells of one row, as UTF-8.
  struct Cells {
    fileprivate private(set) var bytes: [UInt8] = []
    /// For each cell, where it ends in ``bytes`` and how many columns of a terminal it takes.
    fileprivate private(set) var marks: [(end: Int, width: Int)] = []

    /// Adds a cell, which holds no control characters.
    mutating func add(_ text: String) {
      let start = bytes.count
      bytes.append(contentsOf: text.utf8)
      let end = bytes.count
      let isPlain = bytes.span.extracting(start..<end).isASCII
      marks.append((end, isPlain ? end - start : displayWidth(text)))
    }

    fileprivate mutating func removeAll() {
      bytes.removeAll(keepingCapacity: true)
      marks.removeAll(keepingCapacity: true)
    }

    fileprivate func range(_ index: Int) -> Range<Int> {
      (index == 0 ? 0 : marks[index - 1].end)..<marks[index].end
    }
  }

  let columns: [Column]
  private(set) var rows: [[String]] = []
  /// Whether the headings are printed.
  var hasHeadings = true
  /// Called with a finished line and its row, for colours.
  var paint: ((String, Int) -> String)?

  init(_ columns: [Column]) { self.columns = columns }

  /// Adds a row with one cell a column. Cells hold no control characters.
  mutating func append(_ cells: [String]) { rows.append(cells) }

  /// Prints the rows that were added.
  func print(to output: StandardOutput = .shared, indent: Int = 0) {
    print(rowCount: rows.count, to: output, indent: indent) { index, cells in
      for cell in rows[index] { cells.add(cell) }
    }
  }

  /// Prints `rowCount` rows; `fill` adds one cell a column for the row of the given index.
  func print(
    rowCount: Int, to output: StandardOutput = .shared, indent: Int = 0,
    fill: (Int, inout Cells) -> Void
  ) {
    var widths = columns.map { hasHeadings ? displayWidth($0.title) : 0 }
    var cells = Cells()
    // Made once to be measured and once to be printed: cheaper than to keep the text of many rows.
    for index in 0..<rowCount {
      cells.removeAll()
      fill(index, &cells)
      for (column, mark) in cells.marks.enumerated() where mark.width > widths[column] {
        widths[column] = mark.width
      }
    }
    let used = indent + widths.reduce(0, +) + 2 * (columns.count - 1)
    if let limit = output.width, used > limit,
      let shrinking = columns.firstIndex(where: \.shrinks)
    {
      widths[shrinking] = max(widths[shrinking] - (used - limit), 12)
    }
    var line = [UInt8](repeating: UInt8(ascii: " "), count: indent)
    if hasHeadings {
      cells.removeAll()
      for column in columns { cells.add(column.title) }
      set(cells, widths, in: &line)
      output.line(output.style.dim(String(decoding: line, as: UTF8.self)))
    }
    for index in 0..<rowCount {
      line.removeSubrange(indent...)
      cells.removeAll()
      fill(index, &cells)
      set(cells, widths, in: &line)
      if let paint {
        output.line(paint(String(decoding: line, as: UTF8.self), index))
      } else {
        line.append(UInt8(ascii: "\n"))
        output.write(line)
      }
    }
  }

  /// Appends the cells to `line`, in their columns.
  private func set(_ cells: Cells, _ widths: [Int], in line: inout [UInt8]) {
    let margin = line.count
    for column in columns.indices {
      if column > 0 { line.append(spaces: 2) }
      let (range, width) = (cells.range(column), widths[column])
      let padding = width - cells.marks[column].width
      if padding < 0, columns[column].shrinks {
        let text = String(decoding: cells.bytes[range], as: UTF8.self)
        line.append(contentsOf: middleTruncated(text, to: width).utf8)
        continue
      }
      if columns[column].alignment == .right { line.append(spaces: padding) }
      line.append(contentsOf: cells.bytes[range])
      if columns[column].alignment == .left { line.append(spaces: padding) }
    }
    // Neither padding nor empty cells at the end leave anything behind.
    while line.count > margin, line.last == UInt8(ascii: " ") { line.removeLast() }
  }
}

extension [UInt8] {
  fileprivate mutating func append(spaces count: Int) {
    guard count > 0 else { return }
    append(contentsOf: repeatElement(UInt8(ascii: " "), count: count))
  }
}
