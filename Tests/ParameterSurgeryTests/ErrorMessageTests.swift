import CheckpointFiles
import ParameterSurgery
import Testing

/// The sentences that a user reads, whole.
@Suite struct ErrorMessageTests {
  @Test(arguments: [
    ("", "the selector is empty"),
    ("!", "selector \"!\": `!` needs a selector after it (column 1)"),
    ("!!x", "selector \"!!x\": there is more than one `!`; use one (column 2)"),
    ("linear[0", "selector \"linear[0\": `[` is not closed (column 7)"),
    ("linear]", "selector \"linear]\": `]` without `[` (column 7)"),
    (
      "linear[a]",
      "selector \"linear[a]\": brackets hold indices (0, -1), slices (8:, :4, ::2), lists (0,2) or * (column 8)"
    ),
    ("linear[]", "selector \"linear[]\": an index is missing in the brackets (column 8)"),
    ("linear[::0]", "selector \"linear[::0]\": the step of a slice is 0 (column 8)"),
    (
      "linear[0]weight",
      "selector \"linear[0]weight\": a dot is missing after the brackets (column 10)"
    ),
    (
      "bert..x",
      "selector \"bert..x\": a component is empty; quote a key that has an empty component (column 6)"
    ),
    (
      "bert.",
      "selector \"bert.\": nothing follows the dot; write the node without it to select everything below (column 5)"
    ),
    ("{a,b", "selector \"{a,b\": `{` is not closed (column 1)"),
    ("a}", "selector \"a}\": `}` without `{` (column 2)"),
    ("\"a", "selector \"\\\"a\": the quote is not closed (column 1)"),
    (
      "a,b",
      "selector \"a,b\": a comma outside braces; use two selectors, or {a,b} (column 2)"
    ),
    ("a b", "selector \"a b\": a space outside quotes; write \"odd key\" (column 2)"),
    (
      "a**b",
      "selector \"a**b\": `**` inside a component; write a*.**.*b for a**b (column 2)"
    ),
    (
      "/a",
      "selector \"/a\": the regular expression is not closed; quote a key that begins with `/` (column 1)"
    ),
    (
      "a:rnak(1)",
      "selector \"a:rnak(1)\": there is no filter :rnak(); filters are :rank(), :dtype(), :numel(), :shape(), :role() (column 2)"
    ),
    (
      ":dtype(BF17)",
      "selector \":dtype(BF17)\": `BF17` is not a dtype; did you mean BF16? (column 1)"
    ),
    (
      ":role(nrom)",
      "selector \":role(nrom)\": `nrom` is not a role; roles are norm, bias, weight, embedding, linear, attention, buffer (column 1)"
    ),
    (
      ":numel(>x)",
      "selector \":numel(>x)\": `>x` is not a number such as 2, >1M or <=768 (column 1)"
    ),
    (":rank(1", "selector \":rank(1\": `(` is not closed (column 6)"),
    (":rank(1)x", "selector \":rank(1)x\": unexpected `x` (column 9)"),
  ])
  func `a selector that cannot be parsed says where`(text: String, expected: String) {
    #expect(message { _ = try Selector(text) } == expected)
  }

  @Test func `the place of the mistake can be drawn`() {
    let error = #expect(throws: SurgeryError.self) { try Selector("linear[0") }
    #expect(error?.diagram == "linear[0\n      ^")
  }

  @Test(arguments: [
    (
      "linear.1.weight",
      "did you mean `linear.2.weight`? `linear` has [0] and [2]"
    ),
    ("linear[1].weight", "did you mean `linear.2.weight`? `linear` has [0] and [2]"),
    ("linear[7]", "did you mean `linear.2`? `linear` has [0] and [2]"),
    ("linera.0.weight", "did you mean `linear.0.weight`?"),
    ("linear.0.wieght", "did you mean `linear.0.weight`?"),
    ("model.linear.0.weight", "did you mean `linear.0.weight`?"),
    ("encoder.layer[0]", "did you mean `bert.encoder.layer[0]`?"),
    ("bert.embeddings.LayerNorm.gamma", "did you mean `bert.embeddings.LayerNorm.weight`?"),
    ("bert.embeddings.layernorm", "did you mean `bert.embeddings.LayerNorm`?"),
    ("**.layernorm.weight", "did you mean `**.LayerNorm.weight`?"),
    ("**.gamma", "did you mean `**.weight`?"),
    ("bert.encoder.layer[8:]", "`bert.encoder.layer` has [0] and [1]"),
    (
      "bert.encoder.layer[9].output",
      "did you mean `bert.encoder.layer.1.output`? `bert.encoder.layer` has [0] and [1]"
    ),
    ("bert.zzzzzz", "`bert` has `embeddings`, `encoder` and `pooler`"),
    ("zzzzzz", "the root has `bert` and `linear`"),
    ("linear.0.weight.x", "`linear.0.weight` is a tensor"),
    ("^linear.*$", "the root has `bert` and `linear`; a regular expression is written /…/"),
    (
      "/linear/",
      "the expression must match the whole key, and matches only a part of `linear.0.weight`: write .* around it"
    ),
    ("*.weight", "did you mean `**.weight`? `*` stays inside a component"),
    ("**:rank", "a filter has brackets, such as :rank(1)"),
    (
      "linear:dtype",
      "a filter has brackets, such as :dtype(BF16); the root has `bert` and `linear`"
    ),
    // Near by name, and nothing that passes the filter.
    ("lineer:rank(5)", "the root has `bert` and `linear`"),
    ("linear.0.weight[3:]", "`linear.0.weight` has 3 rows, 0 to 2"),
    ("linear.0.weight[5]", "`linear.0.weight` has 3 rows, 0 to 2, and no row 5"),
    ("linear:rank(3)", "none of the 4 tensors before it passes `:rank(3)`; their ranks: 1, 2"),
    (
      "bert:dtype(BF16)",
      "none of the 27 tensors before it passes `:dtype(BF16)`; their dtypes: F32, I64"
    ),
    (
      "linear.0.bias:shape(7)",
      "the one tensor before it does not pass `:shape(7)`; their shapes: [3]"
    ),
  ])
  func `a selector that selects nothing names what is near`(text: String, hint: String) {
    #expect(
      message { _ = try storyTree.select(text) }
        == "selector \(quoted(text)) selects no tensor: \(hint)")
  }

  @Test func `a suggestion is spelled as a selector takes it`() {
    let tree = ParameterTree(
      ["!neg", "odd key.weight"].map { TensorInfo(key: Key($0), dtype: .float32, shape: [2]) })
    for (text, hint) in [
      ("!neg", "did you mean `\\\"!neg\\\"`?"),
      ("oddkey.weight", "did you mean `\\\"odd key\\\".weight`?"),
    ] {
      #expect(
        message { _ = try SelectorList([text]).resolve(in: tree) }
          == "selector \(quoted(text)) selects no tensor: \(hint)")
    }
  }

  @Test func `a listed index that exists nowhere is an error even when others exist`() {
    #expect(
      message { _ = try storyTree.select("linear[0,1]") }
        == "selector \"linear[0,1]\" selects no tensor for a part of it: `linear` has [0] and [2]")
  }

  @Test func `rules that leave nothing are an error`() {
    #expect(
      message { _ = try storyTree.select("linear", "!linear") }
        == "the selectors select no tensor: the exclusions (`!…`) remove everything the others match"
    )
  }

  @Test func `an expectation that fails says what each selector matched`() throws {
    let selection = try storyTree.select("linear", "!linear.0.bias")
    try selection.expect(3)
    #expect(
      message { try selection.expect(4) }
        == "expected 4 tensors, selected 3: \"linear\" matched 4, \"!linear.0.bias\" matched 1")
  }

  @Test func `hostile names cannot write to the terminal`() {
    let text = message { _ = try tree("a\u{1B}[31m.weight").select("a\u{1B}[31m.wieght") }
    #expect(!text.unicodeScalars.contains("\u{1B}"))
  }
}
