import CheckpointFiles

/// Rows of text in aligned columns.
///
/// On a terminal that is too narrow, a column with the same text in all rows becomes a line above the table; then
/// columns are left out, and the texts of a column are shortened where they do not differ, or are put on lines of their
/// own. Elsewhere nothing is cut. Rows are added one by one, or produced when they are needed, so that the text of a
/// listing of a million tensors is never in memory as a whole.
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
    /// Whether its cells are never shortened: one that does not fit gets a line of its own. For selectors, which are
    /// copied.
    let breaks: Bool
    /// Whether a text may be shortened to the same as that of another row: those of a tree, where lines have a place.
    let isDrawn: Bool

    init(
      _ title: String, _ alignment: Alignment = .left, shrinks: Bool = false, yields: Bool = false,
      breaks: Bool = false, isDrawn: Bool = false
    ) {
      self.title = title
      self.alignment = alignment
      self.shrinks = shrinks || breaks || isDrawn
      self.isDrawn = isDrawn
      self.yields = yields
      self.breaks = breaks
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

  /// The column that names the rows.
  var key: Int? { columns.firstIndex(where: \.shrinks) }

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
    let limit = output.width.map { $0 - indent }
    // Rows are produced twice, to be measured and to be printed: this is cheaper than keeping the text of many rows.
    let measured = Pieces.map(rowCount) { range in
      var cells = Cells(measuring: self, widths: titles, comparesTexts: limit != nil)
      fill(range, &cells)
      return cells.measure
    }
    var measure = Measure(widths: titles)
    for piece in measured { measure.add(piece) }
    var layout = Layout(widths: measure.widths, indent: indent)
    if let limit { fit(&layout, measure, rowCount, to: limit) }
    shorten(&layout, measure.widths, rowCount, fill)
    if !layout.lifted.isEmpty {
      let parts = layout.lifted.map { column, text in
        columns[column].title.isEmpty ? text : "\(columns[column].title) \(text)"
      }
      output.aside("the same in all lines: " + parts.joined(separator: ", "), indent: indent)
    }
    if hasHeadings {
      var cells = Cells(setting: self, layout, after: [])
      cells.row(nil) { for column in columns { $0.add(column.title) } }
      if !cells.lines.dropLast().isEmpty {
        output.line(output.style.dim(String(decoding: cells.lines.dropLast(), as: UTF8.self)))
      }
    }
    Pieces.write(rowCount, to: output) { [layout] range, lines in
      var cells = Cells(setting: self, layout, after: exchange(&lines, with: []))
      fill(range, &cells)
      lines = cells.lines
    }
    let narrow = layout.left.subtracting(layout.lifted.map(\.column)).subtracting(layout.empty)
    if !narrow.isEmpty, hasHeadings {
      let titles = narrow.sorted().map { columns[$0].title }.joined(separator: ", ")
      output.aside("the terminal is too narrow for \(titles)", indent: indent)
    }
  }

  /// Narrows columns until lines fit `limit` columns of a terminal. Columns at the right are narrowed first, because the
  /// first column names the row.
  private func fit(_ layout: inout Layout, _ measure: Measure, _ rowCount: Int, to limit: Int) {
    func used(_ widths: [Int]) -> Int {
      let present = widths.indices.filter { !layout.left.contains($0) }
      return present.reduce(0) { $0 + widths[$1] } + 2 * (present.count - 1)
    }
    guard used(layout.widths) > limit else { return }
    // What is the same in all rows goes first. A sign before the key belongs to it.
    for column in columns.indices where column > key ?? -1 && rowCount > 1 {
      guard let text = measure.constants[column] else { continue }
      layout.left.insert(column)
      if text.isEmpty { layout.empty.insert(column) } else { layout.lifted.append((column, text)) }
    }
    /// The smallest width of a column.
    func least(_ column: Int) -> Int {
      guard columns[column].shrinks else { return layout.widths[column] }
      return min(layout.widths[column], columns[column].breaks ? 4 : columns[column].leastWidth)
    }
    // Columns that may be left out go before the first column becomes too short to read.
    var wanted = columns.indices.map(least)
    if let key, !columns[key].breaks {
      // The names of a tree are worth more than figures.
      wanted[key] = min(layout.widths[key], columns[key].isDrawn ? max(28, limit / 5 * 3) : 28)
    }
    for column in columns.indices.reversed()
    where columns[column].yields && !layout.left.contains(column) && used(wanted) > limit {
      layout.left.insert(column)
    }
    for column in columns.indices.reversed()
    where columns[column].shrinks && !layout.left.contains(column) {
      layout.widths[column] -= min(
        max(used(layout.widths) - limit, 0), layout.widths[column] - least(column))
    }
  }

  /// Shortens the texts of columns that became narrower, so that different texts stay different.
  private func shorten(
    _ layout: inout Layout, _ widths: [Int], _ rowCount: Int,
    _ fill: @Sendable (Range<Int>, inout Cells) -> Void
  ) {
    for column in columns.indices
    where layout.widths[column] < widths[column] && columns[column].shrinks
      && !columns[column].breaks && !columns[column].isDrawn && !layout.left.contains(column)
    {
      let texts = Pieces.map(rowCount) { [layout] range in
        var cells = Cells(collecting: self, column, wider: layout.widths[column])
        fill(range, &cells)
        return cells.texts
      }
      layout.shortened[column] = distinctlyShortened(
        texts.flatMap(\.self), to: layout.widths[column])
    }
  }

  /// What is known of the cells of each column before they are printed.
  struct Measure: Sendable {
    /// The largest width.
    var widths: [Int]
    /// The text that all rows have; `nil` when there are several.
    fileprivate(set) var constants: [String?]
    fileprivate var hasRows = false

    init(widths: [Int]) {
      self.widths = widths
      constants = widths.map { _ in nil }
    }

    /// Keeps the text of a cell of the first row, and later whether all are the same.
    mutating func compare(_ text: String, _ column: Int, isFirst: Bool) {
      if isFirst {
        constants[column] = text
        hasRows = true
      } else if let constant = constants[column], !constant.isSame(as: text) {
        constants[column] = nil
      }
    }

    fileprivate mutating func add(_ other: Measure) {
      widths = zip(widths, other.widths).map(max)
      guard other.hasRows else { return }
      constants =
        hasRows
        ? zip(constants, other.constants).map { a, b in
          if let a, let b, a.isSame(as: b) { a } else { nil }
        } : other.constants
      hasRows = true
    }
  }

  /// How the cells of each column are printed.
  struct Layout: Sendable {
    /// The width of each column.
    var widths: [Int]
    /// Spaces before each line.
    let indent: Int
    /// The columns that are left out.
    var left: Set<Int> = []
    /// Of those, the ones with the same text in all rows, which is printed above.
    fileprivate(set) var lifted: [(column: Int, text: String)] = []
    /// Of those, the ones without any text.
    fileprivate(set) var empty: Set<Int> = []
    /// What is printed of the texts of a column that are too wide; one that is missing gets a line of its own.
    fileprivate(set) var shortened: [Int: [Key: String]] = [:]

    init(widths: [Int], indent: Int) {
      self.widths = widths
      self.indent = indent
    }
  }
}
