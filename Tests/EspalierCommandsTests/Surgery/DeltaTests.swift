import CheckpointFiles
import EspalierTestSupport
import Testing

@Suite struct `espalier delta` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.copy("bert-tiny", to: "base")
    let tuned = try Tool.run(
      "edit", "base", "-o", "tuned", "--scale", "embeddings.word_embeddings.weight[100:104]=2",
      "--add", "linear.weight=F32[2,32]:kaiming", "--rename", "pooler=head", in: folder)
    #expect(tuned.status == 0, "\(tuned.errors)")
  }

  @Test func `a delta brings the tuned file back byte for byte`() throws {
    let create = try Tool.run(
      "delta", "create", "base", "tuned", "-o", "d.safetensors", in: folder)
    #expect(create.status == 0, "\(create.errors)")
    #expect(create.output == "d.safetensors: 1 tensor, 4 rows of 1 tensor, 2 renamed, 768 B\n")
    let apply = try Tool.run(
      "delta", "apply", "base", "d.safetensors", "-o", "again", in: folder)
    #expect(apply.status == 0, "\(apply.errors)")
    #expect(apply.output == "again: 40 tensors\n")
    #expect(
      try folder.bytes("again/model.safetensors") == folder.bytes("tuned/model.safetensors"))
    #expect(try folder.bytes("again/vocab.txt") == folder.bytes("base/vocab.txt"))
  }

  @Test func `the JSON names the counts and the base`() throws {
    let create = try Tool.run(
      "delta", "create", "base", "tuned", "-o", "d.safetensors", "--json", in: folder)
    let object = try create.object()
    #expect(
      Set(object.keys) == ["version", "path", "tensors", "rows", "renamed", "bytes", "base_sha256"])
    #expect(object["tensors"] as? Int == 1)
    #expect(object["rows"] as? Int == 4)
    #expect(object["renamed"] as? Int == 2)
    #expect((object["base_sha256"] as? String)?.count == 64)
    let apply = try Tool.run(
      "delta", "apply", "base", "d.safetensors", "-o", "again.safetensors", "--json", in: folder)
    #expect(try apply.object()["tensors"] as? Int == 40)
  }

  @Test func `another base, a file that is no delta and a damaged one are refused`() throws {
    _ = try Tool.run("delta", "create", "base", "tuned", "-o", "d.safetensors", in: folder)
    let other = try Tool.run(
      "delta", "apply", "tuned", "d.safetensors", "-o", "x.safetensors", in: folder)
    #expect(other.status == 2)
    #expect(other.errors.hasPrefix("espalier: error: tuned: is not the base of this delta"))
    let none = try Tool.run(
      "delta", "apply", "base", "tuned/model.safetensors", "-o", "x.safetensors", in: folder)
    #expect(none.status == 2)
    #expect(
      none.errors
        == "espalier: error: tuned/model.safetensors: is not a delta: its metadata has no "
        + "`espalier-delta`\n")
    let bytes = try folder.bytes("d.safetensors")
    try folder.write(Array(bytes.dropLast(10)), to: "short.safetensors")
    let short = try Tool.run(
      "delta", "apply", "base", "short.safetensors", "-o", "x.safetensors", in: folder)
    #expect(short.status == 2)
    #expect(!folder.exists("x.safetensors"))
    #expect(
      try Tool.run("delta", "create", "base", "tuned", "-o", "d.bin", in: folder).status == 64)
  }
}
