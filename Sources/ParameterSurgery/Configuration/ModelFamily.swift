internal import CheckpointFiles
internal import OrderedCollections

/// What is known about the models with one `model_type`.
///
/// Rules about a checkpoint apply to the families that they were tested with. For other families, only what all
/// models have in common is checked.
struct ModelFamily {
  /// The `model_type`; `nil` when the configuration has none and the keys are not those of a BERT.
  let type: Key?

  init(_ type: String?) { self.type = type.map { Key($0) } }

  /// The family of a checkpoint with this configuration; `nil` for one without configuration.
  ///
  /// Configurations of 2019 do not name their type: BERT is then recognised by its keys.
  init(_ configuration: JSONValue?, _ checkpoint: Checkpoint) {
    if let type = configuration?["model_type"]?.string {
      self.type = Key(type)
    } else {
      let keys = checkpoint.tensors.keys
      func has(_ ending: String) -> Bool { keys.contains { $0.ends(with: ending) } }
      let isBERT =
        has("embeddings.word_embeddings.weight")
        && has("encoder.layer.0.attention.self.query.weight")
        && !keys.contains { $0.parts.first == "roberta" }
      type = isBERT ? "bert" : nil
    }
  }

  /// Encoders whose sizes have BERT's names.
  private static let encoders: Set<Key> = [
    "bert", "camembert", "convbert", "distilbert", "electra", "ernie", "ibert", "layoutlm",
    "megatron-bert", "mpnet", "roberta", "roberta-prelayernorm", "splinter", "xlm-roberta",
    "xlm-roberta-xl", "xmod", "data2vec-text", "big_bird", "deberta", "deberta-v2", "esm", "lilt",
    "nystromformer", "yoso", "roformer", "luke",
  ]
  /// Decoders whose sizes have LLaMA's names, and whose layers are all alike.
  private static let decoders: Set<Key> = [
    "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "granite", "olmo",
    "olmo2", "olmo3", "smollm3", "cohere", "cohere2", "glm4", "ernie4_5",
  ]
  /// Encoders that number positions from 2 and count only the others.
  private static let shiftedPositions: Set<Key> = ["nystromformer", "yoso"]
  /// Families whose embedding and output layer have `vocab_size` rows.
  private static let vocabularies: Set<Key> = [
    "albert", "apertus", "bamba", "bart", "biogpt", "blenderbot", "blenderbot-small", "bloom",
    "blip_text_model", "clip_text_model", "codegen", "ctrl", "deepseek_v2", "deepseek_v3", "falcon",
    "falcon_h1", "fnet", "fsmt", "funnel", "gemma3n_text", "glm4_moe", "gpt2", "gpt_bigcode",
    "gpt_neo", "gpt_neox",
    "gpt_oss", "gptj", "granitemoehybrid", "jamba", "jetmoe", "led", "lfm2", "longformer", "longt5",
    "m2m_100", "mamba", "mamba2", "marian", "mbart", "minimax", "mixtral", "mobilebert",
    "modernbert",
    "mpt", "mt5", "nemotron", "nllb-moe", "olmoe", "opt", "pegasus", "pegasus_x", "persimmon",
    "phi",
    "phi3", "phimoe", "plbart", "prophetnet", "qwen2_5_vl_text", "qwen2_moe", "qwen2_vl_text",
    "qwen3_moe", "qwen3_next", "recurrent_gemma", "rembert", "rwkv", "siglip_text_model",
    "squeezebert", "stablelm", "starcoder2", "switch_transformers", "t5", "tapas", "umt5",
    "whisper",
    "xglm", "xlm", "xlnet", "zamba2",
  ]

  var isEncoder: Bool { type.map(ModelFamily.encoders.contains) ?? false }
  var isDecoder: Bool { type.map(ModelFamily.decoders.contains) ?? false }
  /// Whether all layers have the same tensors.
  var isUniform: Bool { isEncoder || isDecoder }
  /// Whether anything is known about the family.
  var isKnown: Bool { isUniform || hasVocabulary }
  /// Whether embeddings and output layers have a row for each of `vocab_size` tokens.
  var hasVocabulary: Bool { isUniform || type.map(ModelFamily.vocabularies.contains) ?? false }
  /// How many rows the table of positions has beyond `max_position_embeddings`; `nil` when that is not known.
  var positionOffset: Int? {
    guard isEncoder, let type else { return nil }
    return ModelFamily.shiftedPositions.contains(type) ? 2 : 0
  }
}
