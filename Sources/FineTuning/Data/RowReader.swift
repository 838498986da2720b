internal import CheckpointFiles
internal import OrderedCollections

/// One row of a data file.
struct Row {
  enum Content {
    case cells([String])
    case object(OrderedDictionary<Key, JSONValue>)
  }

  /// Where it starts, from 1.
  var line: Int
  var content: Content
}

/// Reads a data file row by row, a piece of the file at a time.
struct RowReader: ~Copyable {
  private let file: FileReader
  private let path: String
  private let format: DataOptions.Format
  private let separator: UInt8
  private let quotes: DataOptions.Quotes
  private var buffer: [UInt8] = []
  private var position = 0
  /// Where the buffer starts in the file.
  private var offset = 0
  private var line = 1
  private var isAtEnd = false
  private var isStarted = false
  /// The number of cells of the first row.
  private var width: Int?
  /// Rows of several lines, each of which is a row by itself when quotes are text, and the line of the first.
  private var doubtfulRows: (count: Int, line: Int)?

  /// A row that is longer belongs to a file of another kind: the longest novels have 5 MB.
  private static let maximumRow = 16 << 20
  /// As many columns as a sheet of Excel has.
  static let maximumColumns = 16_384
  /// A quoted cell between tabs that is longer is taken for an unquoted one.
  private static let maximumQuoted = 8 << 20
  private static let piece = 1 << 18

  init(_ file: consuming FileReader, path: String, options: DataOptions) {
    self.file = file
    self.path = path
    format = options.format ?? .init(path)
    separator = (options.separator ?? DataOptions.Separator(of: format)).byte
    quotes =
      options.quotes == .auto && separator != UInt8(ascii: "\t") ? .yes : options.quotes
  }

  /// The next row that is not an empty line; `nil` at the end.
  mutating func next() throws(FineTuningError) -> Row? {
    if !isStarted { try start() }
    while try byte(0) != nil {
      let start = line
      let scan = format == .jsonl ? try lineOfJSON() : try cells()
      let range = position..<position + scan.length
      if let bad = firstInvalidUTF8(in: buffer, range) {
        let inner = lineEnds(in: position..<bad)
        throw .rowIsNotUTF8(atByte: offset + bad, path: path, line: line + inner)
      }
      let content: Row.Content?
      if format == .jsonl {
        content = try json(range, line)
      } else {
        content =
          scan.isBlank ? nil : .cells(scan.fields.map { String(decoding: $0, as: UTF8.self) })
      }
      line += lineEnds(in: position..<position + scan.next)
      position += scan.next
      if let content {
        if width == nil { width = scan.fields.count }
        return Row(line: start, content: content)
      }
    }
    return nil
  }

  /// What the user should know of the rows that were read.
  var notes: [String] {
    guard let (count, first) = doubtfulRows, let width else { return [] }
    return [
      "\(Text.counted(count, "quoted cell")) over several lines, each of which is a row of \(width) cells without the "
        + "quotes, the first in line \(first); is a quote not closed?"
    ]
  }

  private mutating func start() throws(FineTuningError) {
    isStarted = true
    while buffer.count < 4096, try fill() {}
    if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    if let kind = DataFileKind(Array(buffer[position...].prefix(4096)), readAs: format) {
      throw .otherFile(kind, path: path)
    }
  }

  /// Reads more; returns `false` at the end of the file.
  private mutating func fill() throws(FineTuningError) -> Bool {
    if isAtEnd { return false }
    if position > 0 {
      offset += position
      buffer.removeFirst(position)
      position = 0
    }
    guard buffer.count <= RowReader.maximumRow else {
      throw .longRow(
        limit: RowReader.maximumRow, mayBeQuoted: quotes == .yes, path: path, line: line)
    }
    isAtEnd = try file.read(RowReader.piece, onto: &buffer) == 0
    return !isAtEnd
  }

  /// The byte at a distance from ``position``; `nil` at the end of the file.
  @inline(__always)
  private mutating func byte(_ distance: Int) throws(FineTuningError) -> UInt8? {
    while position + distance >= buffer.count {
      guard try fill() else { return nil }
    }
    return buffer[position + distance]
  }

  /// The line ends within a range: a line feed, a carriage return, or both together. A line of JSON ends
  /// with a line feed alone.
  private func lineEnds(in range: Range<Int>) -> Int {
    var count = 0
    for index in range {
      switch buffer[index] {
      case 0x0A: count += 1
      case 0x0D where format != .jsonl:
        if index + 1 == buffer.count || buffer[index + 1] != 0x0A { count += 1 }
      default: break
      }
    }
    return count
  }

  // MARK: - Cells

  /// What one row takes in the file.
  private struct Scan {
    var fields: [[UInt8]] = []
    /// Bytes of the row without its line end, and with it.
    var length = 0
    var next = 0
    /// Whether there is nothing but blanks; such a line is not a row.
    var isBlank = false
    /// Whether a quoted cell holds the end of a line.
    var spansLines = false
  }

  private mutating func cells() throws(FineTuningError) -> Scan {
    switch quotes {
    case .yes:
      let scan = try quotedCells(isStrict: false) ?? Scan()
      if scan.spansLines, let width, width > 1, scan.fields.count == width,
        try plainRows(scan.length, have: width)
      {
        doubtfulRows = ((doubtfulRows?.count ?? 0) + 1, doubtfulRows?.line ?? line)
      }
      return scan
    case .no: return try plainCells(from: 0)
    case .auto: break
    }
    let plain = try plainCells(from: 0)
    guard plain.fields.contains(where: { $0.first == UInt8(ascii: "\"") }),
      let quoted = try quotedCells(isStrict: true)
    else { return plain }
    // Both readings are possible: that one is right which has as many cells as the first row.
    let expected = width ?? quoted.fields.count
    guard quoted.fields.count == expected else {
      return plain.fields.count == expected ? plain : quoted
    }
    if quoted.spansLines, expected > 1, try plainRows(quoted.length, have: expected) {
      throw .doubtfulQuotes(cells: expected, path: path, line: line)
    }
    return quoted
  }

  /// Whether every line of the next `length` bytes, read without quotes, has `count` cells.
  private mutating func plainRows(
    _ length: Int, have count: Int
  ) throws(FineTuningError) -> Bool {
    var distance = 0
    while distance < length {
      let row = try plainCells(from: distance)
      guard row.fields.count == count else { return false }
      distance = row.next
    }
    return true
  }

  /// Adds the end of a row whose content ends at `distance`.
  private mutating func end(_ scan: inout Scan, at distance: Int) throws(FineTuningError) {
    scan.length = distance
    scan.next = distance
    guard let byte = try byte(distance) else { return }
    scan.next += 1
    if byte == 0x0D, try self.byte(distance + 1) == 0x0A { scan.next += 1 }
  }

  /// Adds a cell to a row.
  private func append(_ field: [UInt8], to scan: inout Scan) throws(FineTuningError) {
    guard scan.fields.count < RowReader.maximumColumns - 1 else {
      throw .tooManyColumns(RowReader.maximumColumns, path: path, line: line)
    }
    scan.fields.append(field)
  }

  /// The next line, cut at separators; quotes are text.
  private mutating func plainCells(from start: Int) throws(FineTuningError) -> Scan {
    var scan = Scan()
    var field: [UInt8] = []
    var distance = start
    while let byte = try byte(distance), byte != 0x0A, byte != 0x0D {
      if byte == separator {
        try append(field, to: &scan)
        field.removeAll(keepingCapacity: true)
      } else {
        field.append(byte)
      }
      distance += 1
    }
    scan.isBlank = scan.fields.isEmpty && field.allSatisfy { $0 == 0x20 || $0 == 0x09 }
    scan.fields.append(field)
    try end(&scan, at: distance)
    return scan
  }

  private enum State {
    case start, plain, quoted, afterQuote
  }

  /// The next row, with quoted cells, as pandas and Python's csv read it: only a quote at the start of a cell
  /// opens it, and what follows its closing quote belongs to the cell.
  ///
  /// - Parameter isStrict: whether `nil` is returned when a cell that starts with a quote is not a quoted one
  ///   to its end. Otherwise an open quote at the end of the file is an error, and so is text after a closing
  ///   quote in another line: a quote is missing there.
  private mutating func quotedCells(isStrict: Bool) throws(FineTuningError) -> Scan? {
    let quote = UInt8(ascii: "\"")
    var scan = Scan()
    var field: [UInt8] = []
    var state = State.start
    var distance = 0
    var cellStart = 0
    var cellSpansLines = false
    var isQuoted = false
    func place(_ reader: borrowing RowReader) -> Int {
      reader.line + reader.lineEnds(in: reader.position..<reader.position + cellStart)
    }
    while let byte = try byte(distance) {
      if isStrict, distance > RowReader.maximumQuoted { return nil }
      let isLineEnd = byte == 0x0A || byte == 0x0D
      switch state {
      case .quoted:
        if byte == quote {
          state = .afterQuote
        } else {
          if isLineEnd { cellSpansLines = true }
          field.append(byte)
        }
        distance += 1
        continue
      case .start where byte == quote:
        (state, isQuoted, cellStart) = (.quoted, true, distance)
        distance += 1
        continue
      case .afterQuote where byte == quote:
        field.append(byte)
        state = .quoted
        distance += 1
        continue
      default: break
      }
      if isLineEnd { break }
      if byte == separator {
        try append(field, to: &scan)
        scan.spansLines = scan.spansLines || cellSpansLines
        field.removeAll(keepingCapacity: true)
        (state, cellSpansLines) = (.start, false)
      } else {
        if state == .afterQuote {
          if isStrict { return nil }
          guard !cellSpansLines else {
            throw .textAfterQuote(path: path, line: place(self))
          }
        }
        state = .plain
        field.append(byte)
      }
      distance += 1
    }
    if state == .quoted {
      if isStrict { return nil }
      throw .openQuote(path: path, line: place(self))
    }
    scan.isBlank =
      scan.fields.isEmpty && !isQuoted && field.allSatisfy { $0 == 0x20 || $0 == 0x09 }
    scan.fields.append(field)
    scan.spansLines = scan.spansLines || cellSpansLines
    try end(&scan, at: distance)
    return scan
  }

  // MARK: - JSON lines

  private mutating func lineOfJSON() throws(FineTuningError) -> Scan {
    var scan = Scan()
    var distance = 0
    while let byte = try byte(distance), byte != 0x0A { distance += 1 }
    (scan.length, scan.next) = (distance, distance)
    if try byte(distance) != nil { scan.next += 1 }
    return scan
  }

  private func json(_ range: Range<Int>, _ line: Int) throws(FineTuningError) -> Row.Content? {
    if buffer[range].allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { return nil }
    let value: JSONValue
    do {
      value = try JSONParser.parse(Array(buffer[range]))
    } catch {
      throw .rowIsNotJSON(error, path: path, line: line)
    }
    guard let members = value.object else {
      throw .rowIsNotObject(path: path, line: line)
    }
    guard members.count <= RowReader.maximumColumns else {
      throw .tooManyColumns(RowReader.maximumColumns, path: path, line: line)
    }
    return .object(members)
  }
}
