internal import CheckpointFiles
internal import OrderedCollections

// Steps that change the rows of a vocabulary.
extension SurgeryPlan {
  mutating func resize(
    _ selectors: SelectorList, _ rows: Int, _ filling: RowFilling, _ operation: SurgeryOperation
  ) throws -> Int {
    let items = try selectWhole(selectors, operation).filter { $0.tensor.rowCount != rows }
    if items.isEmpty {
      stepNotes.append("\(operation): everything selected has \(rows) rows already")
    }
    try replaceEach(items) { key, tensor in
      guard let old = tensor.shape.dimensions.first, old > 0, tensor.dtype.isFloatingPoint,
        tensor.dtype.byteWidth != nil,
        let shape = Shape([rows] + tensor.shape.dimensions.dropFirst())
      else {
        throw SurgeryError.noRowsToResize(key, tensor, operation)
      }
      if rows <= old {
        let part = try SurgeryPlan.rows([0..<rows], of: tensor)
        return (part, .cut(from: tensor.shape, to: shape))
      }
      let grown = try Tensor.computed(dtype: tensor.dtype, shape: shape) { sink in
        try tensor.forEachChunk { try sink.append($0) }
        let row =
          filling == .mean
          ? try SurgeryPlan.meanRow(of: tensor)
          : [Double](repeating: 0, count: tensor.shape.count / old)
        for _ in old..<rows { try sink.append(row) }
      }
      return (grown, .extended(from: tensor.shape, to: shape, with: filling))
    }
    return items.count
  }

  mutating func prune(
    _ selectors: SelectorList, _ list: RowList, _ operation: SurgeryOperation
  ) throws -> Int {
    let rows = try SurgeryPlan.rows(list, operation)
    let items = try selectWhole(selectors, operation)
    try replaceEach(items) { key, tensor in
      let count = tensor.shape.dimensions.first ?? 0
      if let beyond = rows.first(where: { $0 >= count }) {
        throw SurgeryError.noSuchRow(beyond, of: count, key, operation)
      }
      let part = try SurgeryPlan.rows(SurgeryPlan.ranges(of: rows), of: tensor)
      return (part, .cut(from: tensor.shape, to: part.shape))
    }
    stepNotes.append("rows have new numbers: the tokenizer must match")
    return items.count
  }

  /// The numbers of the rows that a list keeps.
  private static func rows(_ list: RowList, _ operation: SurgeryOperation) throws -> [Int] {
    var rows: [Int] = []
    let file: String
    switch list {
    case .rows(let path):
      file = path
      if Int(path) != nil, !WholeFile.exists(path) {
        throw SurgeryError.rowCountForList(path, operation)
      }
      for (number, line) in try lines(path).enumerated() {
        guard let row = Int(line.trimmingSpaces), row >= 0 else {
          throw SurgeryError.notARowNumber(line, line: number + 1, path)
        }
        rows.append(row)
      }
    case .tokens(let path, let vocabulary):
      file = path
      let known = Dictionary(
        try lines(vocabulary).enumerated().map { (Key($1), $0) },
        uniquingKeysWith: { first, _ in first })
      for line in try lines(path) {
        guard let row = known[Key(line)] else {
          throw SurgeryError.noSuchToken(line, vocabulary, operation)
        }
        rows.append(row)
      }
    }
    guard !rows.isEmpty else { throw SurgeryError.noRowsListed(file) }
    return rows
  }

  /// The lines of a file that are not empty, without looking at anything but bytes.
  private static func lines(_ path: String) throws -> [String] {
    try WholeFile.read(path).split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
      .map { String(decoding: $0, as: UTF8.self) }
  }
}
