import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import ParameterSurgery
import Testing

@Suite struct RecipeTests {
  /// The recipes of docs/recipes.md, each with the name of its input.
  private static let documented: [(input: String, text: String)] = {
    let path = Fixtures.path("../docs/recipes.md")
    guard let bytes = try? Fixtures.bytes(path) else { return [] }
    let blocks = String(decoding: bytes, as: UTF8.self).split(separator: "```yaml\n").dropFirst()
    return blocks.map { block in
      let text = String(block.split(separator: "\n```")[0])
      return (String(text.split(separator: "\n")[0].dropFirst("# input: ".count)), text)
    }
  }()

  private func input(_ name: String) throws -> Checkpoint {
    switch name {
    case "wrapped":
      var checkpoint = Checkpoint(path: name)
      for (key, tensor) in smallCheckpoint().tensors {
        let inner = key.string.replacing("layer.", with: "layer._fsdp_wrapped_module.")
        checkpoint.tensors[Key("module._orig_mod." + inner)] = tensor
      }
      return checkpoint
    case "gpt2":
      var checkpoint = Checkpoint(path: name)
      checkpoint.tensors["h.0.attn.c_attn.weight"] = Tensor(
        (0..<12).map(Float.init), shape: [2, 6])
      checkpoint.tensors["h.0.attn.c_attn.bias"] = Tensor((0..<6).map(Float.init), shape: [6])
      return checkpoint
    default: return try Checkpoint.open(Fixtures.path(name))
    }
  }

  @Test func `the documentation has its recipes`() { #expect(RecipeTests.documented.count >= 10) }

  @Test(arguments: documented.indices)
  func `a documented recipe works`(index: Int) throws {
    let (name, text) = RecipeTests.documented[index]
    let base = try input(name)
    let recipe = try Recipe(yaml: Array(text.utf8))
    var plan = SurgeryPlan(for: base)
    plan.seed = recipe.seed ?? 0
    for step in recipe.steps { try plan.append(step) }
    #expect(!plan.changes.isEmpty)
    let folder = try TemporaryFolder()
    try plan.apply().write(to: folder.path("out.safetensors"))
    #expect(try Diff(plan.apply(), Checkpoint.open(folder.path("out.safetensors"))).isEmpty)
    if name == "wrapped" { #expect(plan.apply().keys == smallCheckpoint().keys) }
    if name == "gpt2" {
      #expect(try plan.apply()["h.0.attn.k.weight"]?.floats() == [2, 8, 3, 9])
      #expect(try plan.apply()["h.0.attn.v.bias"]?.floats() == [4, 5])
    }
  }

  @Test func `YAML and JSON say the same`() throws {
    let yaml = try Recipe(
      yaml: Array(
        """
        # a comment
        description: "with # inside"   # and one behind
        seed: 3
        steps:
        - drop: [a, 'b.c', "d"]
        - rename: x=y # not part of it
        -
          keep:
            - q
            - '**:role(bias)'

        """.utf8))
    let json = try Recipe(
      yaml: Array(
        """
        {"seed": 3, "steps": [{"drop": ["a", "b.c", "d"]}, {"rename": "x=y"},
         {"keep": ["q", "**:role(bias)"]}]}
        """.utf8))
    #expect(yaml == json)
    #expect(
      yaml.steps.map(\.description) == ["drop a b.c d", "rename x=y", "keep q **:role(bias)"])
  }

  @Test(arguments: [
    ("", "the document is empty"),
    ("steps: 3", "`steps` is not a list"),
    ("stps: []", "a recipe has no member \"stps\"; members are description, seed and steps"),
    ("steps:\n  - dorp: x", "step 1: there is no operation \"dorp\"; did you mean `drop`?"),
    ("steps:\n  - drop: **.x", "line 2: a text that begins with `*` needs quotes"),
    ("steps:\n  - drop: *x", "line 2: a text that begins with `*` needs quotes"),
    (
      "steps:\n  - drop: &a x",
      "line 2: \"&\" begins a form of YAML that is not read; put the text in quotes"
    ),
    ("steps:\n\t- drop: x", "line 2: YAML is indented by spaces, not tabs"),
    ("steps:\n  - drop: \"x", "line 2: a quote is not closed on its line"),
    ("steps:\n  - drop: [x", "line 2: `[` is not closed"),
    ("seed: 1\nseed: 2\nsteps: []", "line 2: the key \"seed\" is duplicated"),
    ("steps:\n    - drop: x\n  - drop: y", "line 3: the indentation does not match a line above"),
    ("steps:\n  - drop: x\n    keep: y", "step 1 is not one operation, such as `- drop: pooler`"),
  ])
  func `a file that is not a recipe names the place`(text: String, expected: String) {
    #expect(message { _ = try Recipe(yaml: Array(text.utf8)) } == expected)
  }

  @Test func `a document of nothing but brackets is refused, not followed`() {
    let deep = "steps: " + String(repeating: "[", count: 100_000)
    #expect(throws: SurgeryError.self) { try Recipe(yaml: Array(deep.utf8)) }
  }
}
