import Testing

@Suite struct `espalier check on sound and on odd models` {
  let folder: Folder

  init() throws { folder = try Folder() }

  /// `keys` in a folder with a configuration; each key may end with its shape, as `a.weight 2,3`.
  private func check(
    _ keys: [String], config: String? = nil, file: String = "model.safetensors"
  ) throws -> Tool.Result {
    try folder.makeFolder("model")
    var number: Float = 0
    let entries = keys.map { key -> Fixture.Entry in
      let parts = key.split(separator: " ")
      let shape = parts.count > 1 ? parts[1].split(separator: ",").map { Int($0) ?? 0 } : [2]
      number += 1
      let values = (0..<shape.reduce(1, *)).map { number + Float($0) }
      return Fixture.Entry(String(parts[0]), shape, values)
    }
    try folder.write(Fixture.safetensors(entries), to: "model/\(file)")
    if let config { try folder.write(Array(config.utf8), to: "model/config.json") }
    return try Tool.run("check", "model", in: folder)
  }

  /// A model: its keys, its configuration, and what `check` finds in it.
  struct Model: Sendable {
    let keys: [String]
    var config: String?
    var finding = ""

    init(_ parts: [[String]], _ config: String? = nil, _ finding: String = "") {
      keys = Array(parts.joined())
      self.config = config
      self.finding = finding
    }
  }

  private static func layers(_ node: String, _ indices: [Int], _ rest: String) -> [String] {
    indices.map { "\(node).\($0).\(rest)" }
  }

  private static func layers(_ node: String, _ range: Range<Int>, _ rest: String) -> [String] {
    layers(node, Array(range), rest)
  }

  static let sound: [Model] = [
    // Members of a Sequential, with activations between them.
    Model([layers("net", [0, 2, 4], "weight"), layers("net", [0, 2, 4], "bias")]),
    Model([layers("layers", [0, 2, 4], "weight")]),
    Model([layers("layers", [0, 3, 4, 7], "weight")]),
    Model([layers("features", [0, 2, 5, 7, 10, 12], "weight")]),
    // The last Linear of three blocks without its bias.
    Model([layers("blocks", 0..<3, "fc.weight"), layers("blocks", 0..<2, "fc.bias")]),
    // A LoRA of some layers, and of blocks that do not begin with 0.
    Model([
      layers("layers", [8, 9, 12], "q.lora_A.weight"),
      layers("layers", [8, 9, 12], "q.lora_B.weight"),
    ]),
    Model([layers("up_blocks", 1..<4, "attentions.0.to_q.weight")]),
    // The first layers of a DeepSeek are dense.
    Model(
      [
        layers("model.layers", 0..<1, "mlp.up_proj.weight"),
        layers("model.layers", 1..<4, "mlp.experts.0.up_proj.weight"),
      ],
      #"{"model_type": "deepseek_v3", "num_hidden_layers": 4, "first_k_dense_replace": 1}"#),
    Model(
      [layers("model.layers", 0..<5, "q.weight")],
      #"{"model_type": "deepseek_v3", "num_hidden_layers": 4, "num_nextn_predict_layers": 1}"#),
    Model(
      [
        layers("model.layers", 0..<4, "attn.Wqkv.weight"),
        layers("model.layers", 1..<4, "attn_norm.weight"),
      ],
      #"{"model_type": "modernbert", "num_hidden_layers": 4}"#),
    Model(
      [
        layers("model.layers", [0, 2, 3], "mamba.in_proj.weight"),
        layers("model.layers", [1], "self_attn.q_proj.weight"),
      ],
      #"{"model_type": "jamba", "num_hidden_layers": 4, "attn_layer_period": 4, "attn_layer_offset": 1}"#
    ),
    Model(
      [layers("model.layers", 0..<3, "q.weight"), layers("visual.blocks", 0..<4, "qkv.weight")],
      #"{"model_type": "qwen2_vl", "num_hidden_layers": 3, "vision_config": {"depth": 4}}"#),
    Model(
      [
        layers("model.encoder.layers", 0..<2, "q.weight"),
        layers("model.decoder.layers", 0..<6, "q.weight"),
      ],
      #"{"model_type": "bart", "num_hidden_layers": 2, "encoder_layers": 2, "decoder_layers": 6}"#),
    Model(
      [["model.decoder.embed_tokens.weight 10,4"]],
      #"{"model_type": "opt", "vocab_size": 10, "hidden_size": 8, "word_embed_proj_dim": 4}"#),
    Model(
      [
        [
          "embeddings.position_embeddings.weight 6,8",
          "embeddings.x_position_embeddings.weight 16,8",
        ]
      ],
      #"{"model_type": "layoutlm", "hidden_size": 8, "max_position_embeddings": 6, "max_2d_position_embeddings": 16}"#
    ),
    Model(
      [["e.position_embeddings.weight 8,8"]],
      #"{"model_type": "nystromformer", "hidden_size": 8, "max_position_embeddings": 6}"#),
    // What a family that is not known calls its sizes is its own affair.
    Model(
      [["e.word_embeddings.weight 10,4", "e.position_embeddings.weight 9,4"]],
      #"{"model_type": "new", "hidden_size": 8, "vocab_size": 12, "max_position_embeddings": 6, "num_attention_heads": 0}"#
    ),
    Model(
      [layers("model.layers", 0..<4, "q.weight")],
      #"{"model_type": "mamba2", "num_hidden_layers": 4, "time_step_limit": [0.0, Infinity]}"#),
  ]

  @Test(arguments: sound)
  func `a sound model has nothing to find`(_ model: Model) throws {
    let result = try check(model.keys, config: model.config)
    #expect(result.output == "model: nothing found\n")
    #expect(result.status == 0)
  }

  static let odd: [Model] = [
    Model(
      [layers("model.layers", 0..<2, "q.weight")],
      #"{"model_type": "qwen3", "num_hidden_layers": 2, "layer_types": ["a", "b", "c", "d"]}"#,
      "error: config.json has 4 entries in layer_types for 2 layers"),
    Model(
      [
        layers("model.encoder.layers", 0..<4, "q.weight"),
        layers("model.decoder.layers", 0..<2, "q.weight"),
      ],
      #"{"model_type": "bart", "encoder_layers": 4, "decoder_layers": 4}"#,
      "error: config.json has 4 for decoder_layers, but \"model.decoder.layers\" has 2 layers"),
    Model(
      [layers("language_model.model.layers", 0..<2, "q.weight")],
      #"{"model_type": "llava", "text_config": {"model_type": "llama", "num_hidden_layers": 4}}"#,
      "error: config.json has 4 for text_config.num_hidden_layers, but \"language_model.model.layers\" has 2 layers"
    ),
    Model(
      [["model.embed_tokens.weight 12,2", "lm_head.weight 10,2"]],
      #"{"model_type": "llama", "vocab_size": 12, "hidden_size": 2}"#,
      "error: lm_head.weight: has 10 rows, config.json 12 for vocab_size"),
    Model(
      [["cls.predictions.bias 10"]], #"{"model_type": "bert", "vocab_size": 12}"#,
      "error: cls.predictions.bias: has 10 rows, config.json 12 for vocab_size"),
    Model(
      [layers("model.layers", 1..<4, "q.weight")],
      #"{"model_type": "llama", "num_hidden_layers": 3}"#,
      "error: model.layers.0: layer 0 is missing; there are 3 of 0 to 3"),
    Model(
      [
        layers("model.layers", 0..<3, "mamba.in_proj.weight"),
        layers("model.layers", [3], "self_attn.q_proj.weight"),
      ],
      #"{"model_type": "jamba", "num_hidden_layers": 4, "attn_layer_period": 4, "attn_layer_offset": 1}"#,
      "error: model.layers.1: is a layer without attention, but config.json states one with it"),
    Model(
      [layers("encoder.block", 0..<2, "layer.0.SelfAttention.v.weight")],
      #"{"model_type": "t5", "num_layers": 2}"#,
      "error: encoder.block.0: has no relative_attention_bias.weight, which the first layer of a t5 has"
    ),
    Model(
      [
        layers("model.layers", 0..<5, "q.weight"),
        layers("model.layers", [0, 1, 3, 4], "k.weight"),
      ],
      nil, "warning: model.layers.2.k.weight: is missing; 4 of 5 layers have it"),
    Model(
      [["a.weight 0", "b.weight 0", "norm.bias 2"]], nil,
      "error: a.weight: the weights are empty: 2 of 3 tensors have no elements, as when a model of ZeRO-3 is saved without gathering its parameters"
    ),
  ]

  @Test(arguments: odd)
  func `a contradiction is found`(_ model: Model) throws {
    let result = try check(model.keys, config: model.config)
    #expect(result.output.hasPrefix("model: \(model.finding) ["), "\(result.output)")
    #expect(result.status == (model.finding.hasPrefix("error") ? 1 : 0))
  }

  @Test func `one shard of several is a warning, and its layers are no gap`() throws {
    let result = try check(
      Self.layers("model.layers", 3..<6, "q.weight"),
      config: #"{"model_type": "llama", "num_hidden_layers": 8}"#,
      file: "model-00001-of-00002.safetensors")
    #expect(
      result.output
        == "model: warning: is one of 2 shards, and one of them is not in its folder [missing-shard]\n"
    )
    #expect(result.status == 0)
    let file = try Tool.run("check", "model/model-00001-of-00002.safetensors", in: folder)
    #expect(file.output.contains("[missing-shard]"))
    try folder.write(
      folder.bytes("model/model-00001-of-00002.safetensors"),
      to: "model/model-00002-of-00002.safetensors")
    let both = try Tool.run("check", "model/model-00001-of-00002.safetensors", in: folder)
    #expect(both.output == "model/model-00001-of-00002.safetensors: nothing found\n")
  }

  @Test func `an index that names some of the shards beside it is a warning`() throws {
    try folder.makeFolder("model")
    for number in 1...2 {
      try folder.write(
        Fixture.safetensors([.init("w\(number)", [1], [Float(number)])]),
        to: "model/model-0000\(number)-of-00002.safetensors")
    }
    try folder.write(
      Array(
        #"{"metadata": {"total_size": 4}, "weight_map": {"w1": "model-00001-of-00002.safetensors"}}"#
          .utf8),
      to: "model/model.safetensors.index.json")
    let result = try Tool.run("check", "model", in: folder)
    #expect(
      result.output == "model: warning: the index names 1 of 2 shards, but not "
        + "\"model-00002-of-00002.safetensors\" in the same folder [missing-shard]\n")
    #expect(result.status == 0)
  }

  @Test func `an infinite mask and fresh layers of norms are no finding`() throws {
    try folder.makeFolder("model")
    var entries = [Fixture.Entry("attn_mask", [2], [0, -.infinity])]
    for layer in 0..<3 {
      entries.append(Fixture.Entry("norms.layers.\(layer).weight", [2], [1, 1]))
    }
    try folder.write(Fixture.safetensors(entries), to: "model/model.safetensors")
    #expect(try Tool.run("check", "model", in: folder).output == "model: nothing found\n")
  }
}
