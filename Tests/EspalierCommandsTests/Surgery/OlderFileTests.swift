import CheckpointFiles
import EspalierTestSupport
import Testing

@Suite struct `An older checkpoint in the folder of the output` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write(Self.weights(2), to: "new.safetensors")
    try folder.makeFolder("d")
  }

  private static func weights(_ value: Float) -> [UInt8] {
    Fixture.safetensors([.init("v", [2], [value, value]), .init("w", [2], [value, value])])
  }

  private func old(_ names: String...) throws {
    for name in names { try folder.write(Self.weights(1), to: "d/\(name)") }
  }

  /// The first element of `w` as the folder is read.
  private func value() throws -> Float? {
    try Checkpoint.open(folder.path("d"))["w"]?.floats().first
  }

  private static let shards = [
    "convert", "new.safetensors", "-o", "d/model.safetensors", "--shard-size", "8B",
  ]

  @Test(arguments: [
    shards, ["convert", "new.safetensors", "-o", "d/pytorch_model.bin"],
    ["edit", "new.safetensors", "-o", "d/pytorch_model.bin", "--metadata", "a=b"],
    ["merge", "new.safetensors", "new.safetensors", "-o", "d/pytorch_model.bin"],
    [
      "merge", "new.safetensors", "new.safetensors", "-o", "d/model.safetensors", "--shard-size",
      "8B",
    ],
  ])
  func `that would be read in its place is refused, or replaced when asked`(
    _ arguments: [String]
  ) throws {
    try old("model.safetensors")
    let output = try #require(arguments.first { $0.hasPrefix("d/") })
    let refused = try Tool.run(arguments, in: folder)
    #expect(refused.status == 2)
    #expect(
      refused.errors
        == "espalier: error: \(output): \"model.safetensors\" exists already "
        + "and would be read in place of this; remove it or write to another folder; pass --replace to remove the older checkpoint\n"
    )
    #expect(try Folder.names(folder.path("d")) == ["model.safetensors"])
    #expect(try value() == 1)

    let replaced = try Tool.run(arguments + ["--replace"], in: folder)
    #expect(replaced.status == 0, "\(replaced.errors)")
    #expect(replaced.errors.contains("espalier: note: removed the older d/model.safetensors\n"))
    #expect(try value() == 2)
  }

  @Test(arguments: [
    ("adapter_model.safetensors", "adapter_model.bin"),
    ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"),
  ])
  func `that PEFT or diffusers would read in its place is refused, or replaced when asked`(
    _ older: String, _ newer: String
  ) throws {
    try old(older)
    let arguments = ["convert", "new.safetensors", "-o", "d/\(newer)"]
    let refused = try Tool.run(arguments, in: folder)
    #expect(refused.status == 2)
    #expect(
      refused.errors
        == "espalier: error: d/\(newer): \"\(older)\" exists already and would be read in place of this; "
        + "remove it or write to another folder; pass --replace to remove the older checkpoint\n")
    #expect(try Tool.run(arguments + ["--replace"], in: folder).status == 0)
    #expect(try Folder.names(folder.path("d")) == [newer])
    #expect(try value() == 2)

    try old(older)
    let check = try Tool.run("check", "d", in: folder)
    #expect(check.output.contains("which loaders read"), "\(check.output)")
  }

  @Test func `of diffusers is read by its index first`() throws {
    let name = "d/diffusion_pytorch_model.safetensors"
    let shards = ["convert", "new.safetensors", "-o", name, "--shard-size", "8B"]
    #expect(try Tool.run(shards, in: folder).status == 0)
    let result = try Tool.run("convert", "new.safetensors", "-o", name, in: folder)
    #expect(result.status == 2)
    #expect(result.errors.contains("would be read in place of this"), "\(result.errors)")
  }

  @Test func `goes with its shards`() throws {
    try old("model.safetensors")
    #expect(try Tool.run(Self.shards + ["--replace"], in: folder).status == 0)
    let result = try Tool.run(
      "convert", "new.safetensors", "-o", "d/pytorch_model.bin", "--replace", in: folder)
    #expect(result.status == 0)
    #expect(try Folder.names(folder.path("d")) == ["pytorch_model.bin"])
  }

  @Test func `under the name that was asked for counts, whatever the name`() throws {
    try old("x.safetensors")
    let shards = try Tool.run(
      "convert", "new.safetensors", "-o", "d/x.safetensors", "--shard-size", "8B", in: folder)
    #expect(shards.status == 2)
    let other = try Tool.run("convert", "new.safetensors", "-o", "d/y.safetensors", in: folder)
    #expect(other.status == 0 && other.errors == "")
  }

  @Test func `that is not read any more is noted`() throws {
    try old("pytorch_model.bin")
    let result = try Tool.run("convert", "new.safetensors", "-o", "d/model.safetensors", in: folder)
    #expect(
      result.errors
        == "espalier: note: d/model.safetensors: \"pytorch_model.bin\" in the same folder is from an older checkpoint; loaders "
        + "that look for that name read it\n")
    #expect(try value() == 2)
  }

  @Test func `that is the input stays, which is noted when it comes first`() throws {
    try old("model.safetensors")
    let first = try Tool.run("convert", "d", "-o", "d/pytorch_model.bin", in: folder)
    #expect(
      first.errors
        == "espalier: note: d/pytorch_model.bin: the folder is opened as \"model.safetensors\", which comes first, and not as "
        + "this file\n")
    let back = try Tool.run("convert", "d/pytorch_model.bin", "-o", "e.safetensors", in: folder)
    #expect(back.errors == "")
  }

  @Test func `that is replaced in place goes when it becomes shards`() throws {
    try old("model.safetensors")
    let result = try Tool.run(
      "convert", "d", "-o", "d/model.safetensors", "--shard-size", "4B", "--in-place", "--dtype",
      "F16", in: folder)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors == "espalier: note: removed the older d/model.safetensors\n")
    #expect(try Checkpoint.open(folder.path("d"))["w"]?.dtype == .float16)
  }

  @Test func `is an adapter, and the weights would be read under it`() throws {
    try folder.write(Array("{}".utf8), to: "d/adapter_config.json")
    let result = try Tool.run(
      "convert", "new.safetensors", "-o", "d/model.safetensors", "--replace", in: folder)
    #expect(result.status == 2)
    #expect(result.errors.contains("would be read together with the adapter"))
  }

  @Test func `may be a tokenizer alone, which would come before that of the base`() throws {
    try folder.copy("bert-tiny", to: "tiny")
    try folder.write(Array("{}".utf8), to: "d/tokenizer.json")
    let result = try Tool.run("edit", "tiny", "-o", "d", "--scale", "encoder=2", in: folder)
    #expect(result.status == 2)
    #expect(result.errors.hasPrefix("espalier: error: d/tokenizer.json: exists already;"))
    let replaced = try Tool.run(
      "edit", "tiny", "-o", "d", "--scale", "encoder=2", "--replace", in: folder)
    #expect(replaced.status == 0, "\(replaced.errors)")
    #expect(
      try Fixtures.bytes(folder.path("d/tokenizer.json"))
        == Fixtures.bytes(folder.path("tiny/tokenizer.json")))
  }

  @Test func `in place, what stays beside is noted`() throws {
    try old("model.safetensors", "pytorch_model.bin")
    let result = try Tool.run("edit", "d", "--in-place", "--scale", "w=3", in: folder)
    #expect(
      result.errors
        == "espalier: note: d: \"pytorch_model.bin\" in the same folder is from an older checkpoint; loaders that look for that "
        + "name read it\n")
  }

  @Test func `is found by check, the same weights in another format are not`() throws {
    try old("model.safetensors")
    #expect(try Tool.run("convert", "d", "-o", "d/pytorch_model.bin", in: folder).status == 0)
    #expect(try Tool.run("check", "d", in: folder).output == "d: nothing found\n")
    try folder.write(Self.weights(3), to: "d/pytorch_model.bin")
    #expect(
      try Tool.run("check", "d", in: folder).output
        == "d: warning: v: has other elements in pytorch_model.bin than in model.safetensors, which loaders read: one of "
        + "the two belongs to another checkpoint [other-weights]\n")
  }
}
