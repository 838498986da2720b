import Testing

@testable import EspalierCommands

@Suite struct `A table` {
  private func table(_ rows: [[String]], _ columns: [Table.Column]) -> Table {
    var table = Table(columns)
    for row in rows { table.append(row) }
    return table
  }

  private let listing: [Table.Column] = [
    .init("KEY", shrinks: true), .init("DTYPE"), .init("SHAPE", yields: true),
    .init("SIZE", .right),
  ]
  private let rows = [
    ["encoder.layer.10.attention.self.query.weight", "F32", "[768, 768]", "2.4 MB"],
    ["pooler.bias", "BF16", "[768]", "1.5 kB"],
  ]

  @Test func `aligns columns, cuts nothing in a file, and leaves no spaces at the end`() {
    let text = Recording.text { table(rows, listing).print(to: $0) }
    #expect(
      text == """
        KEY                                           DTYPE  SHAPE         SIZE
        encoder.layer.10.attention.self.query.weight  F32    [768, 768]  2.4 MB
        pooler.bias                                   BF16   [768]       1.5 kB

        """)
  }

  @Test func `shortens the column that may shrink on a terminal`() {
    let text = Recording.text(width: 60) { table(rows, listing).print(to: $0) }
    let lines = text.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines.allSatisfy { displayWidth(String($0)) <= 60 })
    #expect(lines[1].hasSuffix("F32    [768, 768]  2.4 MB"))
    #expect(lines[1].contains("…"))
    #expect(lines[1].contains("10.attention"), "the number and the end of a key stay")
  }

  @Test func `leaves out a column that yields, and names it`() {
    let text = Recording.text(width: 44) { table(rows, listing).print(to: $0) }
    let lines = text.split(separator: "\n")
    #expect(!text.contains("[768]"))
    #expect(lines.last == "the terminal is too narrow for SHAPE")
    #expect(lines.dropLast().allSatisfy { displayWidth(String($0)) <= 44 })
  }

  @Test func `indents, omits headings, and paints whole lines`() {
    var table = table([["+", "a"], ["-", "b"]], [.init(""), .init("")])
    table.hasHeadings = false
    table.paint = { line, index in "<\(index)\(line)>" }
    let text = Recording.text { table.print(to: $0, indent: 2) }
    #expect(text == "<0  +  a>\n<1  -  b>\n")
  }

  @Test func `measures wide characters by the columns that they take`() {
    let text = Recording.text {
      table([["模型", "1"], ["ab", "2"]], [.init("K"), .init("N")]).print(to: $0)
    }
    #expect(text == "K     N\n模型  1\nab    2\n")
  }

  @Test func `prints rows that are made when they are needed, in their order`() {
    let count = 3000
    let text = Recording.text { output in
      var table = Table([.init("N", .right)])
      table.hasHeadings = false
      table.print(rowCount: count, to: output) { range, cells in
        for index in range { cells.row(index) { $0.add(String(index)) } }
      }
    }
    let lines = text.split(separator: "\n")
    #expect(lines.count == count)
    #expect(lines.first == "   0")
    #expect(lines.last == "2999")
    #expect(lines.map { Int($0.filter { $0 != " " }) } == (0..<count).map { $0 })
  }

  @Test func `escapes a cell of text from a file and keeps what follows it`() {
    let text = Recording.text { output in
      var table = Table([.init("")])
      table.hasHeadings = false
      table.print(rowCount: 2, to: output) { range, cells in
        for index in range {
          cells.row(index) { $0.add(shown: index == 0 ? "a\u{1B}[2J" : "b", "[0:2]") }
        }
      }
    }
    #expect(text == "a\\u{1b}[2J[0:2]\nb[0:2]\n")
  }

  @Test func `repeats a cell without wording it again`() {
    var words = 0
    var cell = Table.RepeatingCell<Int>()
    var cells = Table.Cells(measuring: Table([.init("")]), widths: [0])
    for value in [7, 7, 7, 8] {
      cells.row(0) {
        cell.add(value, to: &$0) {
          words += 1; return String($0)
        }
      }
    }
    #expect(words == 2)
    #expect(cells.measure.widths == [1])
  }

  @Test func `prints what is the same in all rows once, when a terminal is narrow`() {
    let rows = (0..<3).map { ["encoder.layer.\($0).output.dense.weight", "F32", "[\($0)]", "0"] }
    let columns: [Table.Column] = [
      .init("KEY", shrinks: true), .init("DTYPE"), .init("SHAPE"), .init("NAN", .right),
    ]
    let narrow = Recording.text(width: 44) { table(rows, columns).print(to: $0) }
    #expect(
      narrow == """
        the same in all lines: DTYPE F32, NAN 0
        KEY                                  SHAPE
        encoder.layer.0.output.dense.weight  [0]
        encoder.layer.1.output.dense.weight  [1]
        encoder.layer.2.output.dense.weight  [2]

        """)
    let wide = Recording.text(width: 80) { table(rows, columns).print(to: $0) }
    #expect(wide.hasPrefix("KEY                                  DTYPE  SHAPE  NAN\n"))
    let file = Recording.text { table(rows, columns).print(to: $0) }
    #expect(file == wide)
  }

  @Test func `never cuts a selector, which gets a line of its own`() {
    let columns: [Table.Column] = [
      .init("~"), .init("KEY", breaks: true), .init("COUNT", .right), .init("SHAPE"),
    ]
    let rows = [
      ["~", "encoder.layer[0:6].attention.output.dense.weight", "×6", "[384, 384]"],
      ["~", "pooler.weight", "", "[384]"], ["+", "pooler[0:2].dense.activation.alpha", "×2", ""],
    ]
    let text = Recording.text(width: 40) { table(rows, columns).print(to: $0) }
    #expect(
      text == """
        ~  KEY                 COUNT  SHAPE
        ~  encoder.layer[0:6].attention.output.dense.weight
                                  ×6  [384, 384]
        ~  pooler.weight              [384]
        +  pooler[0:2].dense.activation.alpha
                                  ×2

        """)
  }

  @Test(arguments: [24, 30, 40, 60])
  func `never cuts keys where they differ`(width: Int) {
    // The keys differ in one part: at the start, in the middle, in a number or at the end.
    let keys = ["alpha", "beta", "gamma.0", "gamma.1"].flatMap { part in
      [
        "\(part).language.model.layers.mlp.down.weight",
        "model.\(part).layers.mlp.down.proj.weight",
        "model.language.layers.\(part).down_proj.weight", "model.language.layers.mlp.down.\(part)",
      ]
    }
    var table = table(
      keys.map { [$0, "\($0.count)"] }, [.init("KEY", shrinks: true), .init("SIZE", .right)])
    table.hasHeadings = false
    let text = Recording.text(width: width) { [table] in table.print(to: $0) }
    // A key on a line of its own is complete.
    let shown = text.split(separator: "\n").map { String($0.prefix { $0 != " " }) }.filter {
      !$0.isEmpty
    }
    #expect(shown.count == keys.count)
    for (key, text) in zip(keys, shown) {
      let ends = text.split(separator: "…", omittingEmptySubsequences: false).map(String.init)
      let fitting = keys.filter { other in
        ends.count == 1 ? other == text : other.hasPrefix(ends[0]) && other.hasSuffix(ends[1])
      }
      #expect(fitting == [key], "\(text)")
    }
  }
}
