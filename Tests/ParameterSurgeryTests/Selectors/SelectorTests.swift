import CheckpointFiles
import ParameterSurgery
import Testing

@Suite struct SelectorTests {
  @Test func `braces stand for so many patterns and no more`() throws {
    let ways = String(repeating: "{a,b}", count: 12)
    _ = try Selector(ways + ".weight")
    #expect(
      message { _ = try Selector(ways + "{a,b}") }.hasSuffix(
        "the braces stand for more than 4096 patterns (column 1)"))
    let long = String(repeating: "x", count: 14_000)
    for text in [ways + long, long + ways, "{a\(long),b}\(ways.dropFirst(5))"] {
      #expect(
        message { _ = try Selector(text) }.contains("patterns, which are too long for that number"))
    }
    _ = try Selector("{a,b}" + long)
  }

  @Test func `the error of a selector that selects nothing carries the selectors that resemble it`()
  {
    let checkpoint = tree("linear.0.weight", "linear.2.weight")
    func nearest(_ text: String) -> [String] {
      do throws(SurgeryError) {
        _ = try SelectorList([text]).resolve(in: checkpoint)
      } catch {
        if case .didYouMean(let selectors)? = error.advice { return selectors }
      }
      return []
    }
    #expect(nearest("linaer[0]") == ["linear[0]"])
    #expect(nearest("linear.1.weight:rank(2)") == ["linear.2.weight:rank(2)"])
    #expect(nearest("*.weight") == ["**.weight"])
    // What would select nothing either is not suggested.
    #expect(nearest("linaer:rank(3)").isEmpty)
    #expect(nearest("encoder").isEmpty)
  }

  @Test func `dots and brackets are equal`() throws {
    #expect(try selected("linear.0.weight") == ["linear.0.weight"])
    #expect(try selected("linear[0].weight") == ["linear.0.weight"])
    #expect(try selected("[0].weight", from: tree("0.weight", "1.weight")) == ["0.weight"])
    #expect(try selected("a[0][1]", from: tree("a.0.0", "a.0.1")) == ["a.0.1"])
  }

  @Test func `a node means everything below it, on component boundaries`() throws {
    let layers = tree("layer.1.w", "layer.10.w", "layer.11.w", "layer1.w")
    #expect(try selected("layer[1]", from: layers) == ["layer.1.w"])
    #expect(try selected("layer.1", from: layers) == ["layer.1.w"])
    #expect(
      try selected("linear")
        == ["linear.0.weight", "linear.0.bias", "linear.2.weight", "linear.2.bias"])
    #expect(try selected("a", from: tree("a", "a.b", "ab")) == ["a", "a.b"])
  }

  @Test(arguments: [
    ("[-1]", [11]), ("[8:]", [8, 9, 10, 11]), ("[:4]", [0, 1, 2, 3]),
    ("[::2]", [0, 2, 4, 6, 8, 10]),
    ("[0,2,11]", [0, 2, 11]), ("[*]", Array(0..<12)), ("[-2:]", [10, 11]), ("[:-10]", [0, 1]),
    ("[1::5]", [1, 6, 11]), ("[::-5]", [1, 6, 11]), ("[3:0:-1]", [1, 2, 3]), ("[-100:1]", [0]),
    ("[10:100]", [10, 11]), ("[0:2,-1]", [0, 1, 11]), ("[ 1 , 2 ]", [1, 2]), ("[:]", Array(0..<12)),
  ])
  func `slices follow Python over the indices that exist`(brackets: String, indices: [Int]) throws {
    let layers = ParameterTree(
      (0..<12).map {
        TensorInfo(key: Key("bert.encoder.layer.\($0).w"), dtype: .float32, shape: [2])
      })
    #expect(
      try selected("bert.encoder.layer" + brackets, from: layers)
        == indices.map { "bert.encoder.layer.\($0).w" })
  }

  @Test func `with holes, indices mean themselves and negative ones count those that exist`() throws
  {
    let holes = tree("l.0", "l.3", "l.6", "l.7")
    #expect(try selected("l[-1]", from: holes) == ["l.7"])
    #expect(try selected("l[-2:]", from: holes) == ["l.6", "l.7"])
    #expect(try selected("l[3:7]", from: holes) == ["l.3", "l.6"])
    #expect(try selected("l[::3]", from: holes) == ["l.0", "l.3", "l.6"])
    #expect(throws: SurgeryError.self) { try selected("l[1]", from: holes) }
  }

  @Test func `globs stay inside a component and are anchored at the root`() throws {
    #expect(try selected("linear.*.bias") == ["linear.0.bias", "linear.2.bias"])
    #expect(try selected("linear.?.b*") == ["linear.0.bias", "linear.2.bias"])
    #expect(try selected("bert.embeddings.*_embeddings").count == 2)
    #expect(throws: SurgeryError.self) { try selected("*.weight") }
    #expect(try selected("**.LayerNorm.weight").count == 3)
    #expect(try selected("bert.**.bias").count == 12)
    #expect(try selected("**") == storyTree.entries.map(\.key.string))
    #expect(try selected("**.{weight,bias}").count == storyTree.entries.count - 1)
    #expect(
      try selected("{linear[0],bert.pooler.dense}.weight")
        == ["bert.pooler.dense.weight", "linear.0.weight"])
    #expect(try selected("**.weight", from: tree("weight", "a.weight")) == ["weight", "a.weight"])
    #expect(try selected("**query**").count == 4)
    #expect(try selected("bert**:rank(2)").count == 12)
    #expect(try selected("?.w", from: tree("é.w", "ab.w")) == ["é.w"])
  }

  @Test func `a regular expression matches the whole key`() throws {
    #expect(try selected("/linear\\.\\d\\.(weight|bias)/").count == 4)
    #expect(try selected("/.*\\.query\\..*/").count == 4)
    #expect(try selected("/.*weight/:rank(1)").count == 3)
    #expect(try selected("/a\\/b/", from: tree("a/b", "c")) == ["a/b"])
    #expect(try selected("/[/]x/", from: tree("/x", "c")) == ["/x"])
  }

  @Test func `filters chain`() throws {
    #expect(try selected(":dtype(I64)") == ["bert.embeddings.position_ids"])
    #expect(try selected(":dtype(int64,bf16)") == ["bert.embeddings.position_ids"])
    #expect(try selected("linear:rank(1)") == ["linear.0.bias", "linear.2.bias"])
    #expect(try selected("**:numel(>100)") == ["bert.embeddings.word_embeddings.weight"])
    #expect(try selected("**:numel(>0.1K)") == ["bert.embeddings.word_embeddings.weight"])
    #expect(try selected("**:shape(*,16)").count == 2)
    #expect(try selected("**:shape(30,**)") == ["bert.embeddings.word_embeddings.weight"])
    #expect(try selected("**:role(norm)").count == 6)
    #expect(try selected("**:role(norm):role(bias)").count == 3)
    #expect(try selected("**:role(embedding)").count == 2)
    #expect(try selected("bert.encoder:role(norm,bias):rank(1)").count == 12)
    #expect(try selected(":role(buffer)") == ["bert.embeddings.position_ids"])
  }

  @Test func `brackets on a tensor are rows`() throws {
    let words = "bert.embeddings.word_embeddings.weight"
    #expect(try selected(words + "[28:]") == [words + "[28:30]"])
    #expect(try selected(words + "[0:10]") == [words + "[0:10]"])
    #expect(try selected(words + "[-2:]") == [words + "[28:30]"])
    #expect(try selected(words + "[1,5,2]") == [words + "[1:3][5:6]"])
    #expect(try selected(words + "[::10]") == [words + "[0:1][10:11][20:21]"])
    #expect(try selected(words + "[::-10]") == [words + "[9:10][19:20][29:30]"])
    #expect(try selected(words + "[:]") == [words])
    #expect(try selected("**.word_embeddings.weight[3]") == [words + "[3:4]"])
    #expect(try selected("/.*word.*/[3]") == [words + "[3:4]"])
  }

  @Test func `rules apply in order and the last that matches wins`() throws {
    #expect(try selected("linear", "!linear.0") == ["linear.2.weight", "linear.2.bias"])
    #expect(
      try selected("linear", "!linear.0", "linear.0.bias")
        == ["linear.0.bias", "linear.2.weight", "linear.2.bias"])
    #expect(
      try selected("!bert") == [
        "linear.0.weight", "linear.0.bias", "linear.2.weight", "linear.2.bias",
      ])
    let words = "bert.embeddings.word_embeddings.weight"
    #expect(try selected(words, "!" + words + "[3:5]") == [words + "[0:3][5:30]"])
    #expect(
      try selected(words + "[0:5]", words + "[5:9]", "!" + words + "[2]") == [words + "[0:2][3:9]"])
  }

  @Test func `quotes are taken literally`() throws {
    let odd = tree(
      "odd key.with [brackets]", "a.b*.weight", "say \"hi\"", "onnx::MatMul_1", "a..b", "")
    #expect(try selected("\"odd key.with [brackets]\"", from: odd) == ["odd key.with [brackets]"])
    #expect(
      try selected("\"odd key\".\"with [brackets]\"", from: odd) == ["odd key.with [brackets]"])
    #expect(try selected("a.\"b*\".weight", from: odd) == ["a.b*.weight"])
    #expect(try selected("a.\"b*.weight\"", from: odd) == ["a.b*.weight"])
    #expect(try selected("\"say \\\"hi\\\"\"", from: odd) == ["say \"hi\""])
    #expect(try selected("onnx::MatMul_1", from: odd) == ["onnx::MatMul_1"])
    #expect(try selected("\"a..b\"", from: odd) == ["a..b"])
    #expect(try selected("\"\"", from: odd) == [""])
    #expect(try selected("\"a.b*\"[-1]", from: tree("a.b*.0", "a.b*.1")) == ["a.b*.1"])
  }

  @Test func `every selector says what it matched`() throws {
    let selection = try storyTree.select("linear", "!**.bias")
    #expect(selection.explanations.map(\.matched) == [4, 14])
    #expect(selection.explanations.map(\.changed) == [4, 2])
    #expect(selection.keys == ["linear.0.weight", "linear.2.weight"])
    #expect(selection.parameterCount == 18)
  }
}
