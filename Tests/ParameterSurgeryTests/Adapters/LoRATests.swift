import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

@testable import ParameterSurgery

@Suite struct LoRATests {
  /// Another tensor each time: one would be tied to itself.
  private var zeros: Tensor { filled(0, [2, 2]) }
  private let a = filled(1, [1, 2])
  private let b = filled(1, [2, 1])

  @Test func `a trained bias is that of the layer`() throws {
    let adapter = try AdapterFolder(
      #""bias": "all""#,
      [
        "q.lora_A.weight": a, "q.lora_B.weight": b, "q.base_layer.bias": filled(7, [2]),
        "norm.bias": filled(8, [2]),
      ])
    let result = try adapter.merged(into: [
      "q.weight": zeros, "q.bias": filled(0, [2]), "norm.bias": filled(0, [2]),
    ])
    #expect(result.keys == ["q.weight", "q.bias", "norm.bias"])
    #expect(try result["q.weight"]?.floats() == [1, 1, 1, 1])
    #expect(try result["q.bias"]?.floats() == [7, 7])
    #expect(try result["norm.bias"]?.floats() == [8, 8])
  }

  @Test func `an embedding that is saved beside its factors comes before them`() throws {
    let adapter = try AdapterFolder(
      "",
      [
        "embed.base_layer.weight": filled(1, [3, 2]), "embed.lora_embedding_A": filled(1, [1, 3]),
        "embed.lora_embedding_B": filled(2, [2, 1]),
      ])
    let result = try adapter.merged(into: ["embed.weight": filled(0, [3, 2])])
    #expect(result.keys == ["embed.weight"])
    #expect(try result["embed.weight"]?.floats() == [3, 3, 3, 3, 3, 3])
  }

  @Test(arguments: [#"{"embed": [2, 0]}"#, "[2, 0]"])
  func `rows of an embedding take the place of its rows`(_ indices: String) throws {
    let adapter = try AdapterFolder(
      #""trainable_token_indices": \#(indices)"#,
      [
        "q.lora_A.weight": a, "q.lora_B.weight": b,
        "embed.token_adapter.trainable_tokens_delta": tensor([5, 5, 6, 6], [2, 2]),
      ])
    let result = try adapter.merged(into: ["embed.weight": filled(0, [3, 2]), "q.weight": zeros])
    #expect(try result["embed.weight"]?.floats() == [6, 6, 0, 0, 5, 5])
    #expect(result.tensors.count == 2)
  }

  @Test func `an exact name is preferred to one that ends the same`() throws {
    let adapter = try AdapterFolder(
      #""modules_to_save": ["score"]"#,
      ["model.q.lora_A.weight": a, "model.q.lora_B.weight": b, "score.weight": filled(9, [2, 2])])
    let result = try adapter.merged(into: [
      "vision.model.q.weight": zeros, "model.q.weight": zeros, "vision.other.weight": zeros,
      "score.weight": zeros,
    ])
    #expect(try result["vision.model.q.weight"]?.floats() == [0, 0, 0, 0])
    #expect(try result["model.q.weight"]?.floats() == [1, 1, 1, 1])
    #expect(try result["score.weight"]?.floats() == [9, 9, 9, 9])
  }

  @Test func `a model inside of another, and a trunk without its name, are found`() throws {
    let inner = try AdapterFolder("", ["q.lora_A.weight": a, "q.lora_B.weight": b])
    #expect(try inner.merged(into: ["bert.q.weight": zeros])["bert.q.weight"]?.floats()[0] == 1)
    let outer = try AdapterFolder("", ["bert.q.lora_A.weight": a, "bert.q.lora_B.weight": b])
    #expect(try outer.merged(into: ["q.weight": zeros])["q.weight"]?.floats()[0] == 1)
    #expect(
      message { _ = try inner.merged(into: ["x.q.weight": zeros, "y.q.weight": zeros]) }
        == "merge-lora \(inner.path): the adapter is for \"q.weight\", and 2 tensors have that name: "
        + "\"x.q.weight\" and \"y.q.weight\"")
  }

  @Test(arguments: [
    "head.weight", "head.modules_to_save.default.weight", "head.modules_to_save.weight",
  ])
  func `a saved module takes the place of the model's, whatever it is called`(
    _ name: String
  ) throws {
    let isNamed = name.contains("default")
    let adapter = try AdapterFolder(
      #""modules_to_save": ["head"]"#,
      [
        Key("q.lora_A\(isNamed ? ".default" : "").weight"): a,
        Key("q.lora_B\(isNamed ? ".default" : "").weight"): b, Key(name): filled(4, [2, 2]),
        "head.original_module.weight": filled(3, [2, 2]),
      ])
    let old = try adapter.merged(into: ["q.weight": zeros, "head.weight": zeros])
    #expect(old.keys == ["q.weight", "head.weight"])
    #expect(try old["head.weight"]?.floats() == [4, 4, 4, 4])
    // A head that the checkpoint has not.
    let new = try adapter.merged(into: ["q.weight": zeros])
    #expect(new.keys == ["q.weight", "head.weight"])
  }

  @Test func `lengths of DoRA are those of outputs`() throws {
    for (flag, expected) in [(false, [6, 0, 0, 12]), (true, [6, 0, 0, 12])] as [(Bool, [Float])] {
      let adapter = try AdapterFolder(
        #""use_dora": true, "fan_in_fan_out": \#(flag)"#,
        [
          "q.lora_A.weight": filled(0, [1, 2]), "q.lora_B.weight": b,
          "q.lora_magnitude_vector": tensor([6, 12], [2]),
        ])
      let result = try adapter.merged(into: ["q.weight": tensor([3, 0, 0, 4], [2, 2])])
      #expect(try result["q.weight"]?.floats() == expected)
    }
    // Rows and columns differ.
    for (flag, expected) in [(false, [0.6, 0.8, 0, 1]), (true, [1, 0.8944272, 0, 0.4472136])]
      as [(Bool, [Float])]
    {
      let adapter = try AdapterFolder(
        #""use_dora": true, "fan_in_fan_out": \#(flag)"#,
        [
          "q.lora_A.weight": filled(0, [1, 2]), "q.lora_B.weight": b,
          "q.lora_magnitude_vector": filled(1, [2]),
        ])
      let result = try adapter.merged(into: ["q.weight": tensor([3, 4, 0, 2], [2, 2])])
      let floats = try #require(try result["q.weight"]?.floats())
      #expect(zip(floats, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(floats)")
    }
  }

  @Test func `a convolution gets the product of its kernels`() throws {
    let adapter = try AdapterFolder(
      "",
      [
        "conv.lora_A.weight": tensor([1, 2, 3, 4], [1, 2, 2]),
        "conv.lora_B.weight": tensor([1, 10], [2, 1, 1]),
      ])
    let result = try adapter.merged(into: ["conv.weight": filled(0, [2, 2, 2])])
    #expect(try result["conv.weight"]?.floats() == [1, 2, 3, 4, 10, 20, 30, 40])
    #expect(
      message { _ = try adapter.merged(into: ["conv.weight": filled(0, [2, 1, 2])]) }
        == "merge-lora \(adapter.path): \"conv.weight\" has the shape [2, 1, 2], the adapter makes [2, 2, 2]: "
        + "a convolution in groups, which PEFT does not merge")
  }

  @Test
  func `an attention gets its factors once, and those of its output projection twice, as in PEFT`()
    throws
  {
    let adapter = try AdapterFolder(
      "",
      [
        "attn.lora_A.weight": a, "attn.lora_B.weight": filled(1, [6, 1]),
        "attn.base_layer.out_proj.lora_A.weight": a, "attn.base_layer.out_proj.lora_B.weight": b,
      ])
    let result = try adapter.merged(into: [
      "attn.in_proj_weight": filled(0, [6, 2]), "attn.out_proj.weight": zeros,
    ])
    #expect(try result["attn.in_proj_weight"]?.floats() == [Float](repeating: 1, count: 12))
    #expect(try result["attn.out_proj.weight"]?.floats() == [2, 2, 2, 2])
  }

  @Test func `the parameter of experts is told by its shape`() throws {
    // Two experts of rank 1; the experts are the fast index of the columns of B.
    let adapter = try AdapterFolder(
      #""target_parameters": ["experts.up", "experts.down"]"#,
      [
        "experts.lora_A.weight": tensor([1, 0, 0, 0, 0, 1], [2, 3]),
        "experts.lora_B.weight": tensor([1, 2, 3, 4], [2, 2]),
      ])
    let result = try adapter.merged(into: [
      "experts.up": filled(0, [2, 2, 3]), "experts.down": filled(0, [2, 4, 2]),
    ])
    #expect(try result["experts.up"]?.floats() == [1, 0, 0, 3, 0, 0, 0, 0, 2, 0, 0, 4])
    let turned = try adapter.merged(into: ["experts.up": filled(0, [2, 3, 2])])
    #expect(try turned["experts.up"]?.floats() == [1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 2, 4])
  }

  @Test func `all names of one tensor get what one of them gets`() throws {
    let adapter = try AdapterFolder(
      "", ["embed.lora_embedding_A": filled(1, [1, 3]), "embed.lora_embedding_B": b])
    let shared = filled(0, [3, 2])
    let plan = try adapter.plan(for: ["embed.weight": shared, "lm_head.weight": shared])
    let result = plan.apply()
    #expect(try result["lm_head.weight"]?.floats() == [1, 1, 1, 1, 1, 1])
    #expect(
      result["lm_head.weight"]?.sharesStorage(with: try #require(result["embed.weight"])) == true)
    #expect(plan.notes == [])
  }

  @Test func `a head of its own is not tied in config json`() throws {
    let adapter = try AdapterFolder(
      #""modules_to_save": ["lm_head"]"#,
      ["q.lora_A.weight": a, "q.lora_B.weight": b, "lm_head.weight": filled(4, [3, 2])])
    let plan = try adapter.plan(for: [
      "q.weight": zeros, "model.embed_tokens.weight": filled(0, [3, 2]),
    ])
    let update = ConfigurationUpdate(
      .members(["vocab_size": 3, "tie_word_embeddings": true]), from: plan.base, to: plan.apply())
    #expect(update.configuration["tie_word_embeddings"] == false)
    #expect(update.changes.map(\.name) == ["tie_word_embeddings"])
  }

  @Test func `a head that had the embedding's elements and has others is not tied any more`() throws
  {
    func update(_ head: Float, _ cast: DType) throws -> ConfigurationUpdate {
      var base = Checkpoint()
      base.tensors["model.embed_tokens.weight"] = filled(1, [3, 2])
      base.tensors["lm_head.weight"] = filled(1, [3, 2])
      var result = base
      result.tensors["model.embed_tokens.weight"] = try filled(1, [3, 2]).converted(to: cast)
      result.tensors["lm_head.weight"] = try filled(head, [3, 2]).converted(to: cast)
      return ConfigurationUpdate(.members(["tie_word_embeddings": true]), from: base, to: result)
    }
    #expect(try update(2, .float32).configuration["tie_word_embeddings"] == false)
    #expect(try update(1, .bfloat16).configuration["tie_word_embeddings"] == true)
  }

  @Test func `the dtype is the checkpoint's`() throws {
    let adapter = try AdapterFolder(
      #""modules_to_save": ["head"]"#,
      ["q.lora_A.weight": a, "q.lora_B.weight": b, "head.weight": filled(4, [2, 2])])
    let half = try zeros.converted(to: .bfloat16)
    let result = try adapter.merged(into: ["q.weight": half])
    #expect(result["head.weight"]?.dtype == .bfloat16)
    #expect(try result["q.weight"]?.floats() == [1, 1, 1, 1])
  }
}
