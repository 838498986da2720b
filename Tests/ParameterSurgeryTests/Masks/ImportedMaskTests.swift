import CheckpointFiles
import ParameterSurgery
import Testing

/// A decoder of `count` layers with a head, and what of it trains under a configuration.
private func decoder(_ count: Int, experts: Int = 0) -> ParameterTree {
  var keys = ["model.embed_tokens.weight"]
  for layer in 0..<count {
    let base = "model.layers.\(layer)."
    keys += ["self_attn.q_proj.weight", "self_attn.q_proj.bias", "mlp.up.weight"].map { base + $0 }
    keys += (0..<experts).map { base + "mlp.experts.\($0).up.weight" }
  }
  return ParameterTree(
    (keys + ["model.norm.weight", "lm_head.weight"]).map {
      TensorInfo(key: Key($0), dtype: .float32, shape: [4, 2])
    })
}

private func trained(
  _ source: ImportedMask.Source, _ text: String, in tree: ParameterTree,
  configuration: JSONValue? = nil
) throws -> [String] {
  let imported = try ImportedMask(
    source, bytes: Array(text.utf8), in: tree, configuration: configuration)
  return imported.mask.states.compactMap { key, state in
    switch state {
    case .frozen: nil
    case .trainable: key.string
    case .rows(let rows):
      key.string + rows.ranges.map { "[\($0.lowerBound):\($0.upperBound)]" }.joined()
    }
  }
}

@Suite struct `An imported mask selects what axolotl trains` {
  private func trained(_ items: String..., layers: Int = 12) throws -> [String] {
    try ParameterSurgeryTests.trained(
      .axolotl, "unfrozen_parameters:\n" + items.map { "  - '\($0)'\n" }.joined(),
      in: decoder(layers))
  }

  @Test func `a dot before a plus is any character, every other dot is a dot`() throws {
    // The three tensors of the layers 1, 10 and 11.
    #expect(try trained("model.layers.1.+").count == 9)
    #expect(try trained("^model.layers.1.").count == 3)
    #expect(try trained("^model.+bias$").count == 12)
    #expect(message { _ = try trained("model.*bias") }.contains("matches no tensor"))
  }

  @Test(arguments: [
    ("^model.embed_tokens.weight$[1:3]", "[1:3]"), ("model.embed_tokens.weight[2]", "[2:3]"),
    ("model.embed_tokens.weight[:2]", "[0:2]"), ("model.embed_tokens.weight[3:]", "[3:4]"),
    ("model.embed_tokens.weight[]", "[0:4]"),
  ])
  func `brackets at the end take rows`(_ item: String, _ rows: String) throws {
    #expect(try trained(item) == ["model.embed_tokens.weight" + rows])
  }

  @Test func `a list may be in brackets over several lines, with commas in its texts`() throws {
    let text = """
      # comment
      datasets:
        - path: a
          type: b
      base: &anchor x
      unfrozen_parameters: [
        'model.layers.[0-9]{1,1}.mlp.+',   # one digit
        "lm_head.weight",
      ]
      """
    let keys = try ParameterSurgeryTests.trained(.axolotl, text, in: decoder(12))
    #expect(keys.count == 11)
    #expect(keys.first == "lm_head.weight")
  }

  @Test func `freeze_mm_modules takes parts of other modalities away`() throws {
    let tree = tree("model.visual.a.weight", "model.layers.0.a.weight")
    #expect(
      try ParameterSurgeryTests.trained(
        .axolotl, "freeze_mm_modules: yes\nunfrozen_parameters: [model]\n", in: tree)
        == ["model.layers.0.a.weight"])
    #expect(
      try ParameterSurgeryTests.trained(.axolotl, "freeze_mm_modules: true\n", in: tree)
        == ["model.layers.0.a.weight"])
  }

  @Test(arguments: [
    ("adapter: qlora", "`adapter` is set: axolotl trains the adapter"),
    ("lisa_n_layers: 4", "`lisa_n_layers` is set: LISA"),
    ("spectrum_top_fraction: 0.5", "`spectrum_top_fraction` is set"),
    ("unfreeze_later: [a]", "`unfreeze_later` is set, which may change what axolotl trains"),
    ("freeze_mm_modules: perhaps", "expected true or false"),
    ("unfrozen_parameters: [a]", "line 3: the setting \"unfrozen_parameters\" is duplicated"),
    ("<<: *base", "line 3: expected `setting: value` at the start of the line"),
  ])
  func `a setting that changes the selection is an error`(
    _ line: String, _ words: String
  ) throws {
    let error = message {
      _ = try ParameterSurgeryTests.trained(
        .axolotl, "unfrozen_parameters:\n- lm_head\n\(line)\n", in: decoder(2))
    }
    #expect(error.contains(words), "\(error)")
  }
}

@Suite struct `An imported mask selects what LLaMA-Factory trains` {
  private func trained(
    _ settings: String, layers: Int = 6, experts: Int = 0, configuration: JSONValue? = nil
  ) throws -> [String] {
    try ParameterSurgeryTests.trained(
      .llamafactory, "finetuning_type: freeze\n" + settings,
      in: decoder(layers, experts: experts), configuration: configuration)
  }

  private func layers(_ keys: [String]) -> Set<String> {
    Set(keys.compactMap { $0.split(separator: ".").dropFirst(2).first.map(String.init) })
  }

  @Test func `LLaMA Pro trains every n-th layer`() throws {
    let keys = try trained("freeze_trainable_layers: 2\nuse_llama_pro: true\n")
    #expect(layers(keys) == ["2", "5"])
    #expect(keys.count == 6)
    #expect(
      message { _ = try trained("freeze_trainable_layers: 4\nuse_llama_pro: on\n") }
        .contains("they are 6 and 4"))
    #expect(try layers(trained("freeze_trainable_layers: 2\nuse_llama_pro: no\n")) == ["4", "5"])
  }

  @Test func `the number of layers is that of config.json, not that of the experts`() throws {
    // Layers 1 and 2, and the second expert of all layers, for `.1.` is a part of their names.
    let keys = try trained("freeze_trainable_layers: 2\n", layers: 3, experts: 8)
    #expect(keys.contains("model.layers.2.mlp.up.weight"))
    #expect(keys.contains("model.layers.0.mlp.experts.1.up.weight"))
    #expect(!keys.contains("model.layers.0.mlp.up.weight"))
    #expect(
      try layers(
        trained(
          "freeze_trainable_layers: 1\n", layers: 3,
          configuration: .members(["num_hidden_layers": 2]))) == ["1"])
  }

  @Test func `names that leave the number of layers open need config.json`() throws {
    let keys = ["encoder.block.0.a.weight", "encoder.block.1.a.weight", "decoder.block.0.a.weight"]
    let tree = ParameterTree(
      keys.map { TensorInfo(key: Key($0), dtype: .float32, shape: [2]) })
    let text = "finetuning_type: freeze\nfreeze_trainable_layers: 1\n"
    #expect(
      message { _ = try ParameterSurgeryTests.trained(.llamafactory, text, in: tree) }
        .contains("do not show how many layers"))
    #expect(
      try ParameterSurgeryTests.trained(
        .llamafactory, text, in: tree, configuration: .members(["num_layers": 2]))
        == ["encoder.block.1.a.weight"])
  }

  @Test func `full trains everything, and JSON is read as YAML is`() throws {
    #expect(
      try ParameterSurgeryTests.trained(
        .llamafactory, "{\"finetuning_type\": \"full\"}", in: decoder(2)
      ).count == 9)
  }

  @Test(arguments: [
    ("freeze_trainable_modules: nope\n", "is not a module of the layers"),
    ("freeze_extra_modules: self_attn\n", "is not a module outside of the layers"),
    ("freeze_trainable_layers: two\n", "expected an integer"),
    ("freeze_trainable_layers: 1\nuse_badam: true\n", "`use_badam` is set"),
    ("num_layer_trainable: 3\n", "`num_layer_trainable` is set, which may change what"),
    ("quantization_bit: 4\n", "`quantization_bit` is set"),
  ])
  func `what LLaMA-Factory refuses or decides otherwise is an error`(
    _ settings: String, _ words: String
  ) throws {
    let error = message { _ = try trained(settings) }
    #expect(error.contains(words), "\(error)")
  }

  @Test func `a multimodal model is refused`() throws {
    let tree = tree("visual.blocks.0.a.weight", "model.layers.0.a.weight")
    #expect(
      message {
        _ = try ParameterSurgeryTests.trained(
          .llamafactory, "finetuning_type: full\n", in: tree)
      }.contains("\"visual\""))
  }
}

@Suite struct `An imported mask selects what PEFT trains` {
  private func trained(_ json: String) throws -> [String] {
    try ParameterSurgeryTests.trained(.peft, json, in: storyTree)
  }

  @Test func `heads that PEFT adds for a task may be missing`() throws {
    let keys = ["classifier.weight", "classifier.bias", "bert.layer.0.a.weight"]
    let tree = ParameterTree(keys.map { TensorInfo(key: Key($0), dtype: .float32, shape: [2]) })
    for modules in ["[\"classifier\", \"classifier\", \"score\"]", "null"] {
      let text =
        "{\"peft_type\": \"LORA\", \"task_type\": \"SEQ_CLS\", \"modules_to_save\": \(modules)}"
      #expect(
        try ParameterSurgeryTests.trained(.peft, text, in: tree)
          == ["classifier.bias", "classifier.weight"])
    }
    #expect(
      message {
        _ = try ParameterSurgeryTests.trained(
          .peft, "{\"modules_to_save\": [\"classifier\", \"score\"]}", in: tree)
      }.contains("\"score\" in modules_to_save matches no tensor"))
  }

  @Test func `biases train as the setting says`() throws {
    #expect(try trained("{\"bias\": \"all\"}").count == 14)
    let only = try trained(
      """
      {"bias": "lora_only", "target_modules": ["query", "linear.0"], "layers_to_transform": [1],
       "exclude_modules": ["linear.0"]}
      """)
    #expect(only == ["bert.encoder.layer.1.attention.self.query.bias"])
    #expect(
      try trained("{\"bias\": \"lora_only\", \"target_modules\": \".*(value|linear.2)\"}").count
        == 3)
  }

  @Test func `LayerNorm tuning and trainable tokens train parts of the model itself`() throws {
    #expect(
      try trained("{\"peft_type\": \"LN_TUNING\", \"target_modules\": [\"output.LayerNorm\"]}")
        .count == 4)
    #expect(
      try trained("{\"peft_type\": \"TRAINABLE_TOKENS\", \"token_indices\": [1, 2, 5]}")
        == ["bert.embeddings.word_embeddings.weight[1:3][5:6]"])
    #expect(
      try trained("{\"trainable_token_indices\": [7]}")
        == ["bert.embeddings.word_embeddings.weight[7:8]"])
  }

  @Test(arguments: [
    ("{\"peft_type\": \"NEW\"}", "`peft_type` \"NEW\" is not known"),
    (
      "{\"peft_type\": \"OSF\", \"target_modules\": [\"query\"], \"modules_to_save\": [\"linear\"]}",
      "`peft_type` \"OSF\" trains a part of the weights of `target_modules` themselves"
    ),
    (
      "{\"peft_type\": \"LORA\", \"target_modules\": [\"query\"]}",
      "nothing of the checkpoint"
    ),
    ("{\"bias\": \"some\", \"modules_to_save\": [\"linear\"]}", "`bias` is \"some\""),
    ("{\"bias\": \"lora_only\", \"target_modules\": \"all-linear\"}", "\"all-linear\""),
    ("{\"bias\": \"lora_only\"}", "`target_modules` is missing"),
    ("{\"modules_to_save\": 3}", "expected a list of texts"),
    ("{\"layer_replication\": [[0, 2], [1, 3]]}", "`layer_replication` is set"),
    ("{\"task_type\": \"OTHER\"}", "`task_type` \"OTHER\" is not known"),
    ("{\"unfreeze_norms\": true}", "`unfreeze_norms` is set"),
    (
      "{\"modules_to_save\": [\"word_embeddings\"], \"trainable_token_indices\": {\"word_embeddings\": [1]}}",
      "which PEFT refuses"
    ),
  ])
  func `what is not understood is an error`(_ json: String, _ words: String) throws {
    let error = message { _ = try trained(json) }
    #expect(error.contains(words), "\(error)")
  }
}

@Suite struct `An imported mask selects what ms-swift and lists of names say` {
  @Test(arguments: ["train_type", "tuner_type", "sft_type"])
  func `an adapter trains nothing of the base`(_ name: String) throws {
    let error = message {
      _ = try trained(
        .msSwift, "{\"\(name)\": \"lora\", \"trainable_parameters\": [\"lm_head\"]}",
        in: decoder(1))
    }
    #expect(error.hasPrefix("`\(name)` is \"lora\", with which ms-swift trains an adapter"))
  }

  @Test func `without the setting, a warning says how it is read`() throws {
    let imported = try ImportedMask(
      .msSwift,
      bytes: Array(
        "{\"freeze_parameters_ratio\": 1, \"trainable_parameters\": [\"lm_head\"]}".utf8),
      in: decoder(1))
    #expect(imported.mask.trainableKeys == ["lm_head.weight"])
    #expect(imported.warnings.count == 1)
  }

  @Test(arguments: [
    ("\"freeze_parameters\": 3", "`freeze_parameters` is 3, expected a list of texts"),
    ("\"trainable_parameters_regex\": [\"a\"]", "`trainable_parameters_regex` is"),
    ("\"freeze_parameters_ratio\": \"1\"", "`freeze_parameters_ratio` is \"1\", expected a number"),
    ("\"freeze_llm\": true", "`freeze_llm` is set"),
    ("\"lisa_activated_layers\": 2", "`lisa_activated_layers` is set"),
    ("\"unfreeze_steps\": 2", "`unfreeze_steps` is set"),
  ])
  func `a value of another form is an error, never a default`(
    _ member: String, _ words: String
  ) throws {
    let error = message {
      _ = try trained(.msSwift, "{\"train_type\": \"full\", \(member)}", in: decoder(1))
    }
    #expect(error.hasPrefix(words), "\(error)")
  }

  @Test func `running statistics are not parameters`() throws {
    let tree = tree("bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "out.weight")
    #expect(
      try trained(.axolotl, "unfrozen_parameters: [bn]\n", in: tree) == ["bn.bias", "bn.weight"])
    #expect(
      try trained(
        .requiresGrad, "{\"bn.weight\": true, \"bn.bias\": false, \"out.weight\": false}", in: tree)
        == ["bn.weight"])
  }

  @Test func `names of wrapped modules are those of the checkpoint`() throws {
    let tree = tree("a.weight", "b.weight")
    #expect(
      try trained(
        .requiresGrad, "{\"module._orig_mod.a.weight\": true, \"module.b.weight\": false}", in: tree
      ) == ["a.weight"])
  }

  @Test func `names and the lists of ONNX Runtime come back`() throws {
    let tree = tree("a.weight", "b.weight", "b.bias")
    #expect(
      try trained(.names, "a.weight[1:3]\nb.bias\n", in: tree) == ["a.weight[1:3]", "b.bias"])
    #expect(
      message { _ = try trained(.names, "a.weight\nc\n", in: tree) }
        == "line 2: \"c\" is not a tensor of the checkpoint")
    #expect(
      try trained(
        .ort, "{\"requires_grad\": [\"b.bias\"], \"frozen_params\": [\"a.weight\"]}", in: tree)
        == ["b.bias"])
    #expect(
      message {
        _ = try trained(
          .ort, "{\"requires_grad\": [\"b.bias\"], \"frozen_params\": [\"b.bias\"]}", in: tree)
      } == "\"b.bias\" is in `requires_grad` and in `frozen_params`")
  }
}

@Suite struct `An exported mask selects the same in its trainer` {
  private static let selections: [[String]] = [
    ["linear"], ["model.layers[2,5]"], ["**.bias"], ["**.bias", "lm_head"],
    ["model.layers[-2:]", "lm_head"], ["model.layers[*].mlp"],
    ["model.embed_tokens.weight[1:3]", "lm_head"],
  ]

  @Test(arguments: selections, TrainerFormat.allCases)
  func `what is exported is imported as the same mask`(
    _ selectors: [String], _ format: TrainerFormat
  ) throws {
    guard let source = ImportedMask.Source(rawValue: format.rawValue) else { return }
    let tree = selectors == ["linear"] ? storyTree : decoder(6)
    let mask = try FreezeMask(training: selectors, in: tree)
    var text: String
    do { text = try mask.exported(to: format) } catch { return }
    if format == .msSwift {
      let words = text.split(separator: " ").map(String.init)
      let last = try #require(words.last).dropLast()
      #expect(
        words[..<5] == [
          "--train_type", "full", "--freeze_parameters_ratio", "1.0",
          "--trainable_parameters_regex",
        ])
      text = "train_type: full\nfreeze_parameters_ratio: 1.0\ntrainable_parameters_regex: \(last)\n"
    }
    let back = try ImportedMask(source, bytes: Array(text.utf8), in: tree).mask
    #expect(back.states == mask.states, "\(text)")
  }

  @Test func `spread layers are LLaMA Pro's, biases are PEFT's`() throws {
    let spread = try FreezeMask(training: ["model.layers[2,5]"], in: decoder(6))
    #expect(try spread.exported(to: .llamafactory).hasSuffix("use_llama_pro: true\n"))
    let biases = try FreezeMask(training: ["**.bias"], in: decoder(6))
    #expect(
      try biases.exported(to: .peft)
        == "{\n  \"peft_type\": \"LORA\",\n  \"target_modules\": \"dummy-target-modules\",\n"
        + "  \"bias\": \"all\"\n}\n")
  }

  @Test func `a name that no line can hold is refused`() throws {
    let tree = tree("a\nb.weight")
    let mask = try FreezeMask(training: ["**"], in: tree)
    #expect(message { _ = try mask.exported(to: .names) }.contains("a control character"))
  }
}
