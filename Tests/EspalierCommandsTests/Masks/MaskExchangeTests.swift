import Foundation
import Testing

@Suite struct `Masks beside other trainers` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write(Fixture.safetensors(Fixture.story), to: "model.safetensors")
    try create("head", "linear")
    try create("rows", "linear.2", "**.word_embeddings.weight[4:]")
  }

  private func create(_ name: String, _ selectors: String...) throws {
    try Tool.run(
      ["mask", "create", "model.safetensors", "--train"] + selectors + ["-o", "\(name).json"],
      in: folder)
  }

  private func export(_ mask: String, _ format: String) throws -> Tool.Result {
    try Tool.run("mask", "export", "\(mask).json", "--to", format, in: folder)
  }

  @Test(arguments: [
    ("names", "linear.0.bias\nlinear.0.weight\nlinear.2.bias\nlinear.2.weight\n"),
    (
      "peft",
      """
      {
        "peft_type": "LORA",
        "target_modules": "dummy-target-modules",
        "modules_to_save": ["linear.0", "linear.2"]
      }

      """
    ),
    (
      "axolotl",
      "unfrozen_parameters:\n  - '^linear.0.bias$'\n  - '^linear.0.weight$'\n  - '^linear.2.bias$'\n"
        + "  - '^linear.2.weight$'\n"
    ),
    (
      "ms-swift",
      "--train_type full --freeze_parameters_ratio 1.0 --trainable_parameters_regex '^(linear\\.0\\.bias|"
        + "linear\\.0\\.weight|linear\\.2\\.bias|linear\\.2\\.weight)$'\n"
    ),
  ])
  func `a head in the words of each trainer`(_ format: String, _ text: String) throws {
    let result = try export("head", format)
    #expect(result.status == 0)
    #expect(result.errors == "")
    #expect(result.output == text)
  }

  @Test(arguments: ["ms-swift", "llamafactory", "ort"])
  func `rows are refused by trainers that cannot train them`(_ format: String) throws {
    let result = try export("rows", format)
    #expect(result.status == 2)
    #expect(result.output == "")
    #expect(result.errors.contains("cannot train some rows of a tensor"))
  }

  @Test func `a weight without its bias is refused by PEFT, which trains modules`() throws {
    try create("half", "linear.0.weight")
    let result = try export("half", "peft")
    #expect(result.status == 2)
    #expect(
      result.errors == "espalier: error: half.json: PEFT cannot express this mask: the nearest "
        + "settings would also train \"linear.0.bias\", which is frozen; export to torch or hf\n")
  }

  @Test func `the torch file names every tensor and the rows`() throws {
    let result = try export("rows", "torch")
    #expect(result.output.contains("    \"bert.embeddings.word_embeddings.weight\": [[4, 6]],\n"))
    #expect(result.output.contains("    \"linear.0.weight\": False,\n"))
    #expect(!result.output.contains("transformers"))
  }

  @Test func `axolotl's patterns come back as the same mask`() throws {
    try folder.write(Array(try export("rows", "axolotl").output.utf8), to: "config.yml")
    let result = try Tool.run(
      "mask", "import", "config.yml", "model.safetensors", "--from", "axolotl", "-o", "back.json",
      in: folder)
    #expect(result.status == 0, "\(result.errors)")
    let same = try Tool.run("mask", "diff", "rows.json", "back.json", in: folder)
    #expect(same.status == 0)
    #expect(same.output == "no difference\n")
  }

  @Test func `a prefix that ends inside a name is a warning`() throws {
    try folder.write(
      Fixture.safetensors((1...11).map { .init("layer.\($0).weight", [1], [0]) }),
      to: "deep.safetensors")
    try folder.write(
      Array(
        #"{"train_type": "full", "freeze_parameters_ratio": 1, "trainable_parameters": ["layer.1"]}"#
          .utf8),
      to: "args.json")
    let result = try Tool.run(
      "mask", "import", "args.json", "deep.safetensors", "--from", "ms-swift", "-o", "m.json",
      in: folder)
    #expect(result.status == 0)
    #expect(result.output.hasPrefix("layer.1 matches 3 tensors\n"))
    #expect(
      result.errors
        == "espalier: warning: args.json: layer.1 matches only a part of a component in "
        + "\"layer.10.weight\"\n")
  }

  @Test(arguments: [
    ("axolotl", "unfrozen_parameters:\n  - ^lin.3\n", "matches no tensor"),
    ("axolotl", "unfrozen_parameters:\n  - ^linear.0.weight$[2:9]\n", "does not have"),
    ("axolotl", "other: 1\n", "has no `unfrozen_parameters` list"),
    ("axolotl", "unfrozen_parameters:\n  - '('\n", "not a regular expression"),
    ("llamafactory", "lr: 1\n", "none of the settings"),
    ("ms-swift", "{\"freeze_parameters_ratio\": 0.5}", "expected 0 or 1"),
    ("peft", "{\"modules_to_save\": [\"nowhere\"]}", "matches no tensor"),
    ("peft", "{\"trainable_token_indices\": {\"embed\": [1]}}", "matches no tensor"),
    ("requires-grad", "{\"nowhere\": true}", "is not a tensor of the checkpoint"),
    ("requires-grad", "{\"linear.0.bias\": true}", "is in the checkpoint, but not in the list"),
    ("requires-grad", "[", "not JSON"),
  ])
  func `a configuration that cannot be meant is one line, and nothing is written`(
    _ source: String, _ text: String, _ words: String
  ) throws {
    try folder.write(Array(text.utf8), to: "config")
    let result = try Tool.run(
      "mask", "import", "config", "model.safetensors", "--from", source, "-o", "m.json", in: folder)
    #expect(result.status == 2)
    #expect(result.output == "")
    #expect(result.errors.hasPrefix("espalier: error: config: "))
    #expect(result.errors.contains(words), "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1)
    #expect(!folder.exists("m.json"))
  }

  @Test func `masks combine`() throws {
    try Tool.run("mask", "union", "head.json", "rows.json", "-o", "u.json", in: folder)
    try Tool.run("mask", "intersect", "head.json", "rows.json", "-o", "i.json", in: folder)
    try create("all", "linear", "**.word_embeddings.weight[4:]")
    try create("two", "linear.2")
    #expect(try Tool.run("mask", "diff", "u.json", "all.json", in: folder).status == 0)
    #expect(try Tool.run("mask", "diff", "i.json", "two.json", in: folder).status == 0)
  }

  @Test func `inverting twice gives the mask again, but for what has no gradient`() throws {
    for (from, to) in [("rows", "1"), ("1", "2")] {
      let result = try Tool.run(
        "mask", "invert", "\(from).json", "model.safetensors", "-o", "\(to).json", in: folder)
      #expect(result.status == 0)
    }
    #expect(try Tool.run("mask", "diff", "rows.json", "2.json", in: folder).status == 0)
  }

  @Test func `a difference is a line with both states, and ends with 1`() throws {
    try create("two", "linear.2")
    let result = try Tool.run("mask", "diff", "two.json", "rows.json", in: folder)
    #expect(result.status == 1)
    #expect(
      result.output == "~  bert.embeddings.word_embeddings.weight  frozen => trains in rows 4:6\n"
        + "1 tensor differs\n")
    let object = try Tool.run(
      "mask", "diff", "two.json", "rows.json", "--json", in: folder
    ).object()
    #expect((object["changed"] as? [Any])?.count == 1)
    #expect(object["same"] as? Int == 9)
  }

  @Test func `masks of different checkpoints do not combine`() throws {
    try folder.write(Fixture.safetensors([.init("a.weight", [1], [0])]), to: "other.safetensors")
    try Tool.run(
      "mask", "create", "other.safetensors", "--train", "a", "--no-siblings", "-o", "other.json",
      in: folder)
    let result = try Tool.run(
      "mask", "union", "head.json", "other.json", "-o", "u.json", in: folder)
    #expect(result.status == 2)
    #expect(
      result.errors.hasPrefix(
        "espalier: error: other.json: the masks belong to different checkpoints: only one of them lists "
      ))
    #expect(!folder.exists("u.json"))
  }
}
