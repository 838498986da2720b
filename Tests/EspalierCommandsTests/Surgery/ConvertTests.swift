import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

@Suite struct `espalier convert` {
  let folder: Folder
  init() throws { folder = try Folder() }

  private let views = Fixtures.path("torch/views.pt")

  @Test func `the ending decides the format, and there and back gives the same bytes`() throws {
    for output in ["a.safetensors", "b.pt", "c.safetensors"] {
      let input =
        output == "b.pt" ? "a.safetensors" : output == "c.safetensors" ? "b.pt" : views
      let result = try Tool.run("convert", input, "-o", output, in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output == "")
    }
    let (a, c) = (folder.path("a.safetensors"), folder.path("c.safetensors"))
    #expect(try Fixtures.bytes(a) == Fixtures.bytes(c))
    #expect(try Checkpoint.open(folder.path("b.pt")).format == .torchZip)
  }

  @Test func `a dtype casts, shards make an index`() throws {
    let result = try Tool.run(
      "convert", Fixtures.path("bert-tiny"), "-o", "model.safetensors", "--dtype", "bf16",
      "--shard-size", "20kB", in: folder)
    #expect(result.status == 0, "\(result.errors)")
    let checkpoint = try Checkpoint.open(folder.path("model.safetensors.index.json"))
    #expect(checkpoint.format == .sharded)
    #expect(checkpoint["embeddings.word_embeddings.weight"]?.dtype == .bfloat16)
  }

  @Test func `numbers that are too large are counted`() throws {
    var checkpoint = Checkpoint()
    checkpoint.tensors["w"] = Tensor([1e30, 7e4, 500, 1], shape: [4])
    try checkpoint.write(to: folder.path("w.safetensors"))
    for (dtype, expected) in [
      ("F16", "2 values too large for F16, stored as infinity"),
      ("F8_E4M3", "3 values too large for F8_E4M3, stored as its largest value"), ("BF16", ""),
    ] {
      let result = try Tool.run(
        "convert", "w.safetensors", "-o", "\(dtype).safetensors", "--dtype", dtype, in: folder)
      #expect(result.status == 0)
      #expect(result.errors == (expected.isEmpty ? "" : "espalier: warning: \"w\": \(expected)\n"))
    }
  }

  /// PyTorch leaves such in memory that nobody filled.
  @Test func `the smallest doubles have statistics and differences`() throws {
    for (name, value) in [
      ("a", Double("6.9e-310") ?? 0), ("b", Double.leastNonzeroMagnitude),
    ] {
      var checkpoint = Checkpoint()
      checkpoint.tensors["n"] = Tensor(
        dtype: .float64, shape: [1],
        bytes: (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) })
      try checkpoint.write(to: folder.path("\(name).safetensors"))
    }
    let listing = try Tool.run("ls", "a.safetensors", "--stats", in: folder)
    #expect(listing.status == 0)
    #expect(listing.output.contains("  6.9e-310  "))
    let diff = try Tool.run("diff", "a.safetensors", "b.safetensors", in: folder)
    #expect(diff.status == 1)
    #expect(diff.output.contains("  6.9e-310  "))
  }

  @Test func `what is lost is noted, what is foreign is refused unless it may be left out`() throws
  {
    let training = try Tool.run(
      "convert", Fixtures.path("torch/training.pt"), "-o", "a.safetensors", in: folder)
    #expect(training.status == 0)
    #expect(training.errors.contains(" values that are not tensors are left out"))
    let foreign = Fixtures.path("torch/foreign.pt")
    let refused = try Tool.run("convert", foreign, "-o", "b.pt", in: folder)
    #expect(refused.status == 2)
    #expect(
      refused.errors
        == "espalier: error: \(foreign): holds values of unknown classes: \"argparse.Namespace\" "
        + "(key \"args\"); pass --ignore-foreign to leave them out\n")
    let allowed = try Tool.run("convert", foreign, "-o", "b.pt", "--ignore-foreign", in: folder)
    #expect(allowed.status == 0)
    #expect(
      allowed.errors
        == "espalier: note: \(foreign): values of \"argparse.Namespace\" are left out\n")
  }

  @Test func `the input is replaced only with --in-place`() throws {
    _ = try Tool.run("convert", views, "-o", "a.pt", in: folder)
    let refused = try Tool.run("convert", "a.pt", "-o", "a.pt", in: folder)
    #expect(refused.status == 2)
    #expect(refused.errors.contains("is one of the files being read"))
    let allowed = try Tool.run(
      "convert", "a.pt", "-o", "a.pt", "--in-place", "--dtype", "F16", in: folder)
    #expect(allowed.status == 0)
    #expect(try Checkpoint.open(folder.path("a.pt"))["base"]?.dtype == .float16)
  }

  @Test func `an ending that says nothing, or an odd dtype or size, is wrong usage`() throws {
    for arguments in [
      ["-o", "a.bin.gz"], ["-o", "a.pt", "--dtype", "I8"], ["-o", "a.pt", "--shard-size", "0"],
      ["-o", "a.safetensors", "--preserve-strides"],
    ] {
      let result = try Tool.run(["convert", views] + arguments, in: folder)
      #expect(result.status == 64, "\(arguments)")
    }
  }
}
