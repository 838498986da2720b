import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

@testable import ParameterSurgery

@Suite struct EncoderKeysTests {
  @Test(arguments: [
    (EncoderKeys.bert, "encoder.layer.3.attention.self.query"),
    (.distilBERT, "transformer.layer.3.attention.q_lin"),
    (.roberta, "encoder.layer.3.attention.self.query"),
    (.electra, "encoder.layer.3.attention.self.query"),
  ])
  func `a family has a path for a module of a layer`(keys: EncoderKeys, path: String) {
    #expect(keys.path(.query, layer: 3) == path)
    #expect(path.hasPrefix(keys.layerPrefix + "3."))
  }

  @Test func `a module that a family does not have has no path`() {
    #expect(EncoderKeys.distilBERT.path(.tokenTypeEmbeddings) == nil)
    #expect(EncoderKeys.distilBERT.path(.pooler) == nil)
    #expect(EncoderKeys.electra.path(.pooler) == nil)
    #expect(EncoderKeys.electra.path(.embeddingsProjection) == "embeddings_project")
    #expect(EncoderKeys.bert.path(.embeddingsProjection) == nil)
    for keys in EncoderKeys.all { #expect(keys.has(.wordEmbeddings)) }
  }

  @Test func `no two modules of a family have one path`() {
    for keys in EncoderKeys.all {
      let paths = EncoderKeys.Module.allCases.compactMap { keys.path($0, layer: 1) }
      #expect(Set(paths).count == paths.count, "\(keys.modelType)")
    }
    let types = EncoderKeys.all.map(\.modelType)
    #expect(Set(types).count == types.count)
    for type in types { #expect(EncoderKeys.named(type)?.modelType == type) }
    #expect(EncoderKeys.named("t5") == nil)
  }

  @Test(arguments: [
    ("bert.encoder.layer.0.intermediate.dense.weight", EncoderKeys.Module.intermediate),
    ("transformer.layer.0.ffn.lin1.weight", .intermediate),
    ("encoder.layer.0.output.dense.weight", .output),
    ("x.embeddings.position_embeddings.weight", .positionEmbeddings),
    ("embeddings.word_embeddings.weight", .wordEmbeddings),
    ("encoder.layer.0.attention.output.dense.weight", .attentionOutput),
    ("bert.pooler.dense.weight", .pooler), ("transformer.layer.1.ffn.lin2.weight", .output),
  ])
  func `a module is recognised under any prefix`(key: String, module: EncoderKeys.Module) {
    #expect(EncoderKeys.module(ofWeight: Key(key))?.module == module)
  }

  @Test(arguments: ["embeddings.word_embeddings.bias", "linear.weight", "weight", "dense.weight"])
  func `other keys are no module`(key: String) {
    #expect(EncoderKeys.module(ofWeight: Key(key)) == nil)
  }

  @Test func `the description of a table does not depend on the order of a dictionary`() {
    #expect("\(EncoderKeys.distilBERT)" == "distilbert")
  }

  @Test func `the names of 2018 become the modern ones and back`() {
    #expect(EncoderKeys.modern("a.LayerNorm.gamma") == "a.LayerNorm.weight")
    #expect(EncoderKeys.modern("LayerNorm.beta") == "LayerNorm.bias")
    #expect(EncoderKeys.modern("aLayerNorm.beta") == "aLayerNorm.beta")
    #expect(EncoderKeys.modern("a.gamma") == "a.gamma")
    #expect(EncoderKeys.legacy("a.LayerNorm.weight") == "a.LayerNorm.gamma")
    #expect(EncoderKeys.legacy("a.dense.weight") == nil)
  }

  @Test func `an old encoder gets modern names, without its pre-training heads`() throws {
    let old = try checkpoint([
      "embeddings.word_embeddings.weight": [1], "embeddings.LayerNorm.gamma": [2],
      "embeddings.position_ids": [3], "cls.predictions.bias": [4],
    ])
    let names = try EncoderNames(old)
    #expect(
      Array(names.checkpoint.keys)
        == ["embeddings.word_embeddings.weight", "embeddings.LayerNorm.weight"])
    #expect(names.dropped == ["embeddings.position_ids", "cls.predictions.bias"])
    #expect(names.renamed.map(\.to) == ["embeddings.LayerNorm.weight"])
    #expect(EncoderNames.missingPrefix(in: old) == "bert.")
    #expect(EncoderNames.missingPrefix(in: try checkpoint(["w": [1]])).isEmpty)
  }

  @Test func `two names of one parameter are an error`() throws {
    let both = try checkpoint(["LayerNorm.gamma": [1], "LayerNorm.weight": [2]])
    let error = #expect(throws: SurgeryError.self) { try EncoderNames(both) }
    #expect(error?.kind == .duplicateKey)
    #expect(error?.key == "LayerNorm.weight")
    #expect(error?.advice == .dropOrRename)
  }
}
