import Foundation
import Testing

@Suite struct `espalier mask` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write(Fixture.safetensors(Fixture.story), to: "model.safetensors")
  }

  @Test func `create writes every tensor and says what trains`() throws {
    let result = try Tool.run(
      "mask", "create", "model.safetensors", "--train", "linear", "-o", "m.json", in: folder)
    #expect(result.status == 0)
    #expect(result.errors == "")
    #expect(
      result.output == """
        m.json: 4 of 10 tensors train, 17 of 41 elements (41.5 %)
          linear.0.weight  F32  [3, 2]  6
          linear.0.bias    F32  [3]     3
          linear.2.weight  F32  [2, 3]  6
          linear.2.bias    F32  [2]     2

        """)
    let mask =
      try JSONSerialization.jsonObject(with: Data(folder.bytes("m.json"))) as? [String: Any]
    #expect(mask?["format"] as? String == "espalier-freeze-mask")
    let tensors = mask?["tensors"] as? [String: Any]
    #expect(tensors?.count == 10)
    #expect(tensors?["linear.0.bias"] as? Bool == true)
    #expect(tensors?["bert.embeddings.position_ids"] as? Bool == false)
  }

  @Test func `rules apply as they stand, and the last that matches wins`() throws {
    let result = try Tool.run(
      "mask", "create", "model.safetensors", "--train", "linear", "--freeze", "linear.0",
      "linear.2",
      "--train", "linear.0.bias", "--json", "-o", "m.json", in: folder)
    #expect(result.status == 0)
    let object = try result.object()
    let trainable = object["trainable"] as? [[String: Any]]
    #expect(trainable?.map { $0["key"] as? String } == ["linear.0.bias"])
    let rules = object["rules"] as? [[String: Any]] ?? []
    #expect(
      rules.map { ($0["train"] ?? $0["freeze"]) as? String }
        == ["linear", "linear.0", "linear.2", "linear.0.bias"])
  }

  @Test func `a selector that takes nothing away says so`() throws {
    for (selector, note) in [
      ("!bert", "espalier: note: \"!bert\" has no effect\n"), ("!linear.0.{weight,bias}", ""),
    ] {
      let result = try Tool.run(
        "mask", "create", "model.safetensors", "--train", "linear", selector, "-o", "m.json",
        in: folder)
      #expect(result.status == 0)
      #expect(result.errors == note)
    }
  }

  @Test func `what no rule is about is frozen, though a rule that freezes stands first`() throws {
    let result = try Tool.run(
      "mask", "create", "model.safetensors", "--freeze", "linear.0", "--train", "linear", "--json",
      "-o", "m.json", in: folder)
    let trainable = try result.object()["trainable"] as? [[String: Any]]
    #expect(
      trainable?.map { $0["key"] as? String } == [
        "linear.0.weight", "linear.0.bias", "linear.2.weight", "linear.2.bias",
      ])
  }

  @Test func `rows of a tensor train`() throws {
    let result = try Tool.run(
      "mask", "create", "model.safetensors", "--train", "**.word_embeddings.weight[4:]", "--json",
      "-o", "m.json", in: folder)
    #expect(result.status == 0)
    let trainable = try result.object()["trainable"] as? [[String: Any]]
    #expect(trainable?.first?["train_rows"] as? [[Int]] == [[4, 6]])
    #expect(trainable?.first?["elements"] as? Int == 4)
  }

  @Test func `many weights without their biases are three warnings and a number`() throws {
    try folder.copy("bert-tiny", to: "tiny")
    let result = try Tool.run(
      "mask", "create", "tiny", "--train", "**.weight", "-o", "w.json", in: folder)
    #expect(result.status == 0)
    let warnings = result.errors.split(separator: "\n")
    #expect(warnings.count == 4)
    let sentence =
      "15 more tensors train while their bias is frozen; --json lists them, --no-siblings hides these warnings"
    #expect(warnings.last.map(String.init) == "espalier: warning: tiny: " + sentence)
    let json = try Tool.run(
      "mask", "create", "tiny", "--train", "**.weight", "-o", "w.json", "--json", in: folder
    ).object()
    #expect((json["warnings"] as? [String] ?? []).count == 18)
  }

  @Test func `a weight without its bias is a warning, which can be silenced`() throws {
    let arguments = [
      "mask", "create", "model.safetensors", "--train", "linear.0.weight", "-o", "m.json",
    ]
    let loud = try Tool.run(arguments, in: folder)
    #expect(loud.status == 0)
    #expect(
      loud.errors == "espalier: warning: model.safetensors: \"linear.0.weight\" trains, "
        + "\"linear.0.bias\" of the same module is frozen\n")
    #expect(try Tool.run(arguments + ["--no-siblings"], in: folder).errors == "")
  }

  @Test func `a misspelt selector suggests the nearest keys and writes nothing`() throws {
    let result = try Tool.run(
      "mask", "create", "model.safetensors", "--train", "linear.1.weight", "-o", "m.json",
      in: folder)
    #expect(result.status == 2)
    #expect(result.output == "")
    #expect(
      result.errors == "espalier: error: model.safetensors: selector \"linear.1.weight\" selects "
        + "no tensor: did you mean `linear.2.weight`? `linear` has [0] and [2]\n")
    #expect(try folder.names == ["model.safetensors"])
  }

  @Test func `another count than expected writes nothing`() throws {
    let result = try Tool.run(
      "mask", "create", "model.safetensors", "--train", "linear", "--expect", "2", "-o", "m.json",
      in: folder)
    #expect(result.status == 2)
    #expect(
      result.errors == "espalier: error: model.safetensors: expected 2 tensors to train "
        + "(found 4)\n")
    #expect(try folder.names == ["model.safetensors"])
  }

  @Test func `explain says what each selector matched`() throws {
    let result = try Tool.run(
      "mask", "create", "model.safetensors", "--train", "linear", "--freeze", "linear.0",
      "--explain", "-o", "m.json", in: folder)
    #expect(result.status == 0)
    #expect(result.errors.hasPrefix("linear matches 4 tensors\n  linear.0.weight\n"))
    #expect(result.errors.contains("linear.0 matches 2 tensors\n"))
  }

  @Test func `saying nothing about what trains is wrong usage`() throws {
    let result = try Tool.run("mask", "create", "model.safetensors", "-o", "m.json", in: folder)
    #expect(result.status == 64)
    #expect(result.errors.hasPrefix("espalier: error: a rule is missing; pass --train SELECTOR"))
  }

  @Test func `the same command writes the same bytes`() throws {
    for name in ["1.json", "2.json"] {
      try Tool.run(
        "mask", "create", "model.safetensors", "--train", "linear", "-o", name, in: folder)
    }
    #expect(try folder.bytes("1.json") == folder.bytes("2.json"))
  }

  @Test func `show needs no checkpoint`() throws {
    try Tool.run(
      "mask", "create", "model.safetensors", "--train", "linear.2", "-o", "m.json", in: folder)
    let result = try Tool.run("mask", "show", "m.json", in: folder)
    #expect(
      result.output == """
        m.json: 2 of 10 tensors train
          train linear.2 (matched 2 tensors)
          linear.2.bias
          linear.2.weight

        """)
    let object = try Tool.run("mask", "show", "m.json", "--json", in: folder).object()
    #expect(object["tensors"] as? Int == 10)
    #expect(object["frozen"] as? Int == 8)
  }

  @Test func `check says yes to the same layout and no, with what differs, to another`() throws {
    try Tool.run(
      "mask", "create", "model.safetensors", "--train", "linear", "-o", "m.json", in: folder)
    let yes = try Tool.run("mask", "check", "m.json", "model.safetensors", in: folder)
    #expect(yes.status == 0)
    #expect(yes.output == "m.json fits model.safetensors: 10 tensors, 4 of them train\n")
    try folder.write(
      Fixture.safetensors(Fixture.story.filter { $0.key != "linear.2.bias" }),
      to: "other.safetensors")
    let no = try Tool.run("mask", "check", "m.json", "other.safetensors", in: folder)
    #expect(no.status == 1)
    #expect(
      no.output == "m.json does not fit other.safetensors: missing keys: \"linear.2.bias\"\n")
    let object = try Tool.run(
      "mask", "check", "m.json", "other.safetensors", "--json", in: folder
    ).object()
    #expect(object["fits"] as? Bool == false)
    #expect(object["missing"] as? [String] == ["linear.2.bias"])
  }

  @Test func `a file that is no mask is one line with status 2`() throws {
    try folder.write(Array("{\"format\": \"other\"}".utf8), to: "m.json")
    let result = try Tool.run("mask", "show", "m.json", in: folder)
    #expect(result.status == 2)
    #expect(result.errors.hasPrefix("espalier: error: m.json: "))
    #expect(result.errors.split(separator: "\n").count == 1)
  }
}
