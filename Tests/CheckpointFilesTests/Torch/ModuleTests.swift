import CheckpointFiles
import EspalierTestSupport
import Testing

/// Whole modules, against the state dicts that PyTorch gives of them.
@Suite struct ModuleTests {
  static let files = [
    "attention.pt", "lstm.pt", "weight_norm.pt", "spectral_norm.pt", "pruned.pt", "parallel.pt",
  ]

  @Test(arguments: files)
  func `a whole module has the keys of its state dict, in its order`(_ name: String) throws {
    let checkpoint = try Checkpoint.open(Fixtures.path("modules/" + name))
    try expectTensors(checkpoint, ExpectedTensor.all(of: name, in: "modules"))
    #expect(checkpoint.unsupported.isEmpty)
  }

  @Test(arguments: files)
  func `a whole module is written as its state dict when its class is left out`(
    _ name: String
  ) throws {
    let folder = try TemporaryFolder()
    let checkpoint = try Checkpoint.open(Fixtures.path("modules/" + name))
    #expect(throws: CheckpointError.self) { try checkpoint.write(to: folder.file("a.pt")) }
    try checkpoint.write(to: folder.file("a.pt"), options: WriteOptions(ignoresForeign: true))
    let back = try Checkpoint.open(folder.file("a.pt"))
    try expectTensors(back, ExpectedTensor.all(of: name, in: "modules"))
    #expect(back.foreignGlobals.isEmpty)
    #expect(try back.values.isEmpty)
  }
}
