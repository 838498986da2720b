/// Rows of text in aligned columns.
///
/// On a terminal, columns shrink or are left out so that lines fit; otherwise nothing is cut. Rows are added one
/// by one, or produced when they are needed, so that the text of a listing of a million tensors is never in
/// memory as a whole.
struct Table: Sendable {
  enum Alignment: Sendable { case left, right }

  /// A column: its heading, and how its cells are set.
  struct Column: Sendable {
    let title: String
    let alignment: Alignment
    /// Whether its cells may be shortened in the middle when a terminal is narrow.
    let shrinks: Bool
    /// Whether it is left out when a terminal is too narrow for all columns.
    let yields: Bool

    init(
      _ title: String, _ alignment: Alignment = .left, shrinks: Bool = false, yields: Bool = false
    ) {
      self.title = title
      self.alignment = alignment
      self.shrinks = shrinks
      self.yields = yields
    }

    /// Its smallest width.
    fileprivate var leastWidth: Int { max(16, displayWidth(title)) }
  }

  let columns: [Column]
  private(set) var rows: [[String]] = []
  /// Whether the headings are printed.
  var hasHeadings = true
  /// Called with a finished line and its row, for colours.
  var paint: (@Sendable (String, Int) -> String)?

  init(_ columns: [Column]) { self.columns = columns }

  /// Adds a row with one cell a column. Cells hold no control characters.
  mutating func append(_ cells: [String]) { rows.append(cells) }

  /// Prints the rows that were added.
  func print(to output: StandardOutput = .shared, indent: Int = 0) {
    let rows = rows
    print(rowCount: rows.count, to: output, indent: indent) { range, cells in
      for index in range {
        cells.row(index) { cells in
          for cell in rows[index] { cells.add(cell) }
        }
      }
    }
  }

  /// Prints `rowCount` rows; `fill` adds those of a range, one after another with `Cells.row`. It is called
  /// on all cores.
  func print(
    rowCount: Int, to output: StandardOutput = .shared, indent: Int = 0,
    fill: @Sendable (Range<Int>, inout Cells) -> Void
  ) {
    let titles = columns.map { hasHeadings ? displayWidth($0.title) : 0 }
    // Rows are produced twice, to be measured and to be printed: this is cheaper than keeping the text of many rows.
    let measured = Pieces.map(rowCount) { range in
      var cells = Cells(measuring: self, widths: titles)
      fill(range, &cells)
      return cells.widths
    }
    var widths = measured.reduce(titles) { zip($0, $1).map(max) }
    let left = fit(&widths, to: output.width.map { $0 - indent })
    if hasHeadings {
      var cells = Cells(setting: self, widths: widths, indent: indent, left: left, after: [])
      cells.row(nil) { for column in columns { $0.add(column.title) } }
      output.line(output.style.dim(String(decoding: cells.lines.dropLast(), as: UTF8.self)))
    }
    Pieces.write(rowCount, to: output) { [widths] range, lines in
      var cells = Cells(
        setting: self, widths: widths, indent: indent, left: left,
        after: exchange(&lines, with: []))
      fill(range, &cells)
      lines = cells.lines
    }
    if !left.isEmpty, hasHeadings {
      let titles = left.sorted().map { columns[$0].title }.joined(separator: ", ")
      output.line(output.style.dim("the terminal is too narrow for \(titles)"))
    }
  }

  /// Narrows columns until lines fit `limit` columns of a terminal, and returns those that are left out. Columns at
  /// the right are narrowed first, because the first column names the row.
  private func fit(_ widths: inout [Int], to limit: Int?) -> Set<Int> {
    var left: Set<Int> = []
    guard let limit else { return left }
    func used(_ widths: [Int]) -> Int {
      let present = widths.indices.filter { !left.contains($0) }
      return present.reduce(0) { $0 + widths[$1] } + 2 * (present.count - 1)
    }
    /// The smallest width of a column.
    func least(_ column: Int) -> Int {
      columns[column].shrinks ? min(widths[column], columns[column].leastWidth) : widths[column]
    }
    // Columns that may be left out go before the first column becomes too short to read.
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
