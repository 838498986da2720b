import CheckpointFiles

/// A table of a page: a caption, headings of columns, and rows of which the first cell is the heading.
struct HTMLTable {
  /// A column.
  struct Column: ExpressibleByStringLiteral {
    let title: HTML
    /// Whether its cells are words; numbers are aligned at the right.
    let isText: Bool

    init(stringLiteral title: String) { self.init("\(title)") }

    init(_ title: HTML, isText: Bool = false) { (self.title, self.isText) = (title, isText) }

    /// A column of words.
    static func words(_ title: HTML) -> Column { Column(title, isText: true) }
  }

  private let caption: String
  private let columns: [Column]
  private let kind: HTML
  private var body: HTML = ""
  /// The number of rows.
  private(set) var count = 0

  /// - Parameters:
  ///   - caption: what the table shows, in one sentence.
  ///   - kind: classes of the style sheet.
  init(_ caption: String, _ columns: [Column], kind: HTML = "") {
    (self.caption, self.columns, self.kind) = (caption, columns, kind)
  }

  /// Adds a row: its heading, and a cell for each further column.
  ///
  /// - Parameters:
  ///   - style: classes of the heading; `name` for keys and labels.
  ///   - attributes: attributes of the row, with a blank before each.
  mutating func append(
    _ heading: HTML, _ cells: [HTML], style: HTML = "name", attributes: HTML = ""
  ) {
    count += 1
    body += "<tr\(attributes)><th scope=\"row\"\(HTMLTable.classes(style))>\(heading)</th>"
    for (cell, column) in zip(cells, columns.dropFirst()) {
      body += column.isText ? "<td class=\"t\">\(cell)</td>" : "<td>\(cell)</td>"
    }
    body += "</tr>\n"
  }

  /// Adds a row that is markup already, with its cells.
  mutating func append(row: HTML) {
    count += 1
    body += row + "\n"
  }

  /// The table in a region that scrolls by itself when it is too wide, with the keyboard too.
  var html: HTML {
    let head = columns.enumerated().map { place, column -> HTML in
      let style: HTML = column.isText || place == 0 ? " class=\"t\"" : ""
      return "<th scope=\"col\"\(style)>\(column.title)</th>"
    }.joined()
    return """
      <p class="caption" aria-hidden="true">\(caption)</p>
      <div class="scroll" role="region" tabindex="0" aria-label="\(caption)">
      <table\(HTMLTable.classes(kind))><caption>\(caption)</caption>
      <thead><tr>\(head)</tr></thead>
      <tbody>\(body)</tbody></table></div>

      """
  }

  /// The table with the number of rows that are left out, folded when there are more than `limit` of `total`.
  func html(of total: Int, _ noun: String, foldedAbove limit: Int) -> HTML {
    guard total > limit else { return html }
    let more: HTML =
      total > count ? "<p class=\"note\">… and \(grouped(total - count)) more.</p>" : ""
    return "<details><summary>\(grouped(total)) \(noun)</summary>\(html)\(more)</details>"
  }

  private static func classes(_ names: HTML) -> HTML {
    names.text.isEmpty ? "" : " class=\"\(names)\""
  }

  /// A bar of a share of something, which the number beside it says as well.
  static func bar(_ value: Double, of most: Double) -> HTML {
    guard value > 0, most > 0, value.isFinite, most.isFinite else { return "" }
    let width = AxisTicks.short(max(0.5, min(100, 100 * value / most)))
    return """
      <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">\
      <rect width="\(width)" height="8"/></svg>
      """
  }
}
