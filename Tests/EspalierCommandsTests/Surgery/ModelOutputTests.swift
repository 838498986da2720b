import ArgumentParser
import CheckpointFiles
import EspalierTestSupport
import Testing

@testable import EspalierCommands

@Suite struct `The output of a model` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.copy("bert-tiny", to: "tiny")
    try folder.write(Fixture.safetensors(Fixture.story), to: "m.safetensors")
  }

  private func output(
    _ path: String, inPlace: Bool = false, replacesOlder: Bool = false
  ) throws -> ModelOutput {
    ModelOutput(
      base: try Checkpoint.open(folder.path("tiny")), path: folder.path(path), inPlace: inPlace,
      replacesOlder: replacesOlder)
  }

  @Test(arguments: ["new.txt", "folder/model.onnx", "a.gguf"])
  func `with the ending of another kind of file is refused`(_ path: String) {
    #expect(throws: ValidationError.self) { try ModelOutput.checkEnding(of: path) }
  }

  @Test(arguments: [
    "new", "new.safetensors", "new.bin", "v1.5", "new.txt/", ".hidden", "a.b/model",
    "name.toolongending",
    "x.v2",
  ])
  func `with the ending of a checkpoint, or none, is taken`(_ path: String) throws {
    try ModelOutput.checkEnding(of: path)
  }

  @Test func `is a folder with a configuration, or a file without`() throws {
    #expect(try output("new").writesConfiguration)
    #expect(try !output("new.safetensors").writesConfiguration)
    #expect(try output("tiny", inPlace: true).writesConfiguration)
    #expect(try !output("m.safetensors", inPlace: true).writesConfiguration)
  }

  @Test func `does not fill a folder that holds a model, unless it replaces it`() throws {
    try folder.copy("bert-tiny", to: "other")
    let checkpoint = try Checkpoint.open(folder.path("tiny"))
    #expect(throws: InputError.self) { try output("other").check(checkpoint) }
    try output("other", replacesOlder: true).check(checkpoint)
    #expect(throws: InputError.self) { try output("tiny", replacesOlder: true).check(checkpoint) }
    #expect(throws: InputError.self) { try output("m.safetensors/x").check(checkpoint) }
    try output("new/deep").check(checkpoint)
    #expect(!folder.exists("new"))
  }

  @Test func `says what it writes and what was there`() throws {
    #expect(ModelFolder.holds("model-00001-of-00002.safetensors"))
    #expect(ModelFolder.holds("config.json"))
    #expect(!ModelFolder.holds("notes.txt"))
    #expect(
      ModelFolder.stale(in: folder.path("tiny"), unlike: ["config.json"]).contains("vocab.txt"))
  }
}
