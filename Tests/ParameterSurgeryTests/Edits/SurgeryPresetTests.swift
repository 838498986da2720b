import CheckpointFiles
import OrderedCollections
import ParameterSurgery
import Testing

@Suite struct SurgeryPresetTests {
  /// The keys after a preset was applied to tensors with these keys.
  private func keys(_ preset: SurgeryPreset, _ keys: [String]) throws -> [String] {
    let tensor = try #require(Tensor([1], shape: [1]))
    var checkpoint = Checkpoint()
    for key in keys { checkpoint.tensors[Key(key)] = tensor }
    var plan = SurgeryPlan(for: checkpoint)
    try plan.apply(preset)
    return plan.apply().keys.map(\.string)
  }

  @Test func `gamma and beta of LayerNorm become weight and bias, others stay`() throws {
    #expect(
      try keys(.gammaBeta, ["a.LayerNorm.gamma", "a.LayerNorm.beta", "b.gamma", "b.weight"])
        == ["a.LayerNorm.weight", "a.LayerNorm.bias", "b.gamma", "b.weight"])
  }

  @Test func `strip-bert keeps what is below bert without the prefix`() throws {
    #expect(try keys(.stripBert, ["bert.a.weight", "cls.weight"]) == ["a.weight"])
    #expect(try keys(.stripBert, ["bert.a", "bertha.b"]) == ["a"])
  }

  @Test func `lightning takes the model out of its state dict`() throws {
    #expect(
      try keys(.lightning, ["state_dict.model.a", "state_dict.model.b", "epoch"]) == ["a", "b"])
    #expect(
      try keys(.lightning, ["state_dict.net.a", "state_dict.loss.b"]) == ["net.a", "loss.b"])
  }

  @Test func `distilbert takes every other layer under DistilBERT's names`() throws {
    let modules = [
      "attention.self.query", "attention.self.key", "attention.self.value",
      "attention.output.dense", "attention.output.LayerNorm", "intermediate.dense", "output.dense",
      "output.LayerNorm",
    ]
    let layers = (0..<4).flatMap { layer in
      modules.map { "bert.encoder.layer.\(layer).\($0).weight" }
    }
    let names = try keys(
      .distilbert,
      ["bert.embeddings.word_embeddings.weight"] + layers + ["bert.pooler.dense.weight"])
    let parts = [
      "attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin",
      "sa_layer_norm", "ffn.lin1", "ffn.lin2", "output_layer_norm",
    ]
    #expect(
      names == ["distilbert.embeddings.word_embeddings.weight"]
        + (0..<2).flatMap { layer in
          parts.map { "distilbert.transformer.layer.\(layer).\($0).weight" }
        })
  }

  @Test(arguments: SurgeryPreset.allCases)
  func `a preset that finds nothing is an error, and each has a name and a summary`(
    preset: SurgeryPreset
  ) throws {
    #expect(try SurgeryPreset(name: preset.rawValue) == preset)
    #expect(!preset.summary.isEmpty)
    do throws(SurgeryError) {
      var plan = SurgeryPlan(for: Checkpoint())
      try plan.apply(preset)
      Issue.record("\(preset) found something")
    } catch {
      #expect(error.kind == .matchesNothing)
    }
  }

  @Test func `the name of a preset that does not exist is a syntax error with the nearest`() {
    do throws(SurgeryError) {
      _ = try SurgeryPreset(name: "gamma-bata")
      Issue.record("was found")
    } catch {
      #expect(error.kind == .syntax)
      #expect(error.advice == .didYouMean(["gamma-beta"]))
    }
  }
}
