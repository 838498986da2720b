import CheckpointFiles

extension Table {
  /// Takes the cells of one row after the other, from left to right, and either measures them or writes them as
  /// lines of UTF-8.
  struct Cells {
    /// The width of each column on a terminal: the largest of all rows, when they are measured.
    var widths: [Int]
    /// The lines written so far.
    private(set) var lines: [UInt8]
    private let table: Table
    private let indent: Int
    private let isMeasuring: Bool
    /// The columns that are left out.
    private let left: Set<Int>
    private var column = 0
    /// Spaces before the next text of the line.
    private var gap = 0
    /// What the last call of ``tail(isRepeated:_:)`` has set.
    private var tail: (bytes: [UInt8], gap: Int)?

    /// Cells that are measured.
    init(measuring table: Table, widths: [Int]) {
      self.init(table, widths, indent: 0, left: [], lines: [], isMeasuring: true)
    }

    /// Cells that are appended to `lines`, in all columns except those `left` out.
    init(setting table: Table, widths: [Int], indent: Int, left: Set<Int>, after lines: [UInt8]) {
      self.init(table, widths, indent: indent, left: left, lines: lines, isMeasuring: false)
    }

    private init(
      _ table: Table, _ widths: [Int], indent: Int, left: Set<Int>, lines: [UInt8],
      isMeasuring: Bool
    ) {
      self.table = table
      self.widths = widths
      self.indent = indent
      self.left = left
      self.lines = lines
      self.isMeasuring = isMeasuring
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
      if isMeasuring {
        if width > widths[column] { widths[column] = width }
      } else if left.isEmpty || !left.contains(column) {
        if width > widths[column], table.columns[column].shrinks {
          let text = middleTruncated(text, to: widths[column])
          // A character of two columns may not have fitted.
          set(text, widths[column] - displayWidth(text))
        } else {
          set(text, widths[column] - width)
        }
      }
      column += 1
    }

    /// Adds the remaining cells of a row.
    ///
    /// - Parameter isRepeated: whether they are the cells of the row before: they are then copied.
    @inline(__always)
    mutating func tail(isRepeated: Bool, _ fill: (inout Cells) -> Void) {
      if isRepeated {
        if isMeasuring { return }
        if let tail {
          append(spaces: gap)
          // A copy of their own: a slice of the lines would make these be copied as a whole.
          lines.append(contentsOf: tail.bytes)
          gap = tail.gap
          return
        }
      }
      let start = lines.count + gap
      fill(&self)
      // A painted line is no longer the text of its cells.
      tail = lines.count > start && table.paint == nil ? (Array(lines[start...]), gap) : nil
    }

    private mutating func set(_ text: String, _ padding: Int) {
      let padding = max(0, padding)
      let isLeft = table.columns[column].alignment == .left
      if !isLeft { gap += padding }
      // Padding and empty cells at the end of a line write nothing.
      if !text.isEmpty {
        append(spaces: gap)
        lines.append(contentsOf: text.utf8)
        gap = 0
      }
      gap += isLeft ? padding + 2 : 2
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
      if isMeasuring { return fill(&self) }
      let start = lines.count
      append(spaces: indent)
      gap = 0
      fill(&self)
      // The text of the last cell may end in spaces.
      while lines.count > start + indent, lines.last == UInt8(ascii: " ") {
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
