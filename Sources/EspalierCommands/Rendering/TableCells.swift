import CheckpointFiles

extension Table {
  /// Takes the cells of one row after the other, from left to right, and either measures them or writes them as
  /// lines of UTF-8.
  struct Cells {
    /// The widths of the columns and the texts that are the same in all rows, when cells are measured.
    private(set) var measure: Measure
    /// The lines written so far.
    private(set) var lines: [UInt8]
    /// The collected texts.
    private(set) var texts: [String] = []
    private let table: Table
    private let layout: Layout
    private let purpose: Purpose
    private let isMeasuring: Bool
    private var column = 0
    private var isFirstRow = true
    /// Spaces before the next text of the line.
    private var gap = 0
    /// Whether the next text begins a new line.
    private var isBroken = false
    /// What the last call of ``tail(isRepeated:_:)`` has set.
    private var tail: (bytes: [UInt8], gap: Int)?

    /// What is done with the cells.
    private enum Purpose: Equatable {
      case measuring(comparesTexts: Bool)
      /// Texts of a column that are wider are kept.
      case collecting(Int, wider: Int)
      case setting
    }

    /// Cells that are measured.
    ///
    /// - Parameter comparesTexts: whether columns with the same text in all rows are found.
    init(measuring table: Table, widths: [Int], comparesTexts: Bool = false) {
      self.init(
        table, Layout(widths: widths, indent: 0), [], .measuring(comparesTexts: comparesTexts))
    }

    /// Cells of which the texts of one column are collected that are wider than it is.
    init(collecting table: Table, _ column: Int, wider width: Int) {
      self.init(
        table, Layout(widths: table.columns.map { _ in 0 }, indent: 0), [],
        .collecting(column, wider: width))
    }

    /// Cells that are appended to `lines`.
    init(setting table: Table, _ layout: Layout, after lines: [UInt8]) {
      self.init(table, layout, lines, .setting)
    }

    private init(_ table: Table, _ layout: Layout, _ lines: [UInt8], _ purpose: Purpose) {
      self.table = table
      self.layout = layout
      self.lines = lines
      self.purpose = purpose
      isMeasuring = purpose != .setting
      measure = Measure(widths: layout.widths)
    }

    /// Adds a cell, which holds no control characters.
    mutating func add(_ text: String) { add(text, width: displayWidth(text)) }

    /// Adds a cell of untrusted text, which is escaped, and a suffix.
    mutating func add(shown text: String, _ suffix: String = "") {
      if suffix.isEmpty, text.utf8.span.isPlain {
        add(text, width: text.utf8.count)
      } else {
        add(EspalierCommands.shown(text) + suffix)
      }
    }

    /// Adds a cell that is known to take `width` columns.
    mutating func add(_ text: String, width: Int) {
      switch purpose {
      case .measuring(let comparesTexts):
        if width > measure.widths[column] { measure.widths[column] = width }
        if comparesTexts { measure.compare(text, column, isFirst: isFirstRow) }
      case .collecting(column, let limit): if width > limit { texts.append(text) }
      case .collecting: break
      case .setting:
        if !layout.left.isEmpty, layout.left.contains(column) { break }
        let limit = layout.widths[column]
        if width > limit, table.columns[column].shrinks {
          setWide(text, limit)
        } else {
          set(text, limit - width)
        }
      }
      column += 1
    }

    /// Sets a text that is wider than its column: shortened, or on a line of its own.
    private mutating func setWide(_ text: String, _ limit: Int) {
      if let short = layout.shortened[column]?[Key(text)] {
        // A character of two columns may not have fitted.
        set(short, limit - displayWidth(short))
        return
      }
      if column != table.key || table.columns[column].isDrawn {
        let short = middleTruncated(text, to: limit)
        set(short, limit - displayWidth(short))
        return
      }
      let before = (0..<column).reduce(0) { sum, other in
        layout.left.contains(other) ? sum : sum + layout.widths[other] + 2
      }
      set(text, 0)
      isBroken = true
      gap = layout.indent + before + limit + 2
    }

    /// Adds the remaining cells of a row.
    ///
    /// - Parameter isRepeated: whether they are the cells of the row before: they are then copied.
    @inline(__always)
    mutating func tail(isRepeated: Bool, _ fill: (inout Cells) -> Void) {
      if isRepeated {
        if isMeasuring { return }
        if let tail, !isBroken {
          append(spaces: gap)
          // A copy of their own: a slice of the lines would make these be copied as a whole.
          lines.append(contentsOf: tail.bytes)
          gap = tail.gap
          return
        }
      }
      let start = lines.count + gap
      let wasBroken = isBroken
      fill(&self)
      // A painted line is no longer the text of its cells.
      tail =
        lines.count > start && table.paint == nil && !wasBroken
        ? (Array(lines[start...]), gap) : nil
    }

    private mutating func set(_ text: String, _ padding: Int) {
      let padding = max(0, padding)
      let isLeft = table.columns[column].alignment == .left
      if !isLeft { gap += padding }
      // Padding and empty cells at the end of a line write nothing.
      if !text.isEmpty {
        endBrokenLine()
        append(spaces: gap)
        lines.append(contentsOf: text.utf8)
        gap = 0
      }
      gap += isLeft ? padding + 2 : 2
    }

    /// Ends the line of a text that did not fit its column.
    private mutating func endBrokenLine() {
      guard isBroken else { return }
      lines.append(UInt8(ascii: "\n"))
      isBroken = false
    }

    private mutating func append(spaces count: Int) {
      for _ in 0..<max(count, 0) { lines.append(UInt8(ascii: " ")) }
    }

    /// Takes the row whose cells `fill` adds, and ends its line.
    ///
    /// - Parameter index: the row's index for ``Table/paint``; `nil` for headings.
    @inline(__always)
    mutating func row(_ index: Int?, _ fill: (inout Cells) -> Void) {
      column = 0
      if isMeasuring {
        fill(&self)
        isFirstRow = false
        return
      }
      let start = lines.count
      append(spaces: layout.indent)
      gap = 0
      isBroken = false
      fill(&self)
      // The text of the last cell may end in spaces.
      while lines.count > start + layout.indent, lines.last == UInt8(ascii: " ") {
        lines.removeLast()
        tail = nil
      }
      if let index, let paint = table.paint {
        let line = String(decoding: lines[start...], as: UTF8.self)
        lines.removeSubrange(start...)
        lines.append(contentsOf: paint(line, index).utf8)
      }
      lines.append(UInt8(ascii: "\n"))
    }
  }

  /// A column whose neighbouring cells are often equal: equal values are formatted once.
  struct RepeatingCell<Value: Equatable> {
    private var value: Value?
    private var text = ""
    private var width = 0

    /// Adds the cell that `words` makes of a value.
    mutating func add(_ value: Value, to cells: inout Cells, _ words: (Value) -> String) {
      if self.value != value {
        self.value = value
        text = words(value)
        width = displayWidth(text)
      }
      cells.add(text, width: width)
    }
  }
}
