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

  /// Takes the cells of one row after another, from left to right: to measure them, or to set them in
  /// lines of UTF-8.
  struct Cells {
    /// The columns that each cell takes on a terminal: the most of all rows, when they are measured.
    fileprivate var widths: [Int]
    fileprivate var isMeasuring = true
    /// The columns that are left out.
    fileprivate var left: Set<Int> = []
    /// What was set and not taken yet.
    fileprivate private(set) var lines: [UInt8] = []
    private let columns: [Column]
    private let indent: Int
    private var column = 0
    /// Spaces that stand before whatever follows in the line.
    private var gap = 0

    fileprivate init(_ columns: [Column], _ widths: [Int], indent: Int) {
      self.columns = columns
      self.widths = widths
      self.indent = indent
    }

    /// Adds a cell, which holds no control characters.
    mutating func add(_ text: String) { add(text, width: displayWidth(text)) }

    /// Adds a cell of text that anybody can have written, and what follows it.
    mutating func add(shown text: String, _ suffix: String = "") {
      if suffix.isEmpty, text.utf8.span.isPlain {
        add(text, width: text.utf8.count)
      } else {
        add(espalier.shown(text) + suffix)
      }
    }

    private mutating func add(_ text: String, width: Int) {
      if isMeasuring {
        if width > widths[column] { widths[column] = width }
      } else if left.isEmpty || !left.contains(column) {
        set(text, width)
      }
      column += 1
    }

    private mutating func set(_ text: String, _ width: Int) {
      var text = text
      var padding = widths[column] - width
      if padding < 0, columns[column].shrinks {
        text = middleTruncated(text, to: widths[column])
        // A character of two columns may not have fitted.
        padding = widths[column] - displayWidth(text)
      }
      padding = max(0, padding)
      if columns[column].alignment == .right { gap += padding }
      // Neither padding nor empty cells at the end of a line leave anything behind.
      if !text.isEmpty {
        lines.append(spaces: gap)
        lines.append(contentsOf: text.utf8)
        gap = 0
      }
      gap += columns[column].alignment == .left ? padding + 2 : 2
    }

    /// Takes the row whose cells `fill` adds.
    @inline(__always)
    fileprivate mutating func row(_ fill: (inout Cells) -> Void) {
      column = 0
      if isMeasuring { return fill(&self) }
      lines.append(spaces: indent)
      let start = lines.count
      gap = 0
      fill(&self)
      // The text of the last cell may end in spaces.
      while lines.count > start, lines.last == UInt8(ascii: " ") { lines.removeLast() }
    }

    /// Ends the line, and writes the lines when they are many.
    fileprivate mutating func endLine(_ output: StandardOutput) {
      lines.append(UInt8(ascii: "\n"))
      if lines.count >= 1 << 16 { write(to: output) }
    }

    /// Writes the lines.
    fileprivate mutating func write(to output: StandardOutput) {
      output.write(lines)
      lines.removeAll(keepingCapacity: true)
    }

    /// Takes the line as text.
    fileprivate mutating func line() -> String {
      defer { lines.removeAll(keepingCapacity: true) }
      return String(decoding: lines, as: UTF8.self)
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
    var cells = Cells(
      columns, columns.map { hasHeadings ? displayWidth($0.title) : 0 }, indent: indent)
    // Made once to be measured and once to be printed: cheaper than to keep the text of many rows.
    for index in 0..<rowCount { cells.row { fill(index, &$0) } }
    let left = fit(&cells.widths, to: output.width.map { $0 - indent })
    cells.left = left
    cells.isMeasuring = false
    if hasHeadings {
      cells.row { for column in columns { $0.add(column.title) } }
      output.line(output.style.dim(cells.line()))
    }
    for index in 0..<rowCount {
      cells.row { fill(index, &$0) }
      if let paint {
        output.line(paint(cells.line(), index))
      } else {
        cells.endLine(output)
      }
    }
    cells.write(to: output)
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
}

extension [UInt8] {
  fileprivate mutating func append(spaces count: Int) {
    guard count > 0 else { return }
    append(contentsOf: repeatElement(UInt8(ascii: " "), count: count))
  }
}
