internal import CheckpointFiles
internal import OrderedCollections

// Steps that change the rows of a vocabulary.
extension SurgeryPlan {
  mutating func resize(_ operation: SurgeryOperation) throws -> Int {
    let (selector, text) = try operation.sides(
      "SELECTOR=ROWS, such as word_embeddings.weight=30530")
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard let first = parts.first, let rows = Int(first), rows > 0,
      parts.count == 1 || parts.dropFirst() == ["mean"] || parts.dropFirst() == ["zeros"]
    else {
      throw SurgeryError.form(
        "\(operation): \(quoted(text)) is not ROWS, ROWS,mean or ROWS,zeros; resize keeps the first rows or adds "
          + "some, prune keeps the rows that a file lists")
    }
    let isMean = parts.last != "zeros"
    let keys = try selectWhole([selector], for: operation.description).filter { key in
      entries[key]?.tensor.shape.dimensions.first != rows
    }
    if keys.isEmpty {
      stepNotes.append("\(operation): everything selected has \(rows) rows already")
    }
    try replaceEach(keys) { key, tensor in
      guard let old = tensor.shape.dimensions.first, old > 0, tensor.dtype.isFloatingPoint,
        tensor.dtype.byteWidth != nil,
        let shape = Shape([rows] + tensor.shape.dimensions.dropFirst())
      else {
        throw SurgeryError(
          "\(operation): \(quoted(key.string)) \(tensor.dtype) \(tensor.shape) has no rows to resize"
        )
      }
      let deed = "\(tensor.shape) to \(shape)"
      if rows <= old {
        let part = try SurgeryPlan.rows([0..<rows], of: tensor)
        return (part, deed)
      }
      let width = tensor.shape.count / old
      let grown = try Tensor.computed(dtype: tensor.dtype, shape: shape) { sink in
        try tensor.forEachChunk { try sink.append($0) }
        var mean = [Double](repeating: 0, count: width)
        if isMean {
          var column = 0
          try tensor.forEachDoubles { values in
            for index in values.indices {
              mean[column] += values[index]
              column = column + 1 == width ? 0 : column + 1
            }
          }
          for column in mean.indices { mean[column] /= Double(old) }
        }
        for _ in old..<rows { try sink.append(mean) }
      }
      return (grown, deed + (isMean ? ", new rows are the mean" : ", new rows are 0"))
    }
    return keys.count
  }

  mutating func prune(_ operation: SurgeryOperation) throws -> Int {
    let (selector, text) = try operation.sides("SELECTOR=ROWS.txt or SELECTOR=TOKENS.txt:VOCAB.txt")
    let files = text.split(separator: ":").map(String.init)
    guard let list = files.first, files.count <= 2 else {
      throw SurgeryError.form("\(operation): is neither a file of row numbers nor TOKENS:VOCAB")
    }
    if Int(list) != nil, !WholeFile.exists(list) {
      throw SurgeryError.form(
        "\(operation): prune keeps the rows that a file lists, and \(quoted(list)) is not a file; to keep the first "
          + "\(list) rows, use resize")
    }
    var rows: [Int] = []
    let lines = try SurgeryPlan.lines(list)
    if files.count == 2 {
      let vocabulary = Dictionary(
        try SurgeryPlan.lines(files[1]).enumerated().map { (Key($1), $0) },
        uniquingKeysWith: { first, _ in first })
      for line in lines {
        guard let row = vocabulary[Key(line)] else {
          throw SurgeryError("\(operation): \(files[1]) has no token \(quoted(line))")
        }
        rows.append(row)
      }
    } else {
      for (number, line) in lines.enumerated() {
        guard let row = Int(line.filter { $0 != " " }), row >= 0 else {
          throw SurgeryError("\(list): line \(number + 1) is no row number: \(quoted(line))")
        }
        rows.append(row)
      }
    }
    guard !rows.isEmpty else { throw SurgeryError("\(list): lists no rows") }
    let keys = try selectWhole([selector], for: operation.description)
    try replaceEach(keys) { key, tensor in
      let count = tensor.shape.dimensions.first ?? 0
      if let beyond = rows.first(where: { $0 >= count }) {
        throw SurgeryError(
          "\(operation): \(quoted(key.string)) has \(count) rows, and no row \(beyond); to add rows, use resize"
        )
      }
      // Neighbours are read at once.
      var ranges: [Range<Int>] = []
      for row in rows {
        if let last = ranges.last, last.upperBound == row {
          ranges[ranges.count - 1] = last.lowerBound..<row + 1
        } else {
          ranges.append(row..<row + 1)
        }
      }
      let part = try SurgeryPlan.rows(ranges, of: tensor)
      return (part, "\(tensor.shape) to \(part.shape)")
    }
    stepNotes.append("rows have new numbers: the tokenizer must match")
    return keys.count
  }

  private static func lines(_ path: String) throws -> [String] {
    let text = String(decoding: try WholeFile.read(path), as: UTF8.self)
    return text.split(whereSeparator: \.isNewline).map(String.init)
  }
}
