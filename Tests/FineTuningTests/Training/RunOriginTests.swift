import CheckpointFiles
import EspalierTestSupport
import FineTuning
import OrderedCollections
import ParameterSurgery
import Testing

@Suite("The model of a resumed run")
struct RunOriginTests {
  private let folder: TemporaryFolder

  /// A copy of the tiny BERT, and a run that was stopped in its second epoch.
  init() throws {
    folder = try TemporaryFolder()
    let files = [
      "config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json", "model.safetensors",
    ]
    for name in files {
      try folder.write(name, bytes: Fixtures.bytes(Fixtures.path("bert-tiny/\(name)")))
    }
    #expect(throws: Interruption.self) {
      try TinyRun.make(model: folder.path).train(into: folder.path("run")) {
        if case .step(2, 2, _, _, _) = $0 { throw Interruption() }
      }
    }
  }

  private func resume(_ model: String? = nil) throws -> TrainingRun {
    try TinyRun.make(model: model ?? folder.path) {
      $0.resuming = try StoredRun(folder: folder.path("run"))
    }
  }

  private func refusal() -> String {
    do {
      _ = try resume()
      return ""
    } catch {
      return "\(error)"
    }
  }

  private func replace(_ name: String, _ from: String, _ to: String) throws {
    let text = String(decoding: try Fixtures.bytes(folder.path(name)), as: UTF8.self)
    let parts = text.split(separator: from, maxSplits: 1, omittingEmptySubsequences: false)
    try #require(parts.count == 2)
    try folder.write(name, bytes: Array(parts.joined(separator: to).utf8))
  }

  @Test func `a frozen tensor with other values is refused by its name`() throws {
    var base = try Checkpoint.open(folder.path("model.safetensors"))
    let key: Key = "encoder.layer.0.output.dense.weight"
    let tensor = try #require(base[key])
    let values = try tensor.floats().map { $0 * 3 }
    base.tensors[key] = Tensor(values, shape: tensor.shape)
    try base.write(to: folder.path("new.safetensors"))
    try folder.write("model.safetensors", bytes: Fixtures.bytes(folder.path("new.safetensors")))
    #expect(
      refusal() == "\(folder.path("run")): the run was started with another model than "
        + "\(folder.path) is now: the values of \"bert.\(key.string)\" are others now; put the "
        + "model back, or start a new run")
  }

  @Test(arguments: [
    ("\"layer_norm_eps\": 1e-12", "\"layer_norm_eps\": 1e-05", "layer_norm_eps"),
    (
      "\"hidden_dropout_prob\": 0.1", "\"hidden_dropout_prob\": 0.2", "hidden_dropout_prob"
    ),
    ("\"num_attention_heads\": 4", "\"num_attention_heads\": 2", "num_attention_heads"),
  ])
  func `a field of the configuration that enters the computation is bound`(
    _ before: String, _ after: String, _ name: String
  ) throws {
    try replace("config.json", before, after)
    #expect(refusal().contains("`\(name)` of config.json was "), "\(refusal())")
  }

  @Test func `other members of the configuration may change`() throws {
    try replace("config.json", "{", "{\"_name_or_path\": \"elsewhere\",")
    #expect(try resume().resumption?.isUnchanged == true)
  }

  @Test func `the tokenizer's files are bound`() throws {
    try replace("tokenizer_config.json", "{", "{ ")
    #expect(refusal().contains("the tokenizer's file \"tokenizer_config.json\" has changed"))
  }

  @Test func `the same weights in another file are the same model`() throws {
    let other = try TemporaryFolder()
    for name in ["config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json"] {
      try other.write(name, bytes: Fixtures.bytes(folder.path(name)))
    }
    try Checkpoint.open(folder.path("model.safetensors")).write(
      to: other.path("pytorch_model.bin"))
    let resumed = try resume(other.path)
    #expect(resumed.resumption?.isUnchanged == true)
    #expect(!resumed.plan.notes.contains { $0.description.contains("without a record") })
  }

  @Test func `a run that was stored without a record of its model goes on with a note`() throws {
    let path = folder.path("run/training-state.espalier")
    var state = try Checkpoint.open(path)
    let text = try #require(state.metadata["espalier"])
    guard var members = try JSONParser.parse(Array(text.utf8)).object else { return }
    members["origin"] = nil
    state.metadata["espalier"] = JSONValue.object(members).text()
    try state.write(to: folder.path("old"))
    try folder.write("run/training-state.espalier", bytes: Fixtures.bytes(folder.path("old")))
    let resumed = try resume()
    #expect(
      resumed.plan.notes.contains {
        $0.description.contains("stored without a record of its model")
      })
  }
}
