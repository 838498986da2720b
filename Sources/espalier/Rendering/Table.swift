/// Rows of text in aligned columns.
///
/// On a terminal columns shrink or are left out so that lines fit; elsewhere nothing is cut. Rows are either
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
    /// Whether a terminal that is too narrow for everything goes without it.
    let yields: Bool

    init(
      _ title: String, _ alignment: Alignment = .left, shrinks: Bool = false, yields: Bool = false
    ) {
      self.title = title
      self.alignment = alignment
      self.shrinks = shrinks
      self.yields = yields
    }

    /// What it never has less than.
    fileprivate var leastWidth: Int { max(16, displayWidth(title)) }
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
    let left = fit(&widths, to: output.width.map { $0 - indent })
    var line = [UInt8](repeating: UInt8(ascii: " "), count: indent)
    if hasHeadings {
      cells.removeAll()
      for column in columns { cells.add(column.title) }
      set(cells, widths, without: left, in: &line)
      output.line(output.style.dim(String(decoding: line, as: UTF8.self)))
    }
    for index in 0..<rowCount {
      line.removeSubrange(indent...)
      cells.removeAll()
      fill(index, &cells)
      set(cells, widths, without: left, in: &line)
      if let paint {
        output.line(paint(String(decoding: line, as: UTF8.self), index))
      } else {
        line.append(UInt8(ascii: "\n"))
        output.write(line)
      }
    }
    if !left.isEmpty, hasHeadings {
      let titles = left.sorted().map { columns[$0].title }.joined(separator: ", ")
      output.line(output.style.dim("too narrow for \(titles)"))
    }
  }

  /// Narrows columns until lines take `limit` columns of a terminal, and returns those that are left
  /// out. What stands at the right gives first: the first column says what a line is about.
  private func fit(_ widths: inout [Int], to limit: Int?) -> Set<Int> {
    var left: Set<Int> = []
    guard let limit else { return left }
    func used(_ widths: [Int]) -> Int {
      let present = widths.indices.filter { !left.contains($0) }
      return present.reduce(0) { $0 + widths[$1] } + 2 * (present.count - 1)
    }
    /// What cannot be taken from a column.
    func least(_ column: Int) -> Int {
      columns[column].shrinks ? min(widths[column], columns[column].leastWidth) : widths[column]
    }
    // What may be left out goes before the first column loses what makes it readable.
    var wanted = columns.indices.map(least)
    if let key = columns.firstIndex(where: \.shrinks) { wanted[key] = min(widths[key], 28) }
    for column in columns.indices.reversed()
    where columns[column].yields && used(wanted) > limit {
      left.insert(column)
    }
    for column in columns.indices.reversed()
    where columns[column].shrinks && !left.contains(column) {
      widths[column] -= min(max(used(widths) - limit, 0), widths[column] - least(column))
    }
    return left
  }

  /// Appends the cells to `line`, in their columns.
  private func set(
    _ cells: Cells, _ widths: [Int], without left: Set<Int>, in line: inout [UInt8]
  ) {
    let margin = line.count
    var isFirst = true
    for column in columns.indices where !left.contains(column) {
      if !isFirst { line.append(spaces: 2) }
      isFirst = false
      let (range, width) = (cells.range(column), widths[column])
      var padding = width - cells.marks[column].width
      var cut: String?
      if padding < 0, columns[column].shrinks {
        let text = middleTruncated(String(decoding: cells.bytes[range], as: UTF8.self), to: width)
        // A character of two columns may not have fitted.
        padding = width - displayWidth(text)
        cut = text
      }
      if columns[column].alignment == .right { line.append(spaces: padding) }
      if let cut {
        line.append(contentsOf: cut.utf8)
      } else {
        line.append(contentsOf: cells.bytes[range])
      }
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
