import CheckpointFiles
import EspalierTestSupport
import Testing

@Suite struct `espalier merge` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write(Fixture.safetensors([.init("w", [2], [1, 2])]), to: "base.safetensors")
    try folder.write(Fixture.safetensors([.init("w", [2], [3, 2])]), to: "a.safetensors")
    try folder.write(Fixture.safetensors([.init("w", [2], [1, 8])]), to: "b.safetensors")
  }

  private func merged(_ options: String...) throws -> [Float] {
    let result = try Tool.run(["merge"] + options + ["-o", "m.safetensors"], in: folder)
    #expect(result.status == 0, "\(result.errors)")
    return try #require(try Checkpoint.open(folder.path("m.safetensors"))["w"]?.floats())
  }

  @Test func `each method gives its numbers`() throws {
    let (a, b, base) = ("a.safetensors", "b.safetensors", "base.safetensors")
    #expect(try merged(a, b) == [2, 5])
    #expect(try merged(a, b, "--weight", "3", "--weight", "1") == [2.5, 3.5])
    #expect(try merged(a, b, "--method", "ema", "--decay", "0.5") == [2, 5])
    #expect(try merged(a, b, "--method", "slerp", "--t", "0") == [3, 2])
    #expect(
      try merged(a, b, "--method", "task", "--base", base, "--lambda", "0.5") == [2, 5])
    #expect(
      try merged(a, b, "--method", "ties", "--base", base, "--density", "0.5") == [3, 8])
    #expect(
      try merged(a, b, "--method", "dare", "--base", base, "--density", "1") == [3, 8])
  }

  @Test func `one line says what was done, JSON the same`() throws {
    let line = try Tool.run(
      "merge", "a.safetensors", "b.safetensors", "-o", "m.safetensors", in: folder)
    #expect(line.output == "m.safetensors: 1 tensor merged from 2 checkpoints (linear)\n")
    let json = try Tool.run(
      "merge", "a.safetensors", "b.safetensors", "-o", "m.safetensors", "--json", in: folder)
    let object = try json.object()
    #expect(Set(object.keys) == ["version", "path", "method", "tensors", "merged"])
    #expect(object["method"] as? String == "linear")
  }

  @Test func `integers are no numbers to average, which is said when they differ`() throws {
    for (name, step) in [("i", UInt8(1)), ("j", 1), ("k", 2)] {
      let entries = [
        Fixture.Entry("w", [1], [Float(step)]),
        .init("n", "I64", [1], [step] + [0, 0, 0, 0, 0, 0, 0]),
      ]
      try folder.write(Fixture.safetensors(entries), to: "\(name).safetensors")
    }
    let same = try Tool.run(
      "merge", "i.safetensors", "j.safetensors", "-o", "m.safetensors", in: folder)
    #expect(same.errors == "")
    #expect(
      same.output == "m.safetensors: 1 tensor merged from 2 checkpoints (linear), "
        + "1 not floating-point and copied\n")
    let other = try Tool.run(
      "merge", "i.safetensors", "k.safetensors", "-o", "m.safetensors", in: folder)
    #expect(
      other.errors
        == "espalier: note: \"n\" is not floating-point and differs; it is taken from i.safetensors\n"
    )
  }

  @Test func `weights that add up to no number are refused`() throws {
    let result = try Tool.run(
      "merge", "a.safetensors", "b.safetensors", "--weight", "1e308", "--weight", "1e308", "-o",
      "m.safetensors", in: folder)
    #expect(result.status == 2)
    #expect(result.errors.contains("the sum of the weights is larger than a number can be"))
    #expect(!folder.exists("m.safetensors"))
  }

  @Test func `directories and shards come out whole`() throws {
    try folder.copy("bert-tiny", to: "tiny")
    try folder.copy("bert-tiny-sharded", to: "shards")
    let result = try Tool.run(
      "merge", "tiny", "shards", "-o", "m", "--shard-size", "60kB", in: folder)
    #expect(result.status == 0, "\(result.errors)")
    #expect(folder.exists("m/model.safetensors.index.json") && folder.exists("m/vocab.txt"))
    #expect(try Tool.run("diff", "tiny", "m", in: folder).status == 0)
  }

  @Test func `inputs that do not fit are refused with one line`() throws {
    try folder.write(Fixture.safetensors([.init("v", [2], [3, 2])]), to: "c.safetensors")
    let result = try Tool.run(
      "merge", "a.safetensors", "c.safetensors", "-o", "m.safetensors", in: folder)
    #expect(result.status == 2)
    #expect(
      result.errors
        == "espalier: error: merge: a.safetensors has \"w\", c.safetensors does not; change one of "
        + "them with espalier edit first\n")
    let base = try Tool.run(
      "merge", "a.safetensors", "b.safetensors", "-o", "m.safetensors", "--method", "ties",
      in: folder)
    #expect(base.status == 64)
    #expect(!folder.exists("m.safetensors"))
  }

  @Test func `an input is not replaced, options of other methods are wrong usage`() throws {
    let refused = try Tool.run(
      "merge", "a.safetensors", "b.safetensors", "-o", "a.safetensors", in: folder)
    #expect(refused.status == 2)
    #expect(refused.errors.contains("is one of the files being read"))
    for options in [["--t", "0.5"], ["--method", "mean"], ["--method", "ema", "--lambda", "1"]] {
      let result = try Tool.run(
        ["merge", "a.safetensors", "b.safetensors", "-o", "m.safetensors"] + options, in: folder)
      #expect(result.status == 64)
    }
    #expect(try Tool.run("merge", "a.safetensors", "-o", "m.safetensors", in: folder).status == 64)
  }
}
