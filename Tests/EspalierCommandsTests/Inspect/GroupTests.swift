import CheckpointFiles
import EspalierTestSupport
import Testing

@Suite struct `Repeated layers in a listing` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write(Fixture.wide(count: 600), to: "wide.safetensors")
    try folder.write(Fixture.safetensors(Fixture.story), to: "story.safetensors")
  }

  @Test func `are one line with their numbers and how many there are`() throws {
    let result = try Tool.run("ls", "wide.safetensors", "--group", in: folder)
    #expect(result.output == "tensor[0:600]  ×600  F32  [1]  2.4 kB\n")
    #expect(result.errors == "")
  }

  @Test func `with gaps show the gaps, and a single tensor shows its own key`() throws {
    let result = try Tool.run(
      "ls", "wide.safetensors", "tensor[0:3]", "tensor[7]", "--group", in: folder)
    #expect(result.output == "tensor[0:3,7]  ×4  F32  [1]  16 B\n")
    let one = try Tool.run("ls", "wide.safetensors", "tensor[7]", "--group", in: folder)
    #expect(one.output == "tensor.7    F32  [1]  4 B\n")
  }

  @Test func `are not folded in a pipe, nor by default in JSON`() throws {
    let result = try Tool.run("ls", "wide.safetensors", in: folder)
    #expect(result.output.split(separator: "\n").count == 600)
    let json = try Tool.run("ls", "wide.safetensors", "--json", "--group", in: folder)
    #expect(json.status == 64)
    #expect(
      json.errors.contains(
        "\"message\":\"--json prints single tensors; leave out --group\""))
  }

  /// More than the cores work on together, in pieces.
  @Test func `keep their order when there are many`() throws {
    try folder.write(Fixture.wide(count: 20_001), to: "wider.safetensors")
    let keys = (0...20_000).map { "tensor.\($0)" }
    let listed = try Tool.run("ls", "wider.safetensors", in: folder).output
    #expect(listed.split(separator: "\n").map { $0.prefix { $0 != " " } } == keys.map { $0[...] })
    let drawn = try Tool.run("ls", "wider.safetensors", "--tree", in: folder).output
    let leaves = drawn.split(separator: "\n").dropFirst().map { line in
      line.drop { !$0.isNumber }.prefix { $0.isNumber }
    }
    #expect(leaves == (0...20_000).map { "\($0)"[...] })
    let json = try Tool.run("ls", "wider.safetensors", "--json", in: folder).output
    let tensors = try JSONParser.parse(Array(json.utf8))["tensors"]?.array ?? []
    #expect(tensors.compactMap { $0["key"]?.string } == keys)
  }

  @Test func `are folded on a terminal when there are many, unless told otherwise`() throws {
    let folded = try Terminal(columns: 80).run(["ls", "wide.safetensors"], in: folder).output.plain
    #expect(folded.hasPrefix("KEY            COUNT  DTYPE  SHAPE    SIZE\ntensor[0:600]   ×600"))
    let long = try Terminal(columns: 80).run(
      ["ls", "wide.safetensors", "--no-group"], in: folder)
    #expect(long.output.split(separator: "\n").count == 602)
  }

  @Test func `of different shapes stay apart`() throws {
    let result = try Tool.run("ls", "story.safetensors", "linear", "--group", in: folder)
    let plain = try Tool.run("ls", "story.safetensors", "linear", in: folder)
    #expect(
      result.output.split(separator: "\n").count == plain.output.split(separator: "\n").count)
  }
}

@Suite struct `Repeated layers in a comparison` {
  let folder: Folder

  /// 600 layers: `first` and `second` are what each layer's tensors hold, by number.
  private static func layers(
    _ tensors: (Int) -> [(name: String, dtype: String, values: [Float])]
  ) -> [UInt8] {
    Fixture.safetensors(
      (0..<600).flatMap { layer in
        tensors(layer).map { name, dtype, values in
          let key = "h.\(layer).\(name)"
          return dtype == "F32"
            ? Fixture.Entry(key, [values.count], values)
            : Fixture.Entry(key, dtype, [values.count], values.flatMap { _ in [0, 0] as [UInt8] })
        }
      })
  }

  init() throws {
    folder = try Folder()
    let a = Self.layers { layer in
      [("kept", "F32", [1]), ("w", "F32", [3, 4]), ("old", "F32", [1, 2]), ("c", "F32", [0])]
    }
    let b = Self.layers { layer in
      [
        ("kept", "F32", [1]), ("w", "F32", layer == 7 ? [0, 4] : [3, 4.5]),
        ("new", "F32", [5, 6, 7]),
        ("c", layer < 300 ? "F16" : "F32", layer < 300 ? [0] : [0, 1]),
      ]
    }
    try folder.write(a, to: "a.safetensors")
    try folder.write(b, to: "b.safetensors")
  }

  @Test func `are one line each, with the worst figures and all of the share`() throws {
    let result = try Tool.run("diff", "a.safetensors", "b.safetensors", "--group", in: folder)
    #expect(result.status == 1)
    let lines = result.output.split(separator: "\n").map {
      $0.split(separator: "  ").map { $0.trimmingPrefix(" ") }.joined(separator: " ")
    }
    #expect(
      lines == [
        "- h[0:600].old ×600 F32 [2] 4.8 kB",
        "+ h[0:600].new ×600 F32 [3] 7.2 kB",
        "~ KEY COUNT DTYPE SHAPE MAX ABS REL L2 COSINE CHANGED",
        "~ h[0:600].w ×600 F32 [2] 3 0.6 0.8 50.0 %",
        "~ h[0:300].c ×300 F32 => F16 [1] 0 0 nan 0.0 %",
        "~ h[300:600].c ×300 F32 [1] => [2] - - - -",
        "600 only in a.safetensors, 600 only in b.safetensors, 1,200 changed, 600 same",
      ], "\(result.output)")
  }

  @Test func `stay a line a tensor in a pipe, and cannot be asked for in JSON`() throws {
    let result = try Tool.run("diff", "a.safetensors", "b.safetensors", in: folder)
    #expect(result.output.split(separator: "\n").count == 600 + 600 + 1 + 1200 + 1)
    let refused = try Tool.run(
      "diff", "a.safetensors", "b.safetensors", "--group", "--json", in: folder)
    #expect(refused.status == 64)
    #expect(refused.errors.contains("\"message\":\"--json prints single tensors"))
  }

  @Test func `fold by themselves on a terminal, and every line fits`() throws {
    for width in [60, 80, 200] {
      let result = try Terminal(columns: width).run(
        ["diff", "a.safetensors", "b.safetensors", "--progress", "never"], in: folder)
      let lines = result.output.plain.split(separator: "\n")
      #expect(lines.count < 16, "\(result.output)")
      #expect(lines.allSatisfy { $0.count <= width }, "\(result.output)")
    }
  }

  @Test func `fold three ways`() throws {
    let result = try Tool.run(
      "diff", "--base", "a.safetensors", "b.safetensors", "a.safetensors", "--group", in: folder)
    #expect(result.output.contains("A  h[0:600].w     ×600  changed     0.6\n"))
    #expect(result.output.contains("A  h[0:600].old   ×600  removed       -\n"))
  }

  @Test func `that have other names fold as pairs`() throws {
    let renamed = Self.layers { layer in [("weight", "F32", [Float(layer) + 1, 2])] }
    let old = Self.layers { layer in [("w", "F32", [Float(layer) + 1, 2])] }
    try folder.write(renamed, to: "new.safetensors")
    try folder.write(old, to: "old.safetensors")
    let result = try Tool.run("diff", "old.safetensors", "new.safetensors", "--group", in: folder)
    #expect(
      result.output.contains("  h[0:600].w => h[0:600].weight (×600, same bytes)\n"),
      "\(result.output)")
    let keys = try Tool.run(
      "diff", "old.safetensors", "new.safetensors", "--group", "--keys-only", in: folder)
    #expect(keys.output.split(separator: "\n").count == 3)
  }

  @Test func `fold in a plan, in a mask and between masks`() throws {
    let plan = try Tool.run(
      "edit", "a.safetensors", "--cast", "**.w=BF16", "--drop", "**.c", "--dry-run", "--group",
      in: folder)
    #expect(plan.output.split(separator: "\n").count == 3, "\(plan.output)")
    #expect(plan.output.contains("~  h[0:600].w  ×600  F32 => BF16  [2]"), "\(plan.output)")
    let mask = try Tool.run(
      "mask", "create", "a.safetensors", "--train", "**.w", "-o", "m.json", "--group",
      "--no-siblings",
      in: folder)
    #expect(mask.output.hasSuffix("\n  h[0:600].w  ×600  F32  [2]  1,200\n"), "\(mask.output)")
    let shown = try Tool.run("mask", "show", "m.json", "--group", in: folder)
    #expect(shown.output.hasSuffix("\n  h[0:600].w  ×600\n"), "\(shown.output)")
    try Tool.run("mask", "invert", "m.json", "a.safetensors", "-o", "n.json", in: folder)
    let diff = try Tool.run("mask", "diff", "m.json", "n.json", "--group", in: folder)
    #expect(diff.output.contains("~  h[0:600].w     ×600  trains => frozen\n"), "\(diff.output)")
  }

  @Test func `that a mask does not allow are all in a pipe, and a line on a terminal`() throws {
    let base = Self.layers { _ in [("w", "F32", [3, 4])] }
    let tuned = Self.layers { _ in [("w", "F32", [3, 5])] }
    try folder.write(base, to: "base.safetensors")
    try folder.write(tuned, to: "tuned.safetensors")
    try Tool.run(
      "mask", "create", "base.safetensors", "--train", "h[0].w", "-o", "m.json", in: folder)
    let arguments = ["verify", "base.safetensors", "tuned.safetensors", "--mask", "m.json"]
    let piped = try Tool.run(arguments, in: folder)
    #expect(piped.status == 1)
    #expect(piped.output.split(separator: "\n").count == 600)
    let seen = try Terminal(columns: 80).run(arguments, in: folder).output.plain
    #expect(
      seen.hasPrefix(
        "  h[1:600].w (×599) are frozen and have changed\n"
          + "1 line stands for 599 tensors; --json lists each\nFAILED: 599 tensors"),
      "\(seen)")
  }
}
