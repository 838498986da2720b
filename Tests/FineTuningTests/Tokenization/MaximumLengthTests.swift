import CheckpointFiles
import EspalierTestSupport
import Testing

@testable import FineTuning

@Suite struct `The maximum length` {
  private func model() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
      try folder.write(name, bytes: Fixtures.bytes(Fixtures.path("bert-tiny/\(name)")))
    }
    try folder.write("tokenizer_config.json", #"{"model_max_length": 16}"#)
    return folder
  }

  @Test func `is that of the tokenizer's files unless a user asks for more`() throws {
    let folder = try model()
    let usual = try TinyRun.make(model: folder.path)
    #expect(usual.settings.maximumLength == 16)
    let longer = try TinyRun.make(model: folder.path) { $0.maximumLength = 40 }
    #expect(longer.settings.maximumLength == 40)
    let error = #expect(throws: FineTuningError.self) {
      _ = try TinyRun.make(model: folder.path) { $0.maximumLength = 65 }
    }
    #expect(
      error?.description
        == "the maximum length is 65, expected 3 to 64, the most that \(folder.path) reads")
  }

  @Test func `of a trained model goes on beyond that of its tokenizer's files`() throws {
    let folder = try model()
    let run = try TinyRun.make(model: folder.path) {
      $0.maximumLength = 40
      $0.options.epochs = 1
    }
    _ = try run.train(into: folder.path("tuned"))
    let tuned = try ModelDirectory(folder.path("tuned"))
    #expect(try TextClassifier(tuned).settings.maximumLength == 40)
    #expect(try TextClassifier(tuned, maximumLength: 64).settings.maximumLength == 64)
    let more = try TinyRun.make(model: folder.path("tuned")) { $0.head = nil }
    #expect(more.settings.maximumLength == 40)
  }
}
