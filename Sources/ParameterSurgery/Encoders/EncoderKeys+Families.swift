internal import CheckpointFiles

// The tables of the families, as transformers names their modules.
extension EncoderKeys {
  /// BERT, and what shares its names: MiniLM, BGE, E5.
  package static let bert = EncoderKeys(
    "bert", className: "Bert", member: "bert", head: Head(dense: nil, output: "classifier"),
    pretrainingHeads: ["cls.predictions.transform.dense.weight"],
    [
      .wordEmbeddings: "embeddings.word_embeddings",
      .positionEmbeddings: "embeddings.position_embeddings",
      .tokenTypeEmbeddings: "embeddings.token_type_embeddings",
      .embeddingsNorm: "embeddings.LayerNorm",
      .query: "encoder.layer.*.attention.self.query",
      .key: "encoder.layer.*.attention.self.key",
      .value: "encoder.layer.*.attention.self.value",
      .attentionOutput: "encoder.layer.*.attention.output.dense",
      .attentionNorm: "encoder.layer.*.attention.output.LayerNorm",
      .intermediate: "encoder.layer.*.intermediate.dense",
      .output: "encoder.layer.*.output.dense",
      .outputNorm: "encoder.layer.*.output.LayerNorm",
      .pooler: "pooler.dense",
    ])

  /// DistilBERT: no token types, no pooler, other names in the layers.
  package static let distilBERT = EncoderKeys(
    "distilbert", className: "DistilBert", member: "distilbert",
    head: Head(dense: "pre_classifier", output: "classifier"),
    pretrainingHeads: ["vocab_transform.weight"], intermediateMember: "hidden_dim",
    [
      .wordEmbeddings: "embeddings.word_embeddings",
      .positionEmbeddings: "embeddings.position_embeddings",
      .embeddingsNorm: "embeddings.LayerNorm",
      .query: "transformer.layer.*.attention.q_lin",
      .key: "transformer.layer.*.attention.k_lin",
      .value: "transformer.layer.*.attention.v_lin",
      .attentionOutput: "transformer.layer.*.attention.out_lin",
      .attentionNorm: "transformer.layer.*.sa_layer_norm",
      .intermediate: "transformer.layer.*.ffn.lin1",
      .output: "transformer.layer.*.ffn.lin2",
      .outputNorm: "transformer.layer.*.output_layer_norm",
    ])

  /// RoBERTa: the encoder of BERT, another head.
  package static let roberta = EncoderKeys(
    "roberta", className: "Roberta", member: "roberta",
    head: Head(dense: "classifier.dense", output: "classifier.out_proj"),
    pretrainingHeads: ["lm_head.dense.weight"], bert.paths)

  /// XLM-RoBERTa: the names of RoBERTa.
  package static let xlmRoberta = roberta.named("xlm-roberta", className: "XLMRoberta")

  /// ELECTRA: narrow embeddings, no pooler.
  package static let electra = EncoderKeys(
    "electra", className: "Electra", member: "electra",
    head: Head(dense: "classifier.dense", output: "classifier.out_proj"),
    pretrainingHeads: [
      "discriminator_predictions.dense.weight", "generator_predictions.dense.weight",
    ],
    bert.paths.filter { $0.key != .pooler }
      .merging([.embeddingsProjection: "embeddings_project"]) { $1 })

  /// All tables.
  package static let all = [bert, distilBERT, roberta, xlmRoberta, electra]
}
