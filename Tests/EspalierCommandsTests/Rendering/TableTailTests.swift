import Testing

@testable import EspalierCommands

@Suite("Repeated cells of a table")
struct TableTailTests {
  /// Rows of which neighbours share all cells but the first.
  private static let rows: [[String]] = [
    ["a", "F32", "10"], ["bbbb", "F32", "10"], ["c", "F32", "10"], ["dd", "BF16", ""],
    ["e", "BF16", ""],
    ["", "", ""], ["f", "", ""], ["g", "F32 ", "7"], ["h", "F32 ", "7"],
  ]

  /// The lines of ``rows``, with repeated cells copied or set again.
  private func lines(_ table: Table, widths: [Int], left: Set<Int>, copies: Bool) -> [UInt8] {
    var layout = Table.Layout(widths: widths, indent: 1)
    layout.left = left
    var cells = Table.Cells(setting: table, layout, after: [])
    for (index, row) in Self.rows.enumerated() {
      let isRepeated = copies && index > 0 && row.dropFirst() == Self.rows[index - 1].dropFirst()
      cells.row(index) { cells in
        cells.add(row[0])
        cells.tail(isRepeated: isRepeated) { cells in
          for cell in row.dropFirst() { cells.add(cell) }
        }
      }
    }
    return cells.lines
  }

  @Test(
    "Copied cells are the bytes of cells that are set again",
    arguments: [[], [0], [1], [2], [1, 2]] as [Set<Int>],
    [Table.Alignment.left, .right])
  func copiesEqualCells(left: Set<Int>, alignment: Table.Alignment) {
    let table = Table([
      .init("KEY", alignment, shrinks: true), .init("DTYPE", alignment), .init("SIZE", .right),
    ])
    for widths in [[4, 4, 4], [2, 5, 6]] {
      #expect(
        lines(table, widths: widths, left: left, copies: true)
          == lines(table, widths: widths, left: left, copies: false))
    }
  }

  @Test("A table that paints its lines sets every cell")
  func paintedRowsAreSet() {
    var table = Table([.init("KEY"), .init("DTYPE"), .init("SIZE", .right)])
    table.paint = { line, index in "<\(index)>\(line)" }
    #expect(
      lines(table, widths: [4, 4, 4], left: [], copies: true)
        == lines(table, widths: [4, 4, 4], left: [], copies: false))
  }
}
