import CheckpointFiles
import OrderedCollections
import ParameterSurgery

extension Listing {
  /// One line for the tensors of repeated layers: those of one dtype and shape whose keys differ in
  /// numbers alone.
  func printGroups(_ folded: KeyGroups, _ options: GroupOptions) {
    let groups = folded.groups
    let hasStatistics = !statistics.isEmpty
    let shards = rows.contains { $0.file != nil }
    let ties = rows.contains { $0.shares != nil }
    var columns: [Table.Column] = [
      .init("KEY", breaks: true), .init("COUNT", .right), .init("DTYPE"),
      .init("SHAPE", yields: hasStatistics), .init("SIZE", .right, yields: hasStatistics),
    ]
    if hasStatistics { columns += Listing.statisticsColumns }
    if shards { columns.append(.init("FILE", shrinks: true, yields: true)) }
    if ties { columns.append(.init("SAME BYTES AS", shrinks: true)) }
    var table = Table(columns)
    table.hasHeadings = StandardOutput.shared.isTerminal || hasStatistics
    for (line, group) in groups.enumerated() {
      let first = rows[group.first]
      var total = Total()
      for row in group.rows { total.add(rows[row]) }
      var cells = [
        group.rows.count > 1 ? group.name : first.name, group.times, first.tensor.dtype.name,
        shapeText(first.dimensions), byteText(total.bytes),
      ]
      if hasStatistics {
        cells += statistics[line].map(Listing.cells) ?? Listing.statisticsColumns.map { _ in "-" }
      }
      if shards {
        let files = Set(group.rows.compactMap { rows[$0].file.map { Key($0) } })
        cells.append(
          files.count == 1 ? shown(first.file ?? "") : Text.counted(files.count, "file"))
      }
      if ties { cells.append(first.shares.map { shown($0.string) } ?? "") }
      table.append(cells)
    }
    table.print()
    options.note([folded])
  }

  /// One line for each node that is `depth` components below the root, and for each tensor above, with what they hold.
  ///
  /// - Parameter isWhole: whether all tensors are listed: then the selector of a node means what its line says.
  func printNodes(
    depth: Int, _ order: ListCommand.Order, isWhole: Bool, _ options: GroupOptions
  ) {
    var totals: OrderedDictionary<Key, Total> = [:]
    for row in rows {
      let key = row.tensor.key
      totals[key.prefix(depth), default: Total()].add(row)
    }
    if order == .size { totals.sort { $0.value.bytes > $1.value.bytes } }
    let nodes = Array(totals.elements)
    let folded = KeyGroups(nodes.count, folds: isWhole && options.folds(nodes.count)) {
      [nodes[$0].key]
    } trait: {
      nodes[$0].value
    }
    var table = Table([
      .init("KEY", breaks: true), .init("COUNT", .right), .init("TENSORS", .right),
      .init("ELEMENTS", .right), .init("SIZE", .right),
    ])
    table.hasHeadings = StandardOutput.shared.isTerminal
    for group in folded.groups {
      let total = nodes[group.first].value.times(group.rows.count)
      table.append([
        group.name, group.times, grouped(total.tensors), countText(total.elements),
        byteText(total.bytes),
      ])
    }
    table.print()
    options.note(
      lines: folded.groups.count { $0.rows.count > 1 },
      for: folded.groups.reduce(0) { sum, group in
        group.rows.count == 1 ? sum : sum + group.rows.count * nodes[group.first].value.tensors
      })
  }
}

extension Key {
  /// The first `count` components.
  fileprivate func prefix(_ count: Int) -> Key {
    var left = count
    let text = string.utf8.prefix { byte in
      if byte == UInt8(ascii: ".") { left -= 1 }
      return left > 0
    }
    return text.count == string.utf8.count ? self : Key(String(Substring(text)))
  }
}
