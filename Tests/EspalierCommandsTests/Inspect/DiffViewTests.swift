import EspalierTestSupport
import Foundation
import Testing

@testable import EspalierCommands

@Suite struct `views of espalier diff` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.copy("bert-tiny", to: "base")
    for (name, operation) in [
      ("a", "encoder.layer[0].output=1.5"), ("b", "encoder.layer.*.output.dense.weight=1.25"),
    ] {
      let result = try Tool.run(
        "edit", "base", "-o", "\(name).safetensors", "--scale", operation, in: folder)
      #expect(result.status == 0, "\(result.errors)")
    }
  }

  @Test func `a summary has a line for all layers`() throws {
    let result = try Tool.run("diff", "base", "b.safetensors", "--summary", in: folder)
    #expect(result.status == 1)
    #expect(
      result.output == """
        GROUP                                   TENSORS  CHANGED  ONLY A  ONLY B  MAX ABS  REL L2
        encoder.layer[0:2].output.dense.weight        2        2       -       -   0.1851    0.25
        2 changed, 37 same

        """)
  }

  @Test func `a histogram has bars for layers and for powers of ten`() throws {
    let result = try Tool.run("diff", "base", "a.safetensors", "--histogram", in: folder)
    #expect(result.status == 1)
    let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[1].hasPrefix("encoder.layer.0") && lines[1].contains("0.5  ███"))
    #expect(lines.contains { $0.hasPrefix("0.1 to 1") && $0.hasSuffix("█") })
  }

  @Test func `the JSON grows only by what the options add`() throws {
    let plain = try Tool.run("diff", "base", "a.safetensors", "--json", in: folder)
    let four: Set = ["version", "only_in_a", "only_in_b", "changed", "same"]
    #expect(Set(try plain.object().keys) == four)
    let more = try Tool.run(
      "diff", "base", "a.safetensors", "--json", "--summary", "--histogram", in: folder)
    let object = try more.object()
    #expect(
      Set(object.keys)
        == four.union(["summary", "likely_renames", "layers", "histogram"]))
    let group = try #require((object["summary"] as? [[String: Any]])?.first)
    #expect(
      Set(group.keys) == [
        "selector", "tensors", "changed", "only_in_a", "only_in_b", "max_abs", "rel_l2",
      ])
    let bins = try #require(object["histogram"] as? [[String: Any]])
    #expect(bins.count == 8 && bins.last?["below"] is NSNull)
  }

  @Test func `a page holds everything and asks for nothing from elsewhere`() throws {
    let result = try Tool.run(
      "diff", "base", "a.safetensors", "--html", "d.html", "--quiet", in: folder)
    #expect(result.status == 1)
    #expect(result.output == "")
    let page = try folder.text("d.html")
    #expect(page.replacing("<wbr>", with: "").contains("output.dense.weight"))
    #expect(page.contains("Relative change of each layer"))
    #expect(!page.replacing("http-equiv", with: "").contains("http") && !page.contains("src="))
    #expect(Markup(page).contents["script"] == [DiffPageScript.text])
    let names = try folder.text("d.html").components(separatedBy: "<h2>").count
    #expect(names == 6)
  }

  @Test func `names from files cannot write into the page`() throws {
    try folder.write(
      Fixture.safetensors([.init("<script>alert(1)</script>", [1], [1])]), to: "x.safetensors")
    try folder.write(
      Fixture.safetensors([.init("<script>alert(1)</script>", [1], [2])]), to: "y.safetensors")
    _ = try Tool.run("diff", "x.safetensors", "y.safetensors", "--html", "d.html", in: folder)
    let markup = Markup(try folder.text("d.html"))
    #expect(markup.contents["script"] == [DiffPageScript.text])
    #expect(markup.elements.isSubset(of: Markup.known))
  }

  @Test func `three ways say who changed what`() throws {
    let result = try Tool.run(
      "diff", "--base", "base", "a.safetensors", "b.safetensors", in: folder)
    #expect(result.status == 1)
    #expect(result.output.contains("changed only in a.safetensors:\n"))
    #expect(result.output.contains("!  encoder.layer.0.output.dense.weight  changed"))
    #expect(result.output.contains("B  encoder.layer.1.output.dense.weight  changed"))
    #expect(
      result.output.hasSuffix(
        "3 changed only in A, 1 only in B, 0 the same in both, 1 differently, 34 unchanged\n"))
    let json = try Tool.run(
      "diff", "--base", "base", "a.safetensors", "b.safetensors", "--json", in: folder)
    let object = try json.object()
    #expect(
      Set(object.keys) == ["version", "only_a", "only_b", "alike", "differently", "unchanged"])
    let conflict = try #require((object["differently"] as? [[String: Any]])?.first)
    #expect(abs((conflict["rel_l2_a"] as? Double ?? 0) - 0.5) < 1e-6)
    #expect(abs((conflict["rel_l2_b"] as? Double ?? 0) - 0.25) < 1e-6)
    let same = try Tool.run("diff", "--base", "base", "base", "base", in: folder)
    #expect(same.status == 0)
    #expect(
      same.output
        == "0 changed only in A, 0 only in B, 0 the same in both, 0 differently, 39 unchanged\n")
  }

  @Test func `the exit status is that of git diff with --exit-code`() throws {
    for (arguments, status) in [
      (["base", "base"], Int32(0)), (["base", "a.safetensors"], 1),
      (["base", "a.safetensors", "--quiet"], 1), (["base", "base", "-q"], 0),
      (["base", "missing"], 2), (["base", "a.safetensors", "zzz"], 2),
      (["base", "a.safetensors", "--quiet", "--json"], 64),
      (["base", "a.safetensors", "--base", "base", "--summary"], 64),
      (["base", "a.safetensors", "--keys-only", "--histogram"], 64),
    ] {
      let result = try Tool.run(["diff"] + arguments, in: folder)
      #expect(result.status == status, "\(arguments): \(result.errors)")
    }
  }

  @Test func `a checkpoint whose tensors all have other names is recognised`() throws {
    let edit = try Tool.run(
      "edit", "base", "-o", "r.safetensors", "--rename",
      "encoder.layer.{i}.attention.self.{w}=block.{i}.attn.{w}_proj", "--rename",
      "encoder=transformer", "--rename", "embeddings=wte", "--rename", "pooler=head", in: folder)
    #expect(edit.status == 0, "\(edit.errors)")
    let result = try Tool.run("diff", "base", "r.safetensors", "--summary", "--json", in: folder)
    let object = try result.object()
    #expect(object["same"] as? Int == 0)
    let renames = try #require(object["likely_renames"] as? [[String: Any]])
    #expect(renames.count == 39)
    #expect(renames.allSatisfy { $0["same_bytes"] as? Bool == true })
    let map = Dictionary(
      uniqueKeysWithValues: renames.map { ($0["from"] as? String ?? "", $0["to"] as? String) })
    #expect(
      map["encoder.layer.1.attention.self.key.weight"] == "block.1.attn.key_proj.weight")
    #expect(map["pooler.dense.bias"] == "head.dense.bias")
    // Those of equal content, all zeros and ones, are told apart by their names.
    #expect(
      map["encoder.layer.1.output.LayerNorm.bias"] == "transformer.layer.1.output.LayerNorm.bias")
  }
}
