import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import ParameterSurgery
import Testing

@Suite struct FreezeMaskTests {
  private let small = ParameterTree([
    TensorInfo(key: "linear.0.weight", dtype: .float32, shape: [3, 4]),
    TensorInfo(key: "linear.0.bias", dtype: .float32, shape: [3]),
    TensorInfo(key: "bert.word.weight", dtype: .bfloat16, shape: [30, 4]),
    TensorInfo(key: "bert.scale", dtype: .float32, shape: []),
  ])

  @Test func `the file is one tensor a line, in key order`() throws {
    let mask = try FreezeMask.resolving(
      [
        .train(Selector("linear")), .train(Selector("bert.word.weight[20:]")),
        .freeze(Selector("bert.word.weight[25]")), .train(Selector("!linear.0.bias")),
      ], in: small)
    #expect(
      mask.jsonText == """
        {
          "format": "espalier-freeze-mask",
          "version": 1,
          "checkpoint": {"tensors": 4, "layout_sha256": "\(small.layoutDigest)"},
          "rules": [
            {"train": "linear", "matched": 2},
            {"train": "bert.word.weight[20:]", "matched": 1},
            {"freeze": "bert.word.weight[25]", "matched": 1},
            {"train": "!linear.0.bias", "matched": 1}
          ],
          "tensors": {
            "bert.scale": false,
            "bert.word.weight": {"train_rows": [[20, 25], [26, 30]]},
            "linear.0.bias": false,
            "linear.0.weight": true
          }
        }

        """)
    #expect(try FreezeMask(json: Array(mask.jsonText.utf8)) == mask)
  }

  @Test func `the layout digest is the SHA-256 of key, dtype and shape, in key order`() {
    // printf 'bert.scale\tF32\t\nbert.word.weight\tBF16\t30,4\nlinear.0.bias\tF32\t3\nlinear.0.weight\tF32\t3,4\n' | sha256sum
    #expect(
      small.layoutDigest == "6c72f2e8706aeacfa0b2f911558a009339e300c872fc2c51db8e044b514a5643")
    #expect(ParameterTree(small.entries.reversed()).layoutDigest == small.layoutDigest)
  }

  @Test func `what no rule matches is the opposite of the first rule`() throws {
    let training = try FreezeMask(training: ["linear"], in: storyTree)
    #expect(training.trainableKeys.count == 4)
    #expect(training["bert.pooler.dense.bias"] == .frozen)
    let freezing = try FreezeMask(freezing: ["bert.encoder"], in: storyTree)
    #expect(freezing["bert.encoder.layer.0.output.dense.bias"] == .frozen)
    #expect(freezing["linear.0.bias"] == .trainable)
    #expect(
      try FreezeMask(training: ["!bert"], in: storyTree).trainableKeys == training.trainableKeys)
    #expect(
      try FreezeMask(training: ["linear"], freezing: ["linear.0.bias"], in: storyTree)
        .trainableKeys.count == 3)
  }

  @Test func `what has no gradient stays frozen, and a warning says so`() throws {
    let mask = try FreezeMask(training: ["bert.embeddings"], in: storyTree)
    #expect(mask["bert.embeddings.position_ids"] == .frozen)
    #expect(
      mask.warnings(in: storyTree).map(\.description) == [
        "\"bert.embeddings.position_ids\" holds I64, which has no gradient: it stays frozen"
      ])
    #expect(
      message { _ = try FreezeMask(training: ["bert.embeddings.position_ids"], in: storyTree) }
        == "nothing would train: \"bert.embeddings.position_ids\" holds I64, which has no gradient")
    #expect(
      message { _ = try FreezeMask(training: ["linear"], freezing: ["linear"], in: storyTree) }
        == "nothing would train: the rules freeze everything that they train")
  }

  @Test func `a weight without its bias is worth a warning`() throws {
    let mask = try FreezeMask(training: ["**.weight"], freezing: ["bert"], in: storyTree)
    #expect(
      mask.warnings(in: storyTree).map(\.description) == [
        "\"linear.0.weight\" trains, \"linear.0.bias\" of the same module is frozen",
        "\"linear.2.weight\" trains, \"linear.2.bias\" of the same module is frozen",
      ])
    #expect(mask.warnings(in: storyTree, siblings: false).isEmpty)
    let old = tree("a.LayerNorm.gamma", "a.LayerNorm.beta", "r.weight_ih_l0", "r.bias_ih_l0")
    let oldMask = try FreezeMask(training: ["**.gamma", "**.weight*"], in: old)
    #expect(
      oldMask.warnings(in: old) == [
        .frozenSibling(trainable: "a.LayerNorm.gamma", frozen: "a.LayerNorm.beta"),
        .frozenSibling(trainable: "r.weight_ih_l0", frozen: "r.bias_ih_l0"),
      ])
    // Biases alone are BitFit, and meant.
    #expect(
      try FreezeMask(training: [":role(bias)"], in: storyTree).warnings(in: storyTree).isEmpty)
  }

  @Test func `a tie of which one name trains is worth a warning`() throws {
    let shared = try #require(Tensor([1, 2], shape: [2]))
    let tied = ParameterTree(Checkpoint(tensors: ["embed": shared, "head": shared]))
    #expect(
      try FreezeMask(training: ["head"], in: tied).warnings(in: tied).map(\.description) == [
        "\"head\" trains, \"embed\" is frozen, and both are the same bytes: training changes both"
      ])
    #expect(try FreezeMask(training: ["**"], in: tied).warnings(in: tied).isEmpty)
  }

  @Test func `the summary counts parameters, rows included`() throws {
    let mask = try FreezeMask(
      training: ["linear", "bert.embeddings.word_embeddings.weight[28:]"], in: storyTree)
    let summary = mask.summary(in: storyTree)
    #expect(summary.trainableTensors == 5)
    #expect(summary.trainableParameters == 23 + 8)
    #expect(
      summary.trainableParameters + summary.frozenParameters
        == storyTree.root.parameterCount)
    #expect(
      summary.description
        == "5 tensors train (31 parameters; 1 in some rows only), 26 are frozen (452 parameters)")
  }

  @Test func `a mask that was written by hand does not train what cannot train`() throws {
    let tree = ParameterTree([
      TensorInfo(key: "ids", dtype: .int64, shape: [4]),
      TensorInfo(key: "none", dtype: .float32, shape: [0, 2]),
      TensorInfo(key: "one", dtype: .float32, shape: []),
      TensorInfo(key: "w", dtype: .float32, shape: [4, 2]),
    ])
    let sound = try FreezeMask(training: ["w[2:]"], in: tree)
    func fails(_ key: String, _ state: String) -> String {
      message {
        let text = sound.jsonText.replacing("\"\(key)\": false", with: "\"\(key)\": \(state)")
        #expect(text != sound.jsonText)
        try FreezeMask(json: Array(text.utf8)).check(fits: tree, named: "x")
      }
    }
    let start = "the mask does not fit x: "
    #expect(fails("ids", "true") == start + "integers and Booleans do not train: \"ids\"")
    let short = "fewer rows than the mask lets train: "
    for key in ["none", "one"] {
      #expect(fails(key, #"{"train_rows": [[0, 1]]}"#) == start + short + "\"\(key)\"")
    }
    let long = sound.jsonText.replacing("[2, 4]", with: "[2, 99999]")
    #expect(
      message { try FreezeMask(json: Array(long.utf8)).check(fits: tree) }
        == "the mask does not fit the checkpoint: " + short + "\"w\"")
  }

  @Test func `a mask that does not fit says what differs`() throws {
    let mask = try FreezeMask(training: ["linear", "bert.word.weight[20:]"], in: small)
    #expect(mask.mismatch(with: small) == nil)
    #expect(mask.mismatch(with: ParameterTree(small.entries.reversed())) == nil)
    func fails(_ change: (TensorInfo) -> TensorInfo?) -> String {
      message {
        try mask.check(fits: ParameterTree(small.entries.compactMap(change)), named: "x.pt")
      }
    }
    #expect(
      fails {
        $0.key == "bert.scale" ? TensorInfo(key: "bert.scala", dtype: .float32, shape: []) : $0
      }
        == "the mask does not fit x.pt: missing keys: \"bert.scale\"; unexpected keys: \"bert.scala\""
    )
    #expect(
      fails {
        $0.key == "bert.word.weight"
          ? TensorInfo(key: $0.key, dtype: .bfloat16, shape: [20, 4]) : $0
      }
        == "the mask does not fit x.pt: fewer rows than the mask lets train: \"bert.word.weight\"")
    #expect(
      fails {
        TensorInfo(key: $0.key, dtype: $0.dtype == .float32 ? .float16 : $0.dtype, shape: $0.shape)
      }
        == "the mask does not fit x.pt: it was created for F32, and the checkpoint has F16")
    #expect(
      fails {
        $0.key == "linear.0.bias" ? TensorInfo(key: $0.key, dtype: .float32, shape: [4]) : $0
      }
        == "the mask does not fit x.pt: the keys are the same, but a dtype or a shape differs (layout_sha256 differs)"
    )
  }

  @Test(arguments: [
    ("[]", "freeze mask: the file is not an object"),
    ("{", "not a freeze mask: invalid JSON: the document ends early (byte 1)"),
    (
      "{\"format\":\"x\",\"version\":1,\"checkpoint\":{},\"rules\":[],\"tensors\":{}}",
      "not a freeze mask: `format` is not \"espalier-freeze-mask\""
    ),
    ("{\"format\":\"espalier-freeze-mask\"}", "freeze mask: the member `version` is missing"),
    (
      "{\"format\":\"espalier-freeze-mask\",\"extra\":1}",
      "freeze mask: the file has an unknown member \"extra\""
    ),
  ])
  func `a file that is no mask is refused`(text: String, expected: String) {
    #expect(message { _ = try FreezeMask(json: Array(text.utf8)) } == expected)
  }

  @Test(arguments: [
    ("1", "\"a\" is neither true, false nor {\"train_rows\": [[FROM, TO], …]}"),
    ("{\"train_rows\":[]}", "\"a\": `train_rows` is empty; write false"),
    ("{\"train_rows\":[[2,1]]}", "\"a\": [2, 1] is not a range [FROM, TO] with 0 ≤ FROM < TO"),
    (
      "{\"train_rows\":[[0,2],[1,3]]}",
      "\"a\": the ranges of `train_rows` overlap or are not ascending"
    ),
    (
      "{\"train_rows\":[[0,99999999999999999999]]}",
      "\"a\": `train_rows` is not a list of ranges [FROM, TO] with 0 ≤ FROM < TO"
    ),
  ])
  func `a state that means nothing is refused`(state: String, expected: String) {
    let digest = String(repeating: "0", count: 64)
    let text = """
      {"format":"espalier-freeze-mask","version":1,"checkpoint":{"tensors":1,"layout_sha256":"\(digest)"},
       "rules":[],"tensors":{"a":\(state)}}
      """
    #expect(message { _ = try FreezeMask(json: Array(text.utf8)) } == "freeze mask: " + expected)
  }

  @Test(arguments: 0..<10)
  func `random masks survive the file`(round: Int) throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededGenerator(seed: seed)
    let pool = [
      "linear", "!linear.0.bias", "**.weight", "bert.encoder.layer[-1]", "**.LayerNorm",
      "bert.embeddings.word_embeddings.weight[3:9]", "!**[5]", ":role(bias)",
    ]
    let rules: [FreezeMask.Request] = try (0..<4).map { _ in
      let selector = try Selector(pool.randomElement(using: &random) ?? "linear")
      return Bool.random(using: &random) ? .train(selector) : .freeze(selector)
    }
    guard let mask = try? FreezeMask.resolving(rules, in: storyTree) else { return }
    #expect(try FreezeMask(json: Array(mask.jsonText.utf8)) == mask, "let seed: UInt64 = \(seed)")
  }

  @Test func `of a prefix alone the mismatch says so`() throws {
    let mask = try FreezeMask(training: ["linear"], in: tree("bert.a.w", "bert.b.w", "linear.w"))
    #expect(
      mask.mismatch(with: tree("a.w", "b.w"))?.description
        == "the keys of the mask begin with \"bert.\", those of the checkpoint do not; missing keys: "
        + "\"linear.w\"")
    let bare = try FreezeMask(training: ["a"], in: tree("a.w", "b.w"))
    #expect(
      bare.mismatch(with: tree("m.a.w", "m.b.w"))?.description
        == "the keys of the checkpoint begin with \"m.\", those of the mask do not")
    #expect(
      bare.mismatch(with: tree("m.a.w", "c.w"))?.description
        == "missing keys: \"a.w\", \"b.w\"; unexpected keys: \"c.w\", \"m.a.w\"")
  }
}
