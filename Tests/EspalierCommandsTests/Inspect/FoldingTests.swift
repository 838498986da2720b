import CheckpointFiles
import EspalierTestSupport
import Testing

/// Lists, trees and nodes of a checkpoint of six layers, the last of another shape.
@Suite struct `A list that is folded` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    var entries = [Fixture.Entry("embed.weight", [2, 2], [1, 2, 3, 4])]
    for layer in 0..<6 {
      let shape = layer == 5 ? [3] : [2]
      let values = (0..<shape[0]).map { Float(layer + $0) }
      entries.append(Fixture.Entry("encoder.layer.\(layer).attention.weight", shape, values))
      entries.append(Fixture.Entry("encoder.layer.\(layer).attention.bias", shape, values))
      entries.append(Fixture.Entry("encoder.layer.\(layer).norm", [1], [Float(layer)]))
    }
    entries.append(Fixture.Entry("head.0", [1], [7]))
    entries.append(Fixture.Entry("head.1", [1], [8]))
    try folder.write(Fixture.safetensors(entries), to: "m.safetensors")
  }

  private func lines(_ arguments: String...) throws -> [String] {
    let result = try Tool.run(["ls", "m.safetensors"] + arguments, in: folder)
    #expect(result.status == 0 && result.errors == "", "\(result.errors)")
    return result.output.split(separator: "\n").map(String.init)
  }

  @Test func `has selectors that list what they stand for`() throws {
    for line in try lines("--group") {
      let fields = line.split(separator: " ")
      let found = try lines(String(fields[0]))
      let count = fields[1].hasPrefix("×") ? Int(fields[1].dropFirst()) : 1
      #expect(found.count == count, "\(line)")
    }
    #expect(try lines("--group").count == 7)
  }

  @Test func `is a tree with one branch for layers that hold the same`() throws {
    #expect(
      try lines("--tree", "--group") == [
        "├── embed.weight            F32  [2, 2]       4   16 B",
        "├── encoder.layer                18 tensors  32  128 B",
        "│   ├── [0:5]           ×5       15 tensors  25  100 B",
        "│   │   ├── attention   ×5       10 tensors  20   80 B",
        "│   │   │   ├── weight  ×5  F32  [2]         10   40 B",
        "│   │   │   └── bias    ×5  F32  [2]         10   40 B",
        "│   │   └── norm        ×5  F32  [1]          5   20 B",
        "│   └── 5                        3 tensors    7   28 B",
        "│       ├── attention            2 tensors    6   24 B",
        "│       │   ├── weight      F32  [3]          3   12 B",
        "│       │   └── bias        F32  [3]          3   12 B",
        "│       └── norm            F32  [1]          1    4 B",
        "└── head[0:2]           ×2  F32  [1]          2    8 B",
      ])
    // A chain of nodes with one branch takes one line, and all numbers of it are a selector.
    #expect(
      try lines("encoder.layer[:5].attention", "--tree", "--group") == [
        "└── encoder.layer[0:5].attention  ×5       10 tensors  20  80 B",
        "    ├── weight                    ×5  F32  [2]         10  40 B",
        "    └── bias                      ×5  F32  [2]         10  40 B",
      ])
  }

  @Test func `may show nodes instead of tensors`() throws {
    #expect(
      try lines("--depth", "1") == [
        "embed       1   4   16 B", "encoder    18  32  128 B", "head        2   2    8 B",
      ])
    #expect(
      try lines("--depth", "3", "--group") == [
        "embed.weight             1   4   16 B", "encoder.layer[0:5]  ×5  15  25  100 B",
        "encoder.layer.5          3   7   28 B", "head[0:2]           ×2   2   2    8 B",
      ])
    #expect(
      try lines("--depth", "2", "--tree") == [
        "├── embed.weight   F32  [2, 2]       4   16 B",
        "├── encoder.layer       18 tensors  32  128 B",
        "└── head                2 tensors    2    8 B",
        "    ├── 0          F32  [1]          1    4 B",
        "    └── 1          F32  [1]          1    4 B",
      ])
    #expect(try lines("--depth", "1", "--sort", "size").first == "encoder    18  32  128 B")
  }

  @Test func `has the statistics of all elements that a line stands for`() throws {
    let folded = try lines("encoder.layer[:5].norm", "--group", "--stats")
    #expect(folded.count == 2)
    #expect(
      folded[1].split(separator: " ") == [
        "encoder.layer[0:5].norm", "×5", "F32", "[1]", "20", "B", "0", "4", "2", "1.581", "5.477",
        "0", "0",
      ])
  }

  @Test func `fits the screen, or is folded and says how to see everything`() throws {
    func seen(_ lines: Int, _ arguments: String...) throws -> [Substring] {
      try Terminal(columns: 80, lines: lines).run(
        ["ls", "m.safetensors"] + arguments, in: folder
      ).output.plain.split(separator: "\n")
    }
    // 21 tensors, a heading and the counts.
    #expect(try seen(26).count == 23)
    let folded = try seen(24)
    #expect(folded.count == 7 + 3, "\(folded)")
    #expect(
      folded.dropLast().last == "4 lines stand for 18 tensors; pass --no-group to list each")
    #expect(try seen(24, "--no-group").count == 23)
    #expect(try seen(24, "--group").count == 7 + 2)
    #expect(try seen(24, "--tree").contains { $0.contains("[0:5]") })
    #expect(try seen(24, "--stats").contains { $0.hasPrefix("encoder.layer[0:6].norm") })
    #expect(try seen(24, "--sha256").count >= 23)
    #expect(try seen(13, "--depth", "3").contains { $0.hasPrefix("encoder.layer[0:5]") } == false)
    #expect(try seen(10, "--depth", "3").contains { $0.hasPrefix("encoder.layer[0:5]") })
  }

  @Test func `is refused where single tensors are meant`() throws {
    for (arguments, reason) in [
      (["--depth", "0"], "--depth takes a number of components from 1 on"),
      (["--depth", "1", "--stats"], "--stats shows tensors and --depth nodes; leave out one"),
      (["--depth", "1", "--json"], "--json shows tensors and --depth nodes; leave out one"),
      (["--sha256", "--group"], "--sha256 prints single tensors; leave out --group"),
    ] {
      let result = try Tool.run(["ls", "m.safetensors"] + arguments, in: folder)
      #expect(result.status == 64 && result.output == "")
      let line =
        arguments.contains("--json")
        ? "\"message\":\"\(reason)\"" : "espalier: error: \(reason)\n"
      #expect(result.errors.contains(line), "\(result.errors)")
    }
  }
}
