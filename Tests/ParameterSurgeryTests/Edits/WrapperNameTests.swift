import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

@testable import ParameterSurgery

@Suite struct WrapperNameTests {
  private func keys(_ keys: [String], preset: String = "strip-wrappers") throws -> [String] {
    var base = Checkpoint()
    for key in keys { base.tensors[Key(key)] = filled(0, [1]) }
    var plan = SurgeryPlan(for: base)
    try plan.append(SurgeryOperation(.preset, [preset]))
    return plan.apply().keys.map(\.string)
  }

  @Test(arguments: [
    "module.", "module.module.", "_orig_mod.", "_orig_mod.module.", "module._orig_mod.",
    "_forward_module.",
    "_fsdp_wrapped_module._fpw_module.", "_fsdp_wrapped_module._checkpoint_wrapped_module.",
    "_module.",
    "module._orig_mod.module.module.", "_forward_module._orig_mod.module.",
  ])
  func `the names of wrappers before every key are removed`(_ prefix: String) throws {
    #expect(try keys(["a.weight", "b"].map { prefix + $0 }) == ["a.weight", "b"])
    #expect(
      try keys(["a.weight", "b"].map { "state_dict." + prefix + $0 }) == [
        "state_dict.a.weight", "state_dict.b",
      ])
  }

  @Test func `the names of wrappers inside of keys are removed`() throws {
    #expect(
      try keys([
        "layers.0._fsdp_wrapped_module._checkpoint_wrapped_module.a", "layers.1._orig_mod.module.a",
        "c",
      ])
        == ["layers.0.a", "layers.1.a", "c"])
    // What a wrapper may have named, or the model, stays where not every key has it.
    #expect(try keys(["_orig_mod.module.a", "_orig_mod.b"]) == ["module.a", "b"])
    #expect(try keys(["module._orig_mod.module.a", "module._orig_mod.b"]) == ["module.a", "b"])
    #expect(
      try keys(["module._checkpoint_wrapped_module.a", "head._checkpoint_wrapped_module.b"])
        == ["module.a", "head.b"])
    #expect(
      try keys(["backbone.module._orig_mod.a", "head.module._orig_mod.b"])
        == ["backbone.a", "head.b"])
    #expect(throws: SurgeryError.self) { _ = try keys(["module.a", "b"]) }
    #expect(throws: SurgeryError.self) { _ = try keys(["module"]) }
    #expect(throws: SurgeryError.self) { _ = try keys(["encoder.module.a", "encoder.module.b"]) }
  }

  @Test(
    arguments: [
      ("averaged", "strip-wrappers", "a.", []), ("compiled", "strip-wrappers", "a.", []),
      ("compiled-inside", "strip-wrappers", "a.", []),
      ("nested", "strip-wrappers", "state_dict.a.", ["epoch"]),
      ("engine", "strip-wrappers", "a.", []), ("fabric", "strip-wrappers", "model.a.", ["step"]),
      ("ema", "strip-wrappers", "a.", []), ("lightning", "lightning", "a.", []),
      ("lightning-wrapped", "lightning", "a.", []),
    ] as [(String, String, String, [String])])
  func `what a preset writes has the tensors of the model, and nothing of what was around them`(
    _ name: String, _ preset: String, _ prefix: String, _ values: [String]
  ) throws {
    let folder = try TemporaryFolder()
    let base = try Checkpoint.open(Fixtures.path("wrappers/\(name).pt"))
    var plan = SurgeryPlan(for: base)
    try plan.append(SurgeryOperation(.preset, [preset]))
    try plan.apply().write(to: folder.path("out.pt"))
    let result = try Checkpoint.open(folder.path("out.pt"))
    #expect(Set(result.keys.map(\.string)) == [prefix + "weight", prefix + "bias"])
    #expect(try result[Key(prefix + "weight")]?.floats() == [0, 1, 2, 3])
    #expect(try result.values.map(\.key.string) == values)
  }

  @Test func `a training checkpoint keeps what is beside its model`() throws {
    let folder = try TemporaryFolder()
    let base = try Checkpoint.open(Fixtures.path("wrappers/training.pt"))
    var plan = SurgeryPlan(for: base)
    try plan.append(SurgeryOperation(.preset, ["strip-wrappers"]))
    try plan.apply().write(to: folder.path("out.pt"))
    let result = try Checkpoint.open(folder.path("out.pt"))
    #expect(result.keys.contains("state_dict.a.weight"))
    #expect(result.keys.contains("optimizer.state.0.exp_avg"))
    #expect(try result.values.map(\.key.string).prefix(2) == ["epoch", "arch"])
    #expect(throws: SurgeryError.self) {
      var plan = SurgeryPlan(for: try Checkpoint.open(Fixtures.path("wrappers/part.pt")))
      try plan.append(SurgeryOperation(.preset, ["strip-wrappers"]))
    }
  }

  @Test func `a dictionary whose tensors left it is not written`() throws {
    let folder = try TemporaryFolder()
    for (operation, argument, expected) in [
      (SurgeryOperation.Kind.keep, "state_dict", ["epoch", "arch"]),
      (.drop, "state_dict.module", ["epoch", "arch"]),
      (.stripPrefix, "state_dict.module.", ["epoch", "arch"]),
    ] {
      var plan = SurgeryPlan(for: try Checkpoint.open(Fixtures.path("wrappers/training.pt")))
      try plan.append(SurgeryOperation(operation, [argument]))
      try plan.apply().write(to: folder.path("out.pt"))
      let values = try Checkpoint.open(folder.path("out.pt")).values.map(\.key.string)
      #expect(Array(values.prefix(2)) == expected)
      #expect(!values.contains("state_dict"))
      #expect(!values.contains("optimizer.state"))
    }
  }

  @Test func `a BertModel has no head, and a DistilBERT no names of 2018`() throws {
    #expect(try keys(["bert.a", "bert.b", "cls.c"], preset: "strip-bert") == ["a", "b"])
    let old = try Checkpoint.open(Fixtures.path("bert-tiny-old"))
    var plan = SurgeryPlan(for: old)
    try plan.append(SurgeryOperation(.preset, ["distilbert"]))
    let names = plan.apply().keys.map(\.string)
    #expect(names.contains("distilbert.transformer.layer.0.sa_layer_norm.weight"))
    #expect(!names.contains { $0.hasSuffix("gamma") || $0.hasSuffix("beta") })
  }
}
