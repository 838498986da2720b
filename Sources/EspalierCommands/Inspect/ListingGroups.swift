import CheckpointFiles
import ParameterSurgery

extension Listing {
  /// One line for the tensors of repeated layers: those of one dtype and shape whose keys differ in
  /// numbers alone.
  func printGroups() {
    let groups = KeyGroups(rows.count) {
      [rows[$0].tensor.key]
    } trait: { index in
      let row = rows[index]
      // What is special about a tensor is not lost in a group.
      return row.rows != nil || row.shares != nil
        ? nil : TensorKind(dtype: row.tensor.dtype, dimensions: row.tensor.shape.dimensions)
    }.groups
    let shards = rows.contains { $0.file != nil }
    let ties = rows.contains { $0.shares != nil }
    var columns: [Table.Column] = [
      .init("KEY", shrinks: true), .init("COUNT", .right), .init("DTYPE"), .init("SHAPE"),
      .init("SIZE", .right),
    ]
    if shards { columns.append(.init("FILE", shrinks: true, yields: true)) }
    if ties { columns.append(.init("SAME BYTES AS", shrinks: true)) }
    var table = Table(columns)
    table.hasHeadings = StandardOutput.shared.isTerminal
    for group in groups {
      let first = rows[group.first]
      var total = Total()
      for row in group.rows { total.add(rows[row]) }
      var cells = [
        group.rows.count > 1 ? group.name : first.name, group.times, first.tensor.dtype.name,
        shapeText(first.dimensions), byteText(total.bytes),
      ]
      if shards {
        let files = Set(group.rows.compactMap { rows[$0].file })
        cells.append(
          files.count == 1 ? shown(files.first ?? "") : Text.counted(files.count, "file"))
      }
      if ties { cells.append(first.shares.map { shown($0.string) } ?? "") }
      table.append(cells)
    }
    table.print()
  }
}
