import CheckpointFiles
import OrderedCollections
import ParameterSurgery

extension Listing {
  /// One line a tensor. Headings are for people: a terminal has them, and a table of statistics.
  func printTable() {
    let (hasStatistics, hasDigests) = (!statistics.isEmpty, !digests.isEmpty)
    let shards = rows.contains { $0.file != nil }
    let ties = rows.contains { $0.shares != nil }
    var columns: [Table.Column] = [
      .init("KEY", shrinks: true, breaks: hasStatistics), .init("DTYPE"),
      .init("SHAPE", yields: hasStatistics),
      .init("SIZE", .right, yields: hasStatistics || hasDigests),
    ]
    if hasStatistics {
      columns += Listing.statisticsColumns
    }
    if hasDigests { columns.append(.init("SHA256", shrinks: true)) }
    if shards { columns.append(.init("FILE", shrinks: true, yields: true)) }
    if ties { columns.append(.init("SAME BYTES AS", shrinks: true)) }
    var table = Table(columns)
    table.hasHeadings = StandardOutput.shared.isTerminal || hasStatistics
    table.print(rowCount: rows.count) { range, cells in
      var dtype = Table.RepeatingCell<DType>()
      var shape = Table.RepeatingCell<[Int]>()
      var size = Table.RepeatingCell<Int>()
      var file = Table.RepeatingCell<String>()
      for index in range {
        // The experts and layers of a model differ in their keys alone.
        let isRepeated =
          index > range.lowerBound && !hasStatistics && !hasDigests
          && hasSameDetails(index, index - 1)
        cells.row(index) { cells in
          cells.add(shown: rows[index].tensor.key.string, rows[index].suffix)
          cells.tail(isRepeated: isRepeated) { cells in
            dtype.add(rows[index].tensor.dtype, to: &cells, \.name)
            shape.add(rows[index].dimensions, to: &cells, shapeText)
            size.add(rows[index].bytes, to: &cells, byteText)
            if hasStatistics {
              let texts = statistics[index].map(Listing.cells)
              for cell in texts ?? Array(repeating: "-", count: 7) { cells.add(cell) }
            }
            if hasDigests { cells.add(digests[index] ?? "-") }
            if shards { file.add(rows[index].file ?? "", to: &cells, shown) }
            if ties { cells.add(rows[index].shares.map { shown($0.string) } ?? "") }
          }
        }
      }
    }
  }

  /// Whether all that is shown of two rows, beside their keys, is the same. Members are compared one by
  /// one where they are: a whole row would be copied, with the references in it.
  @inline(__always)
  private func hasSameDetails(_ a: Int, _ b: Int) -> Bool {
    rows[a].tensor.dtype == rows[b].tensor.dtype && rows[a].rows == nil && rows[b].rows == nil
      && rows[a].shares == nil && rows[b].shares == nil
      && rows[a].tensor.shape == rows[b].tensor.shape && rows[a].file == rows[b].file
  }

  /// On a narrow terminal, the counts and the extremes are the last to go.
  static let statisticsColumns: [Table.Column] =
    ["MIN", "MAX", "MEAN", "STD", "NORM"].map { .init($0, .right, yields: true) }
    + ["NAN", "INF"].map { .init($0, .right) }

  /// The cells of ``statisticsColumns``.
  static func cells(_ statistics: TensorStatistics) -> [String] {
    func number(_ value: Double?) -> String { value.map { significant($0) } ?? "-" }
    return [
      number(statistics.minimum), number(statistics.maximum), number(statistics.mean),
      number(statistics.standardDeviation), number(statistics.norm),
      String(statistics.nanCount), String(statistics.infiniteCount),
    ]
  }

  func printTotals() {
    var table = Table([
      .init("DTYPE"), .init("TENSORS", .right), .init("ELEMENTS", .right), .init("BYTES", .right),
      .init("SIZE", .right),
    ])
    func append(_ name: String, _ total: Total) {
      table.append([
        name, grouped(total.tensors), grouped(total.elements), grouped(total.bytes),
        byteText(total.bytes),
      ])
    }
    for (dtype, total) in totalsByDType { append(dtype.name, total) }
    append("total", total)
    StandardOutput.shared.line()
    table.print()
  }
}

extension ListCommand {
  /// `--all`: what is in the file and is not a tensor.
  func printOthers(_ checkpoint: Checkpoint) throws {
    let output = StandardOutput.shared
    if !checkpoint.metadata.isEmpty {
      output.line()
      output.line(output.style.dim("metadata"))
      for (name, value) in checkpoint.metadata {
        output.line("  \(shown(name.string)): \(shown(value))")
      }
    }
    let values = try checkpoint.values
    if !values.isEmpty {
      output.line()
      output.line(output.style.dim("values"))
      for value in values {
        output.line("  \(shown(value.key.string)): \(shown(value.text)) (\(shown(value.type)))")
      }
    }
    if !checkpoint.unsupported.isEmpty {
      output.line()
      output.line(output.style.dim("not readable"))
      for entry in checkpoint.unsupported {
        output.line("  \(shown(entry.key.string)): \(shown(entry.reason))")
      }
    }
  }
}

/// `[30522, 384]`.
func shapeText(_ dimensions: [Int]) -> String {
  var text = "["
  for (index, extent) in dimensions.enumerated() {
    if index > 0 { text += ", " }
    text += String(extent)
  }
  return text + "]"
}
