import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
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

  @Test func `packed weights of a quantised layer are listed as not readable`() throws {
    typealias P = PickleBytes
    let folder = try TemporaryFolder()
    func module(_ name: String, _ members: [(String, [UInt8])], _ parts: [UInt8]) -> [UInt8] {
      let state = P.dictionary(
        [("_parameters", [0x7D]), ("_buffers", [0x7D]), ("_modules", parts)] + members)
      return P.global("torch.ao.nn.quantized.modules.linear", name) + [0x29, 0x81] + state + [0x62]
    }
    let tensor = P.tensor(P.storage("0", count: 2), size: [2], strides: [1])
    let packed =
      P.global("torch", "ScriptObject") + [0x29, 0x81]
      + P.tuple([P.tuple([tensor, [0x4E]]), P.string("__torch__.torch.classes.quantized.P")])
      + [0x62]
    let parts = P.dictionary([
      ("packed", module("LinearPackedParams", [("_packed_params", packed)], [0x7D]))
    ])
    let pickle = P.whole(module("Linear", [("scale", [0x4B, 1])], parts))
    let file = ZipBytes(pickle: pickle, storages: [[UInt8](repeating: 0, count: 8)]).bytes
    let checkpoint = try use(file, in: folder)
    #expect(checkpoint.tensors.isEmpty)
    #expect(
      checkpoint.unsupported.map { "\($0.key): \($0.reason)" } == [
        "packed._packed_params: a parameter that is a torch.ScriptObject, not a tensor"
      ])
    #expect(throws: CheckpointError.self) { try checkpoint.write(to: folder.file("a.pt")) }
  }
}
