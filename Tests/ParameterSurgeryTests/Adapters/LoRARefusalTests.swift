import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

@testable import ParameterSurgery

@Suite struct LoRARefusalTests {
  /// Another tensor each time: one would be tied to itself.
  private var zeros: Tensor { filled(0, [2, 2]) }
  private let a = filled(1, [1, 2])
  private let b = filled(1, [2, 1])

  /// The error of merging a plain adapter for `q` with a configuration and more tensors, without the paths.
  private func refusal(
    _ members: String, _ more: KeyValuePairs<Key, Tensor> = [:],
    base: KeyValuePairs<Key, Tensor>? = nil
  ) throws -> String {
    let all: [(Key, Tensor)] = [("q.lora_A.weight", a), ("q.lora_B.weight", b)]
    let adapter = try AdapterFolder(members, tensors: all + more.map { ($0.key, $0.value) })
    let text = message {
      _ = try adapter.merged(into: base ?? ["q.weight": zeros, "q.bias": filled(0, [2])])
    }
    return text.replacing(adapter.config, with: "CONFIG").replacing(adapter.weights, with: "FILE")
      .replacing("merge-lora \(adapter.path)", with: "merge")
  }

  @Test(arguments: [
    (
      #""init_lora_weights": "pissa""#,
      "CONFIG: `init_lora_weights` is \"pissa\": the factors belong to other"
    ),
    (
      #""init_lora_weights": "PiSSA_niter_16""#,
      "CONFIG: `init_lora_weights` is \"PiSSA_niter_16\": the factors"
    ),
    (
      #""init_lora_weights": "olora""#,
      "CONFIG: `init_lora_weights` is \"olora\": the factors belong to other"
    ),
    (
      #""init_lora_weights": "corda""#,
      "CONFIG: `init_lora_weights` is \"corda\": the factors belong to other"
    ),
    (
      #""init_lora_weights": "lora_ga""#,
      "CONFIG: `init_lora_weights` is \"lora_ga\": the factors belong to other"
    ),
    (
      #""init_lora_weights": "loftq""#,
      "CONFIG: `init_lora_weights` is \"loftq\": the factors belong to other"
    ),
    (
      #""init_lora_weights": "new""#,
      "CONFIG: `init_lora_weights` is \"new\", which is not an initialisation"
    ),
    (#""init_lora_weights": 3"#, "CONFIG: `init_lora_weights` is \"3\", not a name"),
    (#""alora_invocation_tokens": [7]"#, "CONFIG: `alora_invocation_tokens` is set: "),
    (#""arrow_config": {}"#, "CONFIG: `arrow_config` is set: "),
    (#""kasa_config": {"beta": 0.1}"#, "CONFIG: `kasa_config` is set: "),
    (#""use_bdlora": {"nblocks": 2}"#, "CONFIG: `use_bdlora` is set: "),
    (#""use_qalora": true"#, "CONFIG: `use_qalora` is set: "),
    (#""layer_replication": [[0, 2]]"#, "CONFIG: `layer_replication` is set: "),
    (#""megatron_config": {"x": 1}"#, "CONFIG: `megatron_config` is set: "),
    (#""sparkle": true"#, "CONFIG: \"sparkle\" is an unknown member"),
    (#""use_dora": "yes""#, "CONFIG: `use_dora` is "),
    (#""use_dora": true"#, "FILE: \"q\" has no `lora_magnitude_vector`, and `use_dora` is set"),
    (#""use_dora": true, "lora_bias": true"#, "CONFIG: `use_dora` beside `lora_bias`"),
    (#""bias": "some""#, "CONFIG: `bias` is \"some\", not none, all or lora_only"),
    (
      #""target_modules": ["k"]"#,
      "CONFIG: `target_modules` leaves out \"q\", and the adapter holds factors for it"
    ),
    (
      #""target_modules": "k|v""#,
      "CONFIG: `target_modules` leaves out \"q\", and the adapter holds factors for it"
    ),
    (#""exclude_modules": "q""#, "CONFIG: `exclude_modules` leaves out \"q\""),
    (
      #""target_modules": ["q"], "layers_to_transform": [1]"#,
      "CONFIG: `layers_to_transform` leaves out \"q\""
    ),
    (
      #""modules_to_save": ["q"]"#,
      "CONFIG: `modules_to_save` names \"q\", and the adapter holds factors for \"q\""
    ),
    (#""modules_to_save": "head""#, "CONFIG: `modules_to_save` is"),
    (#""rank_pattern": [1]"#, "CONFIG: `rank_pattern` is \"[1]\", not an object"),
    (#""peft_type": "LOHA""#, "CONFIG: `peft_type` is \"LOHA\"; only LORA adapters are merged"),
    (
      #""layers_pattern": "h""#, "CONFIG: `layers_pattern` is set, and `layers_to_transform` is not"
    ),
    (
      #""target_parameters": ["x.y"], "lora_dropout": 0.1"#,
      "CONFIG: `lora_dropout` beside `target_parameters`"
    ),
    (#""peft_type": null"#, "CONFIG: `peft_type` is missing"),
  ])
  func `a setting that changes the meaning is refused by its name`(
    _ members: String, _ expected: String
  ) throws {
    let text = try refusal(members)
    #expect(text.hasPrefix(expected), "\(text)")
  }

  @Test(arguments: [
    #""init_lora_weights": "eva", "eva_config": {"rho": 2.0}"#, #""init_lora_weights": false"#,
    #""lora_dropout": 0.1, "inference_mode": true, "revision": null, "megatron_core": "megatron.core""#,
    #""alora_invocation_tokens": null, "layer_replication": [], "megatron_config": {}, "sparkle": null"#,
    #""target_modules": "all-linear""#, #""target_modules": ["q"], "layers_to_transform": []"#,
    #""velora_config": {"num_groups": 4}"#, #""monteclora_config": {}"#, #""bias": "all""#,
  ])
  func `a setting that does not change the merged weights is taken`(_ members: String) throws {
    #expect(try refusal(members) == "")
  }

  @Test func `what nothing answers to is refused`() throws {
    #expect(
      try refusal("", ["stray.weight": zeros])
        == "merge: the adapter holds \"base_model.model.stray.weight\", and there is no tensor \"stray.weight\""
    )
    #expect(
      try refusal(#""bias": "all""#, ["norm.bias": filled(1, [2])])
        == "merge: the adapter holds \"base_model.model.norm.bias\", and there is no tensor \"norm.bias\""
    )
    #expect(
      try refusal("", ["k.base_layer.bias": filled(1, [2])])
        == "FILE: \"base_model.model.k.base_layer.bias\" is of a layer with factors, and there are no factors "
        + "for \"k\"")
    #expect(
      try refusal("", ["q.lora_C.weight": a])
        == "FILE: \"base_model.model.q.lora_C.weight\" is of a kind that is not merged")
    #expect(
      try refusal("", ["q.lora_B.bias": filled(1, [2])])
        == "FILE: \"base_model.model.q.lora_B.bias\" is a bias, and `lora_bias` is not set")
    #expect(
      try refusal("", ["embed.token_adapter.trainable_tokens_delta": zeros])
        == "CONFIG: `trainable_token_indices` has no rows for \"embed\", and the adapter holds "
        + "\"base_model.model.embed.token_adapter.trainable_tokens_delta\"")
    #expect(
      try refusal("", ["k.lora_A.other.weight": a, "k.lora_B.other.weight": b])
        == "FILE: holds several adapters (one without a name and other), and one is merged at a time"
    )
    #expect(
      try refusal("", ["q.weight": zeros])
        == "FILE: \"base_model.model.q.weight\" is stored beside factors for the same weight")
  }

  @Test func `a second name of one tensor needs no place`() throws {
    let adapter = try AdapterFolder(
      "",
      [
        "q.lora_A.weight": a, "q.lora_B.weight": b, "embed.weight": filled(3, [2, 2]),
        "lm_head.weight": filled(3, [2, 2]),
      ])
    let plan = try adapter.plan(for: ["q.weight": zeros, "embed.weight": zeros])
    #expect(plan.apply().keys == ["q.weight", "embed.weight"])
    #expect(plan.notes.count == 1)
  }

  @Test func `a module that is to be saved and is not held is refused`() throws {
    #expect(
      try refusal(
        #""modules_to_save": ["head"]"#, ["head.weight": zeros],
        base: ["q.weight": zeros, "head.weight": zeros, "head.bias": filled(0, [2])])
        == "CONFIG: `modules_to_save` or `task_type` names \"head\", and the adapter does not hold \"head.bias\""
    )
  }

  @Test func `a task has the heads that PEFT saves for it`() throws {
    #expect(try refusal(#""task_type": "SEQ_CLS""#, ["score.weight": zeros]) == "")
    #expect(try refusal(#""task_type": "QUESTION_ANS""#, ["qa_outputs.weight": zeros]) == "")
    #expect(
      try refusal(
        #""task_type": "TOKEN_CLS""#, base: ["q.weight": zeros, "classifier.weight": zeros])
        == "CONFIG: `modules_to_save` or `task_type` names \"classifier\", and the adapter does not hold \"classifier.weight\""
    )
  }

  @Test func `what does not fit is refused`() throws {
    #expect(
      try refusal("", base: ["k.weight": zeros])
        == "merge: the adapter is for \"q.weight\", and there is no such tensor; the nearest is \"k.weight\""
    )
    #expect(
      try refusal("", base: ["q.weight": filled(0, [3, 2])])
        == "merge: \"q.weight\" has the shape [3, 2], the adapter makes [2, 2]")
    #expect(
      try refusal(
        #""lora_bias": true"#, ["q.lora_B.bias": filled(1, [2])], base: ["q.weight": zeros])
        == "merge: `lora_bias` is set, and \"q\" has no bias that the adapter's is added to")
    #expect(
      try refusal(
        "",
        base: [
          "q.weight": try #require(Tensor(dtype: .uint8, shape: [2, 2], bytes: [0, 0, 0, 0]))
        ])
        == "merge: \"q.weight\" holds U8, and factors are added to F64, F32, F16 and BF16 only")
    #expect(
      try refusal(
        #""trainable_token_indices": [1, 4]"#,
        ["embed.token_adapter.trainable_tokens_delta": zeros],
        base: ["q.weight": zeros, "embed.weight": filled(0, [4, 2])])
        == "merge: \"embed.weight\" has the shape [4, 2], and the adapter holds rows up to 4 of 2 elements"
    )
  }

  @Test func `a square matrix beside others tells how it is stored, or is refused`() throws {
    let wide: KeyValuePairs<Key, Tensor> = [
      "k.lora_A.weight": a, "k.lora_B.weight": filled(1, [3, 1]),
    ]
    #expect(
      try refusal(
        #""fan_in_fan_out": false"#, wide,
        base: ["q.weight": zeros, "k.weight": filled(0, [2, 3])]
      )
      .hasPrefix(
        "CONFIG: `fan_in_fan_out` is false, which does not fit all layers, and \"q\" is square"))
    #expect(
      try refusal(
        #""fan_in_fan_out": true"#, wide, base: ["q.weight": zeros, "k.weight": filled(0, [2, 3])])
        == "")
  }
}
