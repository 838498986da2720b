import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

@testable import ParameterSurgery

@Suite struct `A plan for transformers` {
  private static let bert = [
    "embeddings.word_embeddings.weight", "encoder.layer.0.output.LayerNorm.weight",
  ]

  private func plan(_ keys: [String]) throws -> SurgeryPlan {
    var base = Checkpoint()
    for key in keys { base.tensors[Key(key)] = filled(0, [2, 2]) }
    var plan = SurgeryPlan(for: base)
    try plan.convert(to: .transformers)
    return plan
  }

  private func keys(_ keys: [String]) throws -> [String] {
    try plan(keys).apply().keys.map(\.string)
  }

  private func message(_ keys: [String]) -> String {
    do {
      _ = try plan(keys)
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: [
    "state_dict.", "module.", "_orig_mod.", "model.", "state_dict.model.", "model.module.",
    "state_dict._forward_module.model._orig_mod.", "0.auto_model.", "encoder.", "net.0.",
    "model_state_dict.module._orig_mod.", "a-b.",
  ])
  func `removes wrappers and containers in any combination`(_ prefix: String) throws {
    #expect(try keys(Self.bert.map { prefix + $0 }) == Self.bert)
    let inside = Self.bert.map { "bert." + $0 } + ["classifier.weight"]
    let result = try plan(
      inside.map { prefix + $0 } + ["optimizer.state.0.exp_avg", "scheduler.last"])
    #expect(result.apply().keys.map(\.string) == inside)
  }

  @Test(arguments: [
    ["model.embed_tokens.weight", "model.layers.0.mlp.up_proj.weight", "lm_head.weight"],
    ["transformer.wte.weight", "transformer.h.0.attn.c_attn.weight"],
    ["model.shared.weight", "model.encoder.embed_positions.weight"],
    [
      "distilbert.embeddings.word_embeddings.weight",
      "distilbert.transformer.layer.0.ffn.lin1.weight",
    ],
    [
      "encoder.embeddings.word_embeddings.weight", "decoder.bert.embeddings.word_embeddings.weight",
    ],
  ])
  func `keeps names that the model has itself`(_ model: [String]) throws {
    let untouched = try plan(model)
    #expect(untouched.apply().keys.map(\.string) == model)
    #expect(untouched.steps.isEmpty)
    #expect(try keys(model.map { "state_dict." + $0 }) == model)
    #expect(try keys(model.map { "model." + $0 }) == model)
  }

  @Test func `removes wrappers inside of the model, old names and an optimiser beside it`() throws {
    let result = try plan([
      "bert.embeddings.word_embeddings.weight",
      "bert.encoder._fsdp_wrapped_module.layer.0._checkpoint_wrapped_module.output.LayerNorm.gamma",
      "optimizer.state.bert.embeddings.word_embeddings.weight",
    ])
    #expect(
      result.apply().keys.map(\.string) == [
        "bert.embeddings.word_embeddings.weight", "bert.encoder.layer.0.output.LayerNorm.weight",
      ])
    #expect(result.steps.map(\.operation.kind) == [.drop, .rename, .rename, .rename])
  }

  @Test func `is a list of ordinary operations, which give the same result`() throws {
    let base = try Checkpoint.open(Fixtures.path("wrappers/bert-training.pt"))
    var plan = SurgeryPlan(for: base)
    try plan.convert(to: .transformers)
    let operations = plan.steps.map(\.operation)
    #expect(
      operations.map(\.description) == [
        "keep state_dict.model._orig_mod", "strip-prefix state_dict.model._orig_mod.",
        "rename /(.*)LayerNorm\\.gamma/=$1LayerNorm.weight",
        "rename /(.*)LayerNorm\\.beta/=$1LayerNorm.bias",
        "drop cls.predictions.decoder.weight cls.predictions.decoder.bias",
      ])
    var again = SurgeryPlan(for: base)
    for operation in operations {
      try again.append(try SurgeryOperation(operation.kind, operation.arguments))
    }
    #expect(again.apply().keys == plan.apply().keys)
    #expect(plan.apply().keys.contains("bert.encoder.layer.0.output.LayerNorm.weight"))
    #expect(!plan.apply().keys.contains { $0.string.contains("exp_avg") })
  }

  @Test func `notes ties that are written once, and tensors that are dropped`() throws {
    var base = try Checkpoint.open(Fixtures.path("wrappers/bert-training.pt"))
    base.tensors["state_dict.loss.weight"] = filled(1, [2])
    var plan = SurgeryPlan(for: base)
    try plan.convert(to: .transformers)
    #expect(
      plan.notes.contains(
        "\"state_dict.loss.weight\" is not below \"state_dict.model._orig_mod\", the model, and is dropped"
      ))
    #expect(
      plan.notes.contains(
        "\"cls.predictions.decoder.weight\" is \"bert.embeddings.word_embeddings.weight\" again, which the class of the "
          + "model ties to it: it is written once"))
  }

  @Test(arguments: [
    ("{\"tie_word_embeddings\": false}", true), ("{\"tie_word_embeddings\": true}", false),
    ("{\"model_type\": \"gpt2\"}", false), ("{\"model_type\": \"unknown\"}", true), ("{}", true),
  ])
  func `equal copies are written once when config.json says that they are tied`(
    _ config: String, _ keeps: Bool
  ) throws {
    let folder = try TemporaryFolder()
    try Checkpoint(tensors: [
      "transformer.wte.weight": filled(1, [3, 2]), "lm_head.weight": filled(1, [3, 2]),
    ]).write(to: folder.path("model.safetensors"))
    try folder.write("config.json", config)
    var plan = SurgeryPlan(for: try Checkpoint.open(folder.path))
    try plan.convert(to: .transformers)
    #expect(plan.apply().keys.contains("lm_head.weight") == keeps)
  }

  @Test func `an output with other elements is kept and noted`() throws {
    let folder = try TemporaryFolder()
    try Checkpoint(tensors: [
      "transformer.wte.weight": filled(1, [3, 2]), "lm_head.weight": filled(2, [3, 2]),
    ]).write(to: folder.path("model.safetensors"))
    try folder.write("config.json", "{\"tie_word_embeddings\": true}")
    var plan = SurgeryPlan(for: try Checkpoint.open(folder.path))
    try plan.convert(to: .transformers)
    #expect(plan.apply().keys.contains("lm_head.weight"))
    #expect(plan.notes.contains { $0.contains("different elements") })
  }

  @Test func `what is ambiguous is an error that names what was found`() throws {
    let twice = Self.bert.flatMap { ["student." + $0, "teacher." + $0] }
    #expect(
      message(twice)
        == "to transformers: there are several models: \"student\" (2 tensors) and \"teacher\" (2 tensors); keep one of "
        + "them first")
    #expect(
      message(["net.a", "net.b", "head.c"])
        == "to transformers: no key is that of the word embeddings of a model of transformers; the keys begin with "
        + "\"net\" (2 tensors) and \"head\" (1 tensor)")
  }
}
