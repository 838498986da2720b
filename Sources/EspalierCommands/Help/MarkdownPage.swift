/// Markdown as a terminal shows it: prose is wrapped, tables become columns or paragraphs, code stays as it is.
struct MarkdownPage {
  private let sections: [(heading: String, level: Int, text: String)]

  /// - Parameters:
  ///   - width: the columns of the page.
  ///   - link: the address of a document in the same folder.
  init(_ markdown: String, width: Int, link: @escaping (String) -> String) {
    var reader = Reader(width: width, link: link)
    for line in markdown.split(separator: "\n", omittingEmptySubsequences: false) {
      reader.read(String(line))
    }
    sections = reader.finish()
  }

  /// The whole document.
  var text: String { sections.map(\.text).joined(separator: "\n\n") }

  /// The headings below the title.
  var headings: [String] { sections.filter { $0.level > 1 }.map(\.heading) }

  /// The section whose heading begins with `name`, in any case, with those below it.
  func section(_ name: String) -> String? {
    guard
      let start = sections.firstIndex(where: {
        $0.level > 1 && $0.heading.lowercased() == name.lowercased()
      })
        ?? sections.firstIndex(where: {
          $0.level > 1 && $0.heading.lowercased().hasPrefix(name.lowercased())
        })
    else { return nil }
    let rest = sections[(start + 1)...].prefix { $0.level > sections[start].level }
    return ([sections[start]] + rest).map(\.text).joined(separator: "\n\n")
  }
}

extension MarkdownPage {
  /// Reads line by line and renders each block when it ends.
  private struct Reader {
    let width: Int
    let link: (String) -> String
    private var sections: [(heading: String, level: Int, blocks: [String])] = [("", 0, [])]
    private var prose: [String] = []
    private var table: [[String]] = []
    private var code: [String]?

    init(width: Int, link: @escaping (String) -> String) {
      self.width = width
      self.link = link
    }

    mutating func read(_ line: String) {
      if line.hasPrefix("```") {
        if let lines = code {
          add(lines.map { $0.isEmpty ? "" : "    " + $0 }.joined(separator: "\n"))
          code = nil
        } else {
          endBlock()
          code = []
        }
      } else if code != nil {
        code?.append(line)
      } else if line.hasPrefix("#") {
        endBlock()
        let level = line.prefix { $0 == "#" }.count
        let heading = MarkdownPage.plain(String(line.dropFirst(level + 1)), link: link)
        sections.append((heading, level, [level < 3 ? heading.uppercased() : heading]))
      } else if line.hasPrefix("    ") && prose.isEmpty && table.isEmpty {
        add(line)
      } else if line.hasPrefix("|") {
        endProse()
        table.append(MarkdownPage.cells(line))
      } else if line.isEmpty {
        endBlock()
      } else {
        endTable()
        let isItem =
          line.hasPrefix("* ") || line.hasPrefix("- ")
          || line.first?.isNumber == true && line.contains(". ")
        if isItem { endProse() }
        prose.append(line.trimmingPrefix(while: { $0 == " " }).description)
      }
    }

    mutating func finish() -> [(heading: String, level: Int, text: String)] {
      endBlock()
      return sections.filter { !$0.blocks.isEmpty }.map {
        ($0.heading, $0.level, $0.blocks.joined(separator: "\n\n"))
      }
    }

    private mutating func add(_ block: String) {
      sections[sections.count - 1].blocks.append(block)
    }

    private mutating func endBlock() {
      endProse()
      endTable()
    }

    private mutating func endProse() {
      guard let first = prose.first else { return }
      let text = MarkdownPage.plain(prose.joined(separator: " "), link: link)
      let isItem = first.hasPrefix("* ") || first.hasPrefix("- ")
      let lines = wrapped(text, to: width - (isItem ? 2 : 0))
      add(lines.enumerated().map { $0 > 0 && isItem ? "  \($1)" : $1 }.joined(separator: "\n"))
      prose = []
    }

    private mutating func endTable() {
      guard !table.isEmpty else { return }
      // The second row of a table is its rule.
      let rows = ([table[0]] + table.dropFirst(2)).map { row in
        row.map { MarkdownPage.plain($0, link: link) }
      }
      add(MarkdownPage.table(rows, width: width))
      table = []
    }
  }

  /// The cells of a row; `\|` is a character of a cell.
  private static func cells(_ line: String) -> [String] {
    var cells = [""]
    var isEscaped = false
    for character in line.dropFirst() {
      if character == "|", !isEscaped {
        cells.append("")
      } else {
        if character == "|" { cells[cells.count - 1].removeLast() }
        cells[cells.count - 1].append(character)
      }
      isEscaped = character == "\\"
    }
    cells.removeLast()
    return cells.map { cell in
      String(cell.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
  }

  /// A table in columns; the last one is wrapped. When the others leave too little room, each row is a paragraph.
  private static func table(_ rows: [[String]], width: Int) -> String {
    let count = rows.map(\.count).max() ?? 0
    let widths = (0..<count).map { column in
      rows.map { column < $0.count ? displayWidth($0[column]) : 0 }.max() ?? 0
    }
    let left = widths.dropLast().reduce(0) { $0 + $1 + 2 }
    guard left + min(24, widths.last ?? 0) <= width, left <= width * 2 / 3 else {
      return rows.dropFirst().map { row in
        (wrapped(row.first ?? "", to: width)
          + row.dropFirst().filter { !$0.isEmpty }.flatMap { wrapped($0, to: width - 4) }
          .map { "    " + $0 }).joined(separator: "\n")
      }.joined(separator: "\n")
    }
    return rows.flatMap { row in
      let parts = wrapped(row.last ?? "", to: max(16, width - left))
      let start = row.dropLast().enumerated().map { column, cell in
        cell + String(repeating: " ", count: widths[column] - displayWidth(cell) + 2)
      }.joined()
      return parts.enumerated().map { index, part in
        var line = (index == 0 ? start : String(repeating: " ", count: left)) + part
        while line.last == " " { line.removeLast() }
        return line
      }
    }.joined(separator: "\n")
  }

  /// A line without marks: code and emphasis lose them, links are written out.
  static func plain(_ text: String, link: (String) -> String) -> String {
    var result = ""
    var rest = text[...]
    while let character = rest.first {
      if character == "`", let end = rest.dropFirst().firstIndex(of: "`") {
        result += rest[rest.index(after: rest.startIndex)..<end]
        rest = rest[rest.index(after: end)...]
      } else if rest.hasPrefix("**") {
        rest = rest.dropFirst(2)
      } else if character == "[", let middle = rest.firstRange(of: "]("),
        !rest[..<middle.lowerBound].dropFirst().contains("["),
        let end = rest[middle.upperBound...].firstIndex(of: ")")
      {
        let name = plain(
          String(rest[rest.index(after: rest.startIndex)..<middle.lowerBound]), link: link)
        let target = String(rest[middle.upperBound..<end])
        result += "\(name) (\(target.contains("://") ? target : link(target)))"
        rest = rest[rest.index(after: end)...]
      } else {
        result.append(rest.removeFirst())
      }
    }
    return result
  }
}
