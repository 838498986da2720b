import CheckpointFiles
import OrderedCollections
import ParameterSurgery
import Testing

@Suite struct `config.json after an edit` {
  /// A checkpoint with layers under each node, one tensor each, and tables of one column.
  private func checkpoint(
    _ nodes: [String: Int], _ tables: [String: [Int]] = [:], first: String? = nil
  ) -> Checkpoint {
    var checkpoint = Checkpoint(path: "model")
    for (node, count) in nodes.sorted(by: { $0.key < $1.key }) {
      for layer in 0..<count {
        checkpoint.tensors[Key("\(node).\(layer).attn.q.weight")] = Tensor(
          [Float(layer)], shape: [1])
        if layer == 0, let first {
          checkpoint.tensors[Key("\(node).0.\(first)")] = Tensor([1], shape: [1])
        }
      }
    }
    for (name, extents) in tables.sorted(by: { $0.key < $1.key }) {
      let count = extents.reduce(1, *)
      checkpoint.tensors[Key(name)] = Tensor(
        [Float](repeating: 1, count: count), shape: Shape(extents) ?? [0])
    }
    return checkpoint
  }

  private func update(
    _ json: String, _ base: Checkpoint, _ steps: [(SurgeryOperation.Kind, String)]
  ) throws -> ConfigurationUpdate {
    var plan = SurgeryPlan(for: base)
    for (kind, argument) in steps { try plan.append(SurgeryOperation(kind, [argument])) }
    return ConfigurationUpdate(
      try JSONParser.parse(Array(json.utf8)), from: base, to: plan.apply(), origins: plan.origins)
  }

  /// Members of four layers of which the second and the fourth stay.
  @Test(arguments: [
    (#""num_hidden_layers": 4"#, #""num_hidden_layers": 2"#),
    (#""n_layer": 4"#, #""n_layer": 2"#),
    (#""num_hidden_layers": 7"#, #""num_hidden_layers": 7"#),
    (#""layer_types": ["a", "b", "c", "d"]"#, #""layer_types": ["b", "d"]"#),
    (#""layer_types": ["a", "b", "c"]"#, #""layer_types": ["a", "b", "c"]"#),
    (#""attention_window": [1, 2, 3, 4]"#, #""attention_window": [2, 4]"#),
    (#""attention_window": 8"#, #""attention_window": 8"#),
    (#""no_rope_layers": [1, 1, 0, 0]"#, #""no_rope_layers": [1, 0]"#),
    (
      #""mlp_layer_types": ["dense", "sparse", "dense", "sparse"]"#,
      #""mlp_layer_types": ["sparse", "sparse"]"#
    ),
    (#""intermediate_size": [1, 2, 3, 4]"#, #""intermediate_size": [2, 4]"#),
    (#""hybrid_override_pattern": "M-M*""#, #""hybrid_override_pattern": "-*""#),
    (#""mlp_only_layers": [0, 3]"#, #""mlp_only_layers": [1]"#),
    (#""cross_attention_layers": [1, 3]"#, #""cross_attention_layers": [0, 1]"#),
    (#""first_k_dense_replace": 2"#, #""first_k_dense_replace": 1"#),
    (#""max_window_layers": 28"#, #""max_window_layers": 28"#),
    (#""num_kv_shared_layers": 2"#, #""num_kv_shared_layers": 1"#),
    (#""attention_types": [[["g", "l"], 2]]"#, #""attention_types": [[["l", "l"], 1]]"#),
  ])
  func `each member that counts or lists layers follows`(_ before: String, _ after: String) throws {
    let count = before.contains("num_hidden") || before.contains("n_layer\"")
    func text(_ member: String, _ layers: Int) -> String {
      count ? "{\(member)}" : "{\"num_hidden_layers\": \(layers), \(member)}"
    }
    let result = try update(
      text(before, 4), checkpoint(["model.layers": 4]), [(.layers, "model.layers=1,3")])
    #expect(
      try result.configuration.text() == JSONParser.parse(Array(text(after, 2).utf8)).text())
  }

  @Test func `layers that are dropped or renamed are followed as those that are chosen`() throws {
    let json = #"{"num_hidden_layers": 4, "layer_types": ["a", "b", "c", "d"]}"#
    let base = checkpoint(["model.layers": 4])
    let edits: [[(SurgeryOperation.Kind, String)]] = [
      [
        (.drop, "model.layers[:2]"),
        (.rename, "model.layers.{i}=model.layers.{i-2}"),
      ],
      [(.layers, "model.layers=2:4"), (.rename, "model.layers=decoder.h")],
    ]
    for steps in edits {
      let result = try update(json, base, steps)
      #expect(result.configuration["num_hidden_layers"]?.integer == 2)
      #expect(result.configuration["layer_types"] == ["c", "d"])
      #expect(result.notes == [])
    }
  }

  @Test func `a gap in the numbers is noted, and the configuration stays`() throws {
    let result = try update(
      #"{"num_hidden_layers": 4}"#, checkpoint(["model.layers": 4]), [(.drop, "model.layers[1]")])
    #expect(result.changes == [])
    #expect(
      result.notes == [
        "\"model.layers\" has the layers 0, 2 and 3, which loaders do not read: number them again; "
          + "num_hidden_layers in config.json stays as it is"
      ])
  }

  @Test(arguments: [
    (
      #"{"encoder_layers": 4, "decoder_layers": 4, "num_hidden_layers": 4}"#,
      "model.decoder.layers", ["decoder_layers"]
    ),
    (
      #"{"encoder_layers": 4, "decoder_layers": 4, "num_hidden_layers": 4}"#,
      "model.encoder.layers",
      ["encoder_layers", "num_hidden_layers"]
    ),
    (
      #"{"d_kv": 1, "num_layers": 4, "num_decoder_layers": 4}"#, "model.decoder.layers",
      ["num_decoder_layers"]
    ),
    (#"{"d_kv": 1, "num_layers": 4}"#, "model.decoder.layers", ["num_decoder_layers"]),
    (
      #"{"num_encoder_layers": 4, "num_decoder_layers": 4}"#, "model.encoder.layers",
      ["num_encoder_layers"]
    ),
  ])
  func `encoder and decoder have counts of their own`(
    _ json: String, _ node: String, _ names: [String]
  ) throws {
    let base = checkpoint(["model.encoder.layers": 4, "model.decoder.layers": 4])
    let result = try update(json, base, [(.layers, "\(node)=0:3")])
    #expect(Set(result.changes.map(\.name)) == Set(names))
    #expect(result.changes.allSatisfy { $0.after == 3 })
  }

  @Test func `the encoder of a T5 does not take the decoder with it`() throws {
    let base = checkpoint(["encoder.block": 4, "decoder.block": 4])
    let result = try update(
      #"{"d_kv": 1, "num_layers": 4}"#, base, [(.layers, "encoder.block=0:3")])
    #expect(result.configuration["num_layers"]?.integer == 3)
    #expect(result.configuration["num_decoder_layers"]?.integer == 4)
  }

  @Test func `nested configurations have the layers of their part`() throws {
    let base = checkpoint(["language_model.model.layers": 4, "vision_tower.encoder.layers": 4])
    let json = #"""
      {"text_config": {"num_hidden_layers": 4, "layer_types": ["a", "b", "c", "d"]},
       "vision_config": {"num_hidden_layers": 4}}
      """#
    let text = try update(json, base, [(.layers, "language_model.model.layers=3")])
    #expect(
      text.changes.map(\.name) == ["text_config.num_hidden_layers", "text_config.layer_types"])
    #expect(text.configuration["text_config"]?["layer_types"] == ["d"])
    let vision = try update(json, base, [(.layers, "vision_tower.encoder.layers=0:2")])
    #expect(vision.changes.map(\.name) == ["vision_config.num_hidden_layers"])
  }

  @Test func `a vision tower with more layers does not hide those of the text`() throws {
    let base = checkpoint(["model.layers": 3, "visual.blocks": 4])
    let result = try update(
      #"{"num_hidden_layers": 3, "vision_config": {"depth": 4}}"#, base,
      [(.layers, "model.layers=0:2")])
    #expect(result.configuration["num_hidden_layers"]?.integer == 2)
    #expect(result.configuration["vision_config"]?["depth"]?.integer == 4)
  }

  @Test func `layers that predict further tokens stay behind the others`() throws {
    let base = checkpoint(["model.layers": 5])
    let json = #"{"num_hidden_layers": 4, "num_nextn_predict_layers": 1}"#
    let kept = try update(json, base, [(.layers, "model.layers=0:2,4")])
    #expect(kept.changes.map(\.name) == ["num_hidden_layers"])
    #expect(kept.configuration["num_hidden_layers"]?.integer == 2)
    let gone = try update(json, base, [(.layers, "model.layers=0:2")])
    #expect(gone.configuration["num_nextn_predict_layers"]?.integer == 0)
  }

  @Test(arguments: [
    (
      #""attn_layer_period": 4"#,
      "attn_layer_period in config.json is 4, which does not describe the layers of \"model.layers\" in their new order"
    ),
    (
      #""block_types": ["r", "r", "a"]"#,
      #"block_types in config.json is ["r","r","a"], which does not describe the layers of "model.layers" in their new order"#
    ),
    (
      #""first_k_dense_replace": 1"#,
      "first_k_dense_replace in config.json is 1, which does not describe the layers of \"model.layers\" in their new order"
    ),
    (
      #""scale_attn_by_inverse_layer_idx": true"#,
      "scale_attn_by_inverse_layer_idx in config.json is true, which does not describe the layers of \"model.layers\" in their new order"
    ),
    (
      #""my_layer_scales": [1, 2, 3, 4]"#,
      "my_layer_scales in config.json has 4 entries as \"model.layers\" had layers, and stays as it is"
    ),
  ])
  func `what cannot follow is noted by name`(_ member: String, _ note: String) throws {
    let result = try update(
      "{\"num_hidden_layers\": 4, \(member)}", checkpoint(["model.layers": 4]),
      [(.layers, "model.layers=1,0")])
    #expect(result.notes == [note])
  }

  @Test func `a tensor of the first layer alone that goes with it is noted`() throws {
    let base = checkpoint(["encoder.block": 3], first: "relative_attention_bias.weight")
    let result = try update(
      #"{"num_layers": 3}"#, base, [(.layers, "encoder.block=1:3")])
    #expect(
      result.notes == [
        "the first layer of \"encoder.block\" alone had \"relative_attention_bias.weight\", and is gone: "
          + "loaders expect that of layer 0"
      ])
    #expect(try update(#"{"num_layers": 3}"#, base, [(.layers, "encoder.block=0,2")]).notes == [])
  }

  @Test func `rows of tokens follow, and what keeps its rows is named`() throws {
    let base = checkpoint(
      [:],
      [
        "bert.embeddings.word_embeddings.weight": [20, 2], "cls.predictions.bias": [20],
        "cls.predictions.transform.dense.weight": [2, 2],
      ])
    let both = try update(
      #"{"vocab_size": 20}"#, base,
      [(.resize, "**.word_embeddings.weight=24"), (.resize, "cls.predictions.bias=24")])
    #expect(both.configuration["vocab_size"]?.integer == 24)
    #expect(both.notes == [])
    let one = try update(#"{"vocab_size": 20}"#, base, [(.resize, "**.word_embeddings.weight=24")])
    #expect(one.configuration["vocab_size"]?.integer == 24)
    #expect(
      one.notes == [
        "\"cls.predictions.bias\" still has 20 rows, one for each token; vocab_size in config.json is 24 now: "
          + "resize it, too"
      ])
    let head = try update(#"{"vocab_size": 20}"#, base, [(.resize, "cls.predictions.bias=24")])
    #expect(head.changes == [])
    #expect(
      head.notes == [
        "\"cls.predictions.bias\" has 24 rows now, the embedding and vocab_size in config.json still 20"
      ])
  }

  @Test func `tokens that lose their row are named`() throws {
    let base = checkpoint([:], ["e.word_embeddings.weight": [20, 2]])
    let result = try update(
      #"{"vocab_size": 20, "pad_token_id": 0, "mask_token_id": 19}"#, base,
      [(.resize, "e.word_embeddings.weight=12")])
    #expect(
      result.notes == [
        "config.json names tokens that have no row now, for there are 12: mask_token_id 19"
      ])
  }

  @Test func `positions that are numbered from 2 keep their two rows`() throws {
    let base = checkpoint(
      [:],
      [
        "model.encoder.embed_positions.weight": [34, 2],
        "model.decoder.embed_positions.weight": [34, 2],
      ])
    let result = try update(
      #"{"max_position_embeddings": 32}"#, base, [(.resize, "**.embed_positions.weight=66")])
    #expect(result.configuration["max_position_embeddings"]?.integer == 64)
    #expect(result.notes == [])
  }

  @Test func `hostile numbers do not stop an edit`() throws {
    let most = Int.max
    let json = """
      {"num_hidden_layers": 4, "num_nextn_predict_layers": \(most), "first_k_dense_replace": \(most),
       "num_kv_shared_layers": \(most), "num_sparse_encoder_layers": \(most), "mlp_only_layers": [\(Int.min), \(most)],
       "attention_types": [[["a"], \(most)]], "layer_types": [[], {}, null, 1], "vocab_size": \(most),
       "max_position_embeddings": \(most)}
      """
    let result = try update(
      json, checkpoint(["model.layers": 4], ["e.position_embeddings.weight": [4, 2]]),
      [(.layers, "model.layers=3,1"), (.resize, "e.position_embeddings.weight=8")])
    #expect(result.configuration["num_hidden_layers"]?.integer == 2)
  }
}
