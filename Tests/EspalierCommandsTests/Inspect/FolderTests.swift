import EspalierTestSupport
import Testing

@Suite struct `A folder that is named for results` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.copy("bert-tiny", to: "tiny")
  }

  private static let training = [
    "train", "--model", "tiny", "--head", "mlp:8", "--train", "linear", "--epochs", "1",
    "--data", Fixtures.path("sentiment/train.tsv"), "--eval", Fixtures.path("sentiment/dev.tsv"),
  ]

  @Test(arguments: [
    ["graft", "tiny", "--head", "mlp:8", "--labels", "2", "-o", "runs/new/one"],
    ["edit", "tiny", "--scale", "encoder=2", "-o", "runs/new/one"],
    ["merge", "tiny", "tiny", "-o", "runs/new/one"],
    training + ["-o", "runs/new/one", "--cache-dir", "caches/new"],
  ])
  func `is made with those above it`(arguments: [String]) throws {
    let result = try Tool.run(arguments, in: folder)
    #expect(result.status == 0, "\(result.errors)")
    #expect(folder.exists("runs/new/one/model.safetensors"))
    #expect(folder.exists("caches/new") == arguments.contains("--cache-dir"))
  }

  @Test(arguments: [
    ["edit", "tiny", "--rename", "absent=x", "-o", "runs/new/one"],
    ["edit", "tiny", "--scale", "encoder=2", "-o", "runs/new/one", "--dry-run"],
    training + ["-o", "runs/new/one", "--dry-run"],
    ["edit", "tiny", "--scale", "encoder=2", "-o", "tiny/config.json/one"],
    training + ["-o", "tiny/config.json/one"],
  ])
  func `is not made by what writes nothing`(arguments: [String]) throws {
    let result = try Tool.run(arguments, in: folder)
    #expect(result.status == (arguments.contains("--dry-run") ? 0 : 2))
    #expect(try folder.names == ["tiny"])
  }

  @Test(arguments: [
    ["edit", "tiny", "--scale", "encoder=2", "-o", "runs/one.safetensors"],
    ["convert", "tiny", "-o", "runs/one.safetensors"],
    ["mask", "create", "tiny", "--train", "encoder", "-o", "runs/one.safetensors"],
    ["delta", "create", "tiny", "tiny", "-o", "runs/one.safetensors"],
  ])
  func `is not made for a file`(arguments: [String]) throws {
    let result = try Tool.run(arguments, in: folder)
    #expect(result.status == 2)
    #expect(
      result.errors
        == "espalier: error: runs/one.safetensors: the folder \"runs\" does not exist\n")
    #expect(try folder.names == ["tiny"])
  }
}
