import Testing

@Suite struct `espalier diff` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write(Fixture.safetensors(Fixture.story), to: "a.safetensors")
  }

  @Test func `equal checkpoints end with 0`() throws {
    let result = try Tool.run("diff", "a.safetensors", "a.safetensors", in: folder)
    #expect(result.status == 0)
    #expect(result.output == "10 same\n")
    #expect(result.errors == "")
  }

  @Test func `a changed value is a line with its figures, and ends with 1`() throws {
    let entries = Fixture.story(changing: "linear.2.weight", to: [1, 0, 0, 0, 1, 0.5])
    try folder.write(Fixture.safetensors(entries), to: "b.safetensors")
    let result = try Tool.run("diff", "a.safetensors", "b.safetensors", in: folder)
    #expect(result.status == 1)
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0].hasPrefix("~  KEY"))
    #expect(lines[1].hasPrefix("~  linear.2.weight  F32    [2, 3]"))
    #expect(lines[1].hasSuffix("16.7 %"))
    #expect(lines[2] == "1 changed, 9 same")
  }

  @Test func `the JSON has the four members and the figures`() throws {
    let entries =
      Fixture.story(changing: "linear.2.weight", to: [1, 0, 0, 0, 1, 0.5])
      .filter { $0.key != "linear.0.bias" } + [.init("extra", [1], [1])]
    try folder.write(Fixture.safetensors(entries), to: "b.safetensors")
    let result = try Tool.run("diff", "a.safetensors", "b.safetensors", "--json", in: folder)
    #expect(result.status == 1)
    let object = try result.object()
    #expect(Set(object.keys) == ["version", "only_in_a", "only_in_b", "changed", "same"])
    #expect(object["only_in_a"] as? [String] == ["linear.0.bias"])
    #expect(object["only_in_b"] as? [String] == ["extra"])
    #expect(object["same"] as? Int == 8)
    let changed = try #require((object["changed"] as? [[String: Any]])?.first)
    #expect(
      Set(changed.keys)
        == ["key", "dtype", "shape", "max_abs", "rel_l2", "cosine", "changed_fraction"])
    #expect(changed["key"] as? String == "linear.2.weight")
    #expect(changed["dtype"] as? [String] == ["F32", "F32"])
    #expect(changed["shape"] as? [[Int]] == [[2, 3], [2, 3]])
    #expect(changed["max_abs"] as? Double == 0.5)
  }

  @Test func `differences within the tolerance are none`() throws {
    let entries = Fixture.story(changing: "linear.2.weight", to: [1, 0, 0, 0, 1, 0.5])
    try folder.write(Fixture.safetensors(entries), to: "b.safetensors")
    let result = try Tool.run(
      "diff", "a.safetensors", "b.safetensors", "--atol", "0.6", in: folder)
    #expect(result.status == 0)
  }

  @Test func `keys only compares no values`() throws {
    let entries = Fixture.story(changing: "linear.2.bias", to: [9, 9])
    try folder.write(Fixture.safetensors(entries), to: "b.safetensors")
    let result = try Tool.run("diff", "a.safetensors", "b.safetensors", "--keys-only", in: folder)
    #expect(result.status == 0)
    #expect(result.output == "10 in both\n")
  }

  @Test func `a prefix on one side is likely a rename, and can be ignored`() throws {
    let bare = Fixture.story.filter { $0.key.hasPrefix("bert.") }.map {
      Fixture.Entry(String($0.key.dropFirst(5)), $0.dtype, $0.shape, $0.bytes)
    }
    try folder.write(Fixture.safetensors(bare), to: "bare.safetensors")
    let plain = try Tool.run("diff", "bare.safetensors", "a.safetensors", in: folder)
    #expect(plain.status == 1)
    #expect(
      plain.output.contains("keys differ only in the prefix \"bert.\": pass --ignore-prefix bert."))
    let ignoring = try Tool.run(
      "diff", "bare.safetensors", "a.safetensors", "--ignore-prefix", "bert.", in: folder)
    #expect(ignoring.status == 1)
    #expect(ignoring.output.hasSuffix("4 only in a.safetensors, 6 same\n"))
  }

  @Test func `old names compare under new ones`() throws {
    let old = Fixture.story.map { entry in
      let name =
        entry.key.hasSuffix("LayerNorm.weight")
        ? String(entry.key.dropLast(6)) + "gamma" : entry.key
      return Fixture.Entry(name, entry.dtype, entry.shape, entry.bytes)
    }
    try folder.write(Fixture.safetensors(old), to: "old.safetensors")
    let result = try Tool.run(
      "diff", "old.safetensors", "a.safetensors", "--rename", "**.gamma=**.weight", in: folder)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }

  @Test func `a rename or a prefix about no key is an error`() throws {
    let rename = try Tool.run(
      "diff", "a.safetensors", "a.safetensors", "--rename", "bret=b", in: folder)
    #expect(rename.status == 2)
    #expect(rename.output == "")
    #expect(
      rename.errors == "espalier: error: a.safetensors: the rename \"bret=b\" matches no key\n")
    let prefix = try Tool.run(
      "diff", "a.safetensors", "a.safetensors", "--ignore-prefix", "bret.", in: folder)
    #expect(prefix.status == 2)
    #expect(
      prefix.errors
        == "espalier: error: no key of a.safetensors or a.safetensors begins with \"bret.\"\n")
  }

  @Test func `selectors limit the comparison`() throws {
    let entries = Fixture.story(changing: "linear.2.bias", to: [9, 9])
    try folder.write(Fixture.safetensors(entries), to: "b.safetensors")
    let other = try Tool.run("diff", "a.safetensors", "b.safetensors", "linear.0", in: folder)
    #expect(other.status == 0)
    #expect(other.output == "2 same\n")
  }

  @Test func `selectors of rows are refused, for whole tensors are compared`() throws {
    let result = try Tool.run(
      "diff", "a.safetensors", "a.safetensors", "linear.0.weight[0:2]", in: folder)
    #expect(result.status == 2)
    #expect(
      result.errors == "espalier: error: a.safetensors: whole tensors are compared, not rows of "
        + "\"linear.0.weight\"; omit the brackets\n")
  }

  @Test func `a selector that selects nothing names the file`() throws {
    let result = try Tool.run("diff", "a.safetensors", "a.safetensors", "nokey", in: folder)
    #expect(result.status == 2)
    #expect(
      result.errors.hasPrefix(
        "espalier: error: a.safetensors: selector \"nokey\" selects no tensor"))
  }

  @Test func `a PyTorch file and a safetensors file of the same tensors are the same`() throws {
    try folder.copy("torch/dtypes.pt", to: "a.pt")
    try folder.copy("torch/dtypes.safetensors", to: "b.safetensors")
    let result = try Tool.run("diff", "a.pt", "b.safetensors", "--json", in: folder)
    #expect(try result.object()["changed"] as? [[String: Any]] != nil)
    #expect((try result.object()["changed"] as? [Any])?.isEmpty == true)
  }

  @Test func `tolerances below zero are wrong usage`() throws {
    let result = try Tool.run(
      "diff", "a.safetensors", "a.safetensors", "--atol=-1", in: folder)
    #expect(result.status == 64)
    #expect(
      result.errors.hasPrefix("espalier: error: --atol and --rtol take numbers that are 0 or more"))
  }
}
