import CheckpointFiles
import EspalierTestSupport
import Testing

@Suite struct `espalier edit` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write(Fixture.safetensors(Fixture.story), to: "a.safetensors")
    try folder.copy("bert-tiny", to: "tiny")
  }

  private func keys(_ name: String) throws -> [String] {
    try Checkpoint.open(folder.path(name)).keys.map(\.string)
  }

  @Test func `says what selectors matched, and how many tensors it takes`() throws {
    let arguments = [
      "edit", Fixtures.path("bert-tiny"), "-o", "new.safetensors", "--drop", "pooler", "--cast",
      "**.LayerNorm=BF16",
    ]
    let result = try Tool.run(arguments + ["--explain", "--expect", "12"], in: folder)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.hasPrefix("pooler matches 2 tensors\n  pooler.dense.bias\n"))
    #expect(result.errors.contains("**.LayerNorm matches 10 tensors\n"))
    let refused = try Tool.run(
      arguments.map { $0 == "new.safetensors" ? "other.safetensors" : $0 } + ["--expect", "2"],
      in: folder)
    #expect(refused.status == 2)
    #expect(
      refused.errors.contains(
        "expected 2 tensors, the operations take 12: drop pooler took 2, cast **.LayerNorm=BF16 took 10"
      ))
    #expect(!folder.exists("other.safetensors"))
  }

  @Test func `operations are done in the order in which they are written`() throws {
    let result = try Tool.run(
      "edit", "a.safetensors", "-o", "b.safetensors", "--keep", "linear", "--rename",
      "linear=head", "--drop", "head.0.bias", "--add-prefix", "x.", in: folder)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors == "")
    #expect(try keys("b.safetensors") == ["x.head.0.weight", "x.head.2.weight", "x.head.2.bias"])
    #expect(
      result.output.contains("=  linear.0.weight => x.head.0.weight                F32  [3, 2]\n"))
    #expect(result.output.hasSuffix("\n7 removed, 3 renamed, 0 as they were\n"))
    let other = try Tool.run(
      "edit", "a.safetensors", "-o", "c.safetensors", "--rename", "linear=head", "--keep",
      "linear", in: folder)
    #expect(other.status == 2)
    #expect(
      other.errors
        == "espalier: error: a.safetensors: selector \"linear\" selects no tensor: the root has "
        + "`bert` and `head`\n")
    #expect(!folder.exists("c.safetensors"))
  }

  @Test func `strides of what is not changed stay`() throws {
    let views = try Checkpoint.open(Fixtures.path("torch/views.pt"))
    let strided = views.tensors.filter { !$0.value.isContiguous }.map(\.key)
    try #require(strided.count > 1)
    let result = try Tool.run(
      "edit", Fixtures.path("torch/views.pt"), "-o", "v.pt", "--drop", strided[0].string, in: folder
    )
    #expect(result.status == 0, "\(result.errors)")
    let written = try Checkpoint.open(folder.path("v.pt"))
    for key in strided.dropFirst() {
      #expect(written[key]?.strides == views[key]?.strides, "\(key)")
    }
  }

  @Test func `a dry run shows the same and writes nothing`() throws {
    let before = try folder.names
    let result = try Tool.run(
      "edit", "a.safetensors", "--dry-run", "--drop", "linear.2", "--metadata", "by=me", in: folder)
    #expect(result.status == 0)
    #expect(
      result.output == """
        -  linear.2.weight  F32  [2, 3]
        -  linear.2.bias    F32  [2]
        + metadata by: me
        2 removed, 8 as they were

        """)
    #expect(try folder.names == before)
  }

  @Test func `the JSON has the plan, the steps and what was lost`() throws {
    let result = try Tool.run(
      "edit", "a.safetensors", "-o", "b.safetensors", "--scale", "linear.0.weight=100000",
      "--cast", "linear=F16", "--json", in: folder)
    let object = try result.object()
    #expect(
      Set(object.keys) == [
        "version", "path", "steps", "changes", "unchanged", "metadata", "configuration",
        "vocabulary", "losses",
      ])
    #expect(object["path"] as? String == "b.safetensors")
    #expect(object["unchanged"] as? Int == 6)
    let steps = try #require(object["steps"] as? [[String: Any]])
    #expect(
      steps.map { $0["operation"] as? String } == [
        "scale linear.0.weight=100000", "cast linear=F16",
      ])
    #expect(steps.map { $0["tensors"] as? Int } == [1, 4])
    let change = try #require((object["changes"] as? [[String: Any]])?.first)
    #expect(change["kind"] as? String == "changed")
    #expect(change["effects"] as? [String] == ["times 100000", "F32 to F16"])
    #expect((change["after"] as? [String: Any])?["dtype"] as? String == "F16")
    let loss = try #require((object["losses"] as? [[String: Any]])?.first)
    #expect(loss["key"] as? String == "linear.0.weight")
    #expect(loss["overflows"] as? Int == 6)
    #expect(
      result.errors
        == "espalier: warning: \"linear.0.weight\": 6 values too large for F16, stored as infinity\n"
    )
  }

  @Test func `a directory keeps tokenizer and configuration, and the latter follows`() throws {
    let result = try Tool.run(
      "edit", "tiny", "-o", "deep", "--layers", "encoder.layer=0:2,1:2", "--resize",
      "embeddings.word_embeddings.weight=520", "--cast", "**=F16", in: folder)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("~ config.json num_hidden_layers: 2 => 3\n"))
    #expect(
      try folder.names.contains("deep")
        && folder.bytes("deep/vocab.txt")
          == folder.bytes("tiny/vocab.txt")
    )
    let config = try JSONParser.parse(folder.bytes("deep/config.json"))
    #expect(config["num_hidden_layers"]?.integer == 3)
    #expect(config["vocab_size"]?.integer == 520)
    #expect(config["dtype"]?.string == "float16")
    #expect(config["layer_norm_eps"] == .number("1e-12"))
    #expect(try Tool.run("check", "deep", "--fast", in: folder).status == 0)
    // Beside a file nothing is written; a note says what must follow.
    let file = try Tool.run(
      "edit", "tiny", "-o", "f.safetensors", "--layers", "encoder.layer=0:1", in: folder)
    #expect(
      file.errors == "espalier: note: config.json must say now: num_hidden_layers 1\n")
  }

  @Test func `a configuration that said something else stays`() throws {
    let text = try folder.text("tiny/config.json").replacing(
      "\"num_hidden_layers\": 2", with: "\"num_hidden_layers\": 7")
    try folder.write(Array(text.utf8), to: "tiny/config.json")
    let result = try Tool.run(
      "edit", "tiny", "-o", "out", "--layers", "encoder.layer=0:1", in: folder)
    #expect(result.status == 0)
    #expect(try folder.text("out/config.json") == text)
  }

  @Test func `DistilBERT gets a configuration of its own`() throws {
    let result = try Tool.run("edit", "tiny", "-o", "d", "--preset", "distilbert", in: folder)
    #expect(result.status == 0)
    let config = try JSONParser.parse(folder.bytes("d/config.json"))
    #expect(config["model_type"]?.string == "distilbert")
    #expect(config["n_layers"]?.integer == 1 && config["dim"]?.integer == 32)
    #expect(config["num_hidden_layers"] == nil)
  }

  @Test func `an overwrite is refused before anything is shown`() throws {
    for (arguments, name) in [
      (["a.safetensors", "-o", "a.safetensors"], "a.safetensors"),
      (["a.safetensors", "-o", "tiny"], "tiny/model.safetensors"),
      (["tiny", "-o", "tiny/model.safetensors"], "tiny/model.safetensors"),
    ] {
      let before = try folder.bytes(name)
      let drop = arguments[0] == "tiny" ? "pooler" : "linear"
      let result = try Tool.run(["edit"] + arguments + ["--drop", drop], in: folder)
      #expect(result.status == 2)
      #expect(result.output == "")
      #expect(
        ["is ", "exists "].contains { result.errors.hasPrefix("espalier: error: \(name): \($0)") })
      #expect(try folder.bytes(name) == before)
    }
  }

  @Test func `in place a file, a directory and shards keep their layout`() throws {
    #expect(
      try Tool.run("edit", "a.safetensors", "--in-place", "--keep", "linear", in: folder).status
        == 0)
    #expect(try keys("a.safetensors").count == 4)
    #expect(try Tool.run("edit", "tiny", "--in-place", "--drop", "pooler", in: folder).status == 0)
    #expect(try keys("tiny/model.safetensors").count == 37)
    try folder.copy("bert-tiny-sharded", to: "shards")
    for input in ["shards", "shards/model.safetensors.index.json"] {
      let result = try Tool.run(
        "edit", input, "--in-place", "--layers", "encoder.layer=0:2,0:1", in: folder)
      #expect(result.status == 0, "\(result.errors)")
    }
    #expect(
      try Folder.names(folder.path("shards")) == [
        "config.json", "model-v2-00001-of-00003.safetensors",
        "model-v2-00002-of-00003.safetensors", "model-v2-00003-of-00003.safetensors",
        "model.safetensors.index.json", "vocab.txt",
      ])
    let whole = try Checkpoint.open(folder.path("shards"))
    #expect(whole.format == .sharded && whole.keys.count == 55)
    #expect(
      try JSONParser.parse(folder.bytes("shards/config.json"))["num_hidden_layers"]?.integer == 3)
    try folder.copy("bert-tiny-old", to: "old")
    #expect(
      try Tool.run("edit", "old", "--in-place", "--preset", "gamma-beta", in: folder).status == 0)
    #expect(try Checkpoint.open(folder.path("old/pytorch_model.bin")).format == .torchZip)
  }

  @Test func `shards of a size, and one file again`() throws {
    let split = try Tool.run(
      "edit", "tiny", "-o", "s", "--drop", "pooler", "--shard-size", "50kB", in: folder)
    #expect(split.status == 0, "\(split.errors)")
    let names = try Folder.names(folder.path("s"))
    #expect(names.contains("model-00001-of-00004.safetensors"))
    #expect(try keys("s").count == 37)
    let joined = try Tool.run(
      "edit", "s", "--in-place", "--shard-size", "1GB", "--metadata", "by=me", in: folder)
    #expect(joined.status == 0, "\(joined.errors)")
    #expect(
      try Folder.names(folder.path("s")).filter { $0.hasPrefix("model") } == ["model.safetensors"])
  }

  @Test func `a Lightning checkpoint becomes the model's own`() throws {
    let entries = [
      Fixture.Entry("state_dict.model.encoder.weight", [2], [1, 2]),
      Fixture.Entry("state_dict.model.head.bias", [1], [3]),
      Fixture.Entry("optimizer_states.0.state.0.exp_avg", [2], [0, 0]),
    ]
    try folder.write(Fixture.safetensors(entries), to: "l.safetensors")
    let result = try Tool.run(
      "edit", "l.safetensors", "-o", "m.safetensors", "--preset", "lightning", in: folder)
    #expect(result.status == 0, "\(result.errors)")
    #expect(try keys("m.safetensors") == ["encoder.weight", "head.bias"])
    // What is not all under `model.` keeps its names.
    try folder.write(
      Fixture.safetensors(entries + [.init("state_dict.criterion.weight", [1], [1])]),
      to: "l.safetensors")
    _ = try Tool.run(
      "edit", "l.safetensors", "-o", "n.safetensors", "--preset", "lightning", in: folder)
    #expect(
      try keys("n.safetensors") == ["model.encoder.weight", "model.head.bias", "criterion.weight"])
    let none = try Tool.run(
      "edit", "a.safetensors", "--dry-run", "--preset", "lightning", in: folder)
    #expect(none.status == 2)
    #expect(
      none.errors
        == "espalier: error: a.safetensors: preset lightning: there is nothing to convert\n")
  }

  @Test func `a seed is for what is added`() throws {
    let add = ["edit", "a.safetensors", "--add", "new=F32[64]:normal(1)", "-o"]
    for (name, seed) in [("1", "5"), ("2", "5"), ("3", "6")] {
      let result = try Tool.run(add + ["\(name).safetensors", "--seed", seed], in: folder)
      #expect(result.status == 0)
    }
    #expect(try folder.bytes("1.safetensors") == folder.bytes("2.safetensors"))
    #expect(try folder.bytes("1.safetensors") != folder.bytes("3.safetensors"))
    let idle = try Tool.run(
      "edit", "a.safetensors", "--drop", "linear", "--seed", "1", "--dry-run", in: folder)
    #expect(idle.status == 64)
    #expect(
      idle.errors.hasPrefix(
        "espalier: error: --seed chooses the values of --add, and nothing is added"))
  }

  @Test func `a recipe from a file does what flags do`() throws {
    try folder.write(
      Array("steps:\n  - drop: [linear]\n  - strip-prefix: bert.\n".utf8), to: "r.yaml")
    let recipe = try Tool.run(
      "edit", "a.safetensors", "-o", "r.safetensors", "--recipe", "r.yaml", in: folder)
    #expect(recipe.status == 0)
    _ = try Tool.run(
      "edit", "a.safetensors", "-o", "f.safetensors", "--drop", "linear", "--strip-prefix",
      "bert.", in: folder)
    #expect(try folder.bytes("r.safetensors") == folder.bytes("f.safetensors"))
    try folder.write(Array("steps:\n  - drop: linaer\n".utf8), to: "r.yaml")
    let wrong = try Tool.run("edit", "a.safetensors", "--dry-run", "--recipe", "r.yaml", in: folder)
    #expect(wrong.status == 2)
    #expect(
      wrong.errors
        == "espalier: error: a.safetensors: selector \"linaer\" selects no tensor: did you mean "
        + "`linear`?\n")
  }

  @Test func `no operation and no output are wrong usage`() throws {
    for arguments in [
      ["-o", "b.safetensors"], ["--drop", "linear"], ["--drpo", "x", "--dry-run"],
    ] {
      #expect(try Tool.run(["edit", "a.safetensors"] + arguments, in: folder).status == 64)
    }
  }
}
