internal import CheckpointFiles
internal import OrderedCollections

/// One row of a data file.
struct Row {
  /// A member of a JSON object; `text` is `nil` for what is neither string, number nor truth value.
  struct Member {
    var name: String
    var text: String?
    /// The elements of an array of names.
    var list: [String]?
  }

  enum Content {
    case fields([String])
    case object([Member])
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
  private var buffer: [UInt8] = []
  private var position = 0
  /// Where the buffer starts in the file.
  private var offset = 0
  private var line = 1
  private var isAtEnd = false
  private var isStarted = false

  /// A row longer than this is a file of another kind.
  private static let maximumRow = 64 << 20
  private static let piece = 1 << 18

  init(_ file: consuming FileReader, path: String, format: DataOptions.Format) {
    self.file = file
    self.path = path
    self.format = format
  }

  /// The next row that is not an empty line; `nil` at the end.
  mutating func next() throws(FineTuningError) -> Row? {
    if !isStarted {
      isStarted = true
      while buffer.count < 3, try fill() {}
      if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }
    while let end = try findEnd() {
      let start = line
      let range = position..<end
      let row = try parse(range, start)
      for byte in buffer[range] where byte == 0x0A { line += 1 }
      line += 1
      position = min(end + 1, buffer.count)
      if let row { return Row(line: start, content: row) }
    }
    return nil
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
      throw FineTuningError(
        "\(path): line \(line): a row of more than 64 MB\(format == .csv ? "; is a quote not closed?" : "")"
      )
    }
    isAtEnd = try file.read(RowReader.piece, onto: &buffer) == 0
    return !isAtEnd
  }

  /// Where the row that starts at ``position`` ends; `nil` when there is none.
  private mutating func findEnd() throws(FineTuningError) -> Int? {
    var index = position
    var isQuoted = false
    while true {
      while index < buffer.count {
        let byte = buffer[index]
        if byte == 0x0A, !isQuoted { return index }
        if byte == UInt8(ascii: "\""), format == .csv { isQuoted.toggle() }
        index += 1
      }
      let done = index - position
      if try !fill() { break }
      index = position + done
    }
    if isQuoted {
      throw FineTuningError("\(path): line \(line): a quoted field without its closing quote")
    }
    return position < buffer.count ? buffer.count : nil
  }

  private func parse(_ range: Range<Int>, _ line: Int) throws(FineTuningError) -> Row.Content? {
    var range = range
    if !range.isEmpty, buffer[range.upperBound - 1] == 0x0D {
      range = range.lowerBound..<range.upperBound - 1
    }
    if range.isEmpty { return nil }
    if let bad = firstInvalidUTF8(in: buffer, range) {
      let inner = buffer[range.lowerBound..<bad].count { $0 == 0x0A }
      throw FineTuningError(
        "\(path): line \(line + inner): not UTF-8 at byte \(offset + bad); save the file as UTF-8")
    }
    switch format {
    case .tsv:
      return .fields(
        buffer[range].split(separator: 0x09, omittingEmptySubsequences: false).map {
          String(decoding: $0, as: UTF8.self)
        })
    case .csv: return .fields(try csv(range, line))
    case .jsonl: return try json(range, line)
    }
  }

  private func csv(_ range: Range<Int>, _ line: Int) throws(FineTuningError) -> [String] {
    let quote = UInt8(ascii: "\"")
    let comma = UInt8(ascii: ",")
    var fields: [String] = []
    var field: [UInt8] = []
    var index = range.lowerBound
    while true {
      field.removeAll(keepingCapacity: true)
      if index < range.upperBound, buffer[index] == quote {
        index += 1
        while index < range.upperBound {
          if buffer[index] == quote {
            index += 1
            guard index < range.upperBound, buffer[index] == quote else { break }
          }
          field.append(buffer[index])
          index += 1
        }
        guard index == range.upperBound || buffer[index] == comma else {
          let inner = buffer[range.lowerBound..<index].count { $0 == 0x0A }
          throw FineTuningError(
            "\(path): line \(line + inner): text after the closing quote of column \(fields.count + 1)"
          )
        }
      } else {
        while index < range.upperBound, buffer[index] != comma {
          guard buffer[index] != quote else {
            throw FineTuningError(
              "\(path): line \(line): a quote inside column \(fields.count + 1), which does not start with one"
            )
          }
          field.append(buffer[index])
          index += 1
        }
      }
      fields.append(String(decoding: field, as: UTF8.self))
      guard index < range.upperBound else { return fields }
      index += 1
    }
  }

  private func json(_ range: Range<Int>, _ line: Int) throws(FineTuningError) -> Row.Content? {
    if buffer[range].allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return nil }
    let value: JSONValue
    do {
      value = try JSONParser.parse(Array(buffer[range]))
    } catch {
      throw FineTuningError("\(path): line \(line): \(error)")
    }
    guard let members = value.object else {
      throw FineTuningError(
        "\(path): line \(line): not a JSON object; JSONL has one object a line, as {\"text\": \"…\", \"label\": 1}"
      )
    }
    return .object(
      members.map { key, value in
        let text: String? =
          switch value {
          case .string(let text): text
          case .number(let text): text
          case .bool(let value): value ? "true" : "false"
          default: nil
          }
        return Row.Member(
          name: key.string, text: text, list: value.array.flatMap { labelNames($0) })
      })
  }
}
