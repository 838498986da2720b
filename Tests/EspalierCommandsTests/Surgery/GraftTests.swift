import Foundation
import Testing

@Suite struct `espalier graft` {
  let folder: Folder

  init() throws { folder = try Folder() }

  @Test func `an encoder without prefix gets the story's keys and a classifier's folder`() throws {
    try folder.copy("bert-tiny", to: "tiny")
    let result = try Tool.run(
      "graft", "tiny", "--head", "mlp:16", "--labels", "2", "-o", "base", in: folder)
    #expect(result.status == 0)
    #expect(result.errors == "")
    #expect(
      result.output == """
        base: 43 tensors, 37.3 k elements, 4 tensors added
        +  linear.0.weight  F32  [16, 32]  2.0 kB
        +  linear.0.bias    F32  [16]        64 B
        +  linear.2.weight  F32  [2, 16]    128 B
        +  linear.2.bias    F32  [2]          8 B

        """)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path("base")).sorted() == [
        "config.json", "espalier.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json", "vocab.txt",
      ])
    let listed = try Tool.run("ls", "base", "--json", in: folder).object()
    let keys = (listed["tensors"] as? [[String: Any]])?.compactMap { $0["key"] as? String } ?? []
    #expect(keys.allSatisfy { $0.hasPrefix("bert.") || $0.hasPrefix("linear.") })
    #expect(
      try folder.text("base/espalier.json").contains("\"labels\": [\"LABEL_0\", \"LABEL_1\"]"))
  }

  @Test func `old names and the heads of pre-training go, with a note for each`() throws {
    try folder.copy("bert-tiny-old", to: "old")
    let result = try Tool.run(
      "graft", "old", "--head", "linear", "--labels", "3", "-o", "out.safetensors", in: folder)
    #expect(result.status == 0)
    let notes = result.errors.split(separator: "\n")
    #expect(notes.count == 2)
    #expect(notes.first?.hasPrefix("espalier: note: 10 keys renamed, such as ") == true)
    #expect(notes.last?.hasPrefix("espalier: note: 8 tensors left out") == true)
    #expect(result.output.contains("+  linear.weight  F32  [3, 32]"))
  }

  @Test func `the same seed gives the same bytes, another gives others`() throws {
    try folder.copy("bert-tiny", to: "tiny")
    for (name, seed) in [("1", "7"), ("2", "7"), ("3", "8")] {
      try Tool.run(
        "graft", "tiny", "--head", "mlp:4", "--labels", "2", "--seed", seed, "-o",
        "\(name).safetensors", in: folder)
    }
    #expect(try folder.bytes("1.safetensors") == folder.bytes("2.safetensors"))
    #expect(try folder.bytes("1.safetensors") != folder.bytes("3.safetensors"))
  }

  @Test func `a folder with a model in it is not written over`() throws {
    try folder.copy("bert-tiny", to: "tiny")
    let before = try folder.bytes("tiny/model.safetensors")
    let result = try Tool.run(
      "graft", "tiny", "--head", "mlp:4", "--labels", "2", "-o", "tiny", in: folder)
    #expect(result.status == 2)
    #expect(result.errors.contains(": exists already; "))
    #expect(try folder.bytes("tiny/model.safetensors") == before)
  }

  @Test func `a second head is refused, whatever its layers`() throws {
    try folder.write(Fixture.safetensors(Fixture.story), to: "a.safetensors")
    let result = try Tool.run(
      "graft", "a.safetensors", "--head", "linear", "--labels", "2", "-o", "b.safetensors",
      in: folder)
    #expect(result.status == 2)
    #expect(
      result.errors
        == "espalier: error: a.safetensors: \"linear.0.weight\" already exists; "
        + "a graft overwrites nothing\n")
    #expect(try folder.names == ["a.safetensors"])
  }

  @Test(arguments: [
    ["--head", "cnn", "--labels", "2"], ["--head", "mlp:x", "--labels", "2"],
    ["--head", "mlp:0", "--labels", "2"], ["--head", "linear", "--labels", "0"],
  ])
  func `a head or a count that is none is wrong usage`(_ arguments: [String]) throws {
    let result = try Tool.run(["graft", "tiny", "-o", "out"] + arguments, in: folder)
    #expect(result.status == 64)
    #expect(try folder.names.isEmpty)
  }

  @Test
  func `an encoder whose config.json fits no classifier is refused before anything is written`()
    throws
  {
    try folder.copy("bert-tiny", to: "tiny")
    for text in ["{\"model_type\": \"gpt2\"}", "{bad"] {
      try folder.write(Array(text.utf8), to: "tiny/config.json")
      let result = try Tool.run(
        "graft", "tiny", "--head", "linear", "--labels", "2", "-o", "out/base", in: folder)
      #expect(result.status == 2)
      #expect(result.errors.hasPrefix("espalier: error: tiny/config.json: "))
      #expect(!folder.exists("out"))
    }
  }

  @Test(arguments: [
    "graft tiny --head linear --labels 2 -o", "merge tiny tiny -o",
    "edit tiny --scale pooler=2 -o",
  ])
  func `a folder that cannot be completed is taken away again`(_ line: String) throws {
    try folder.copy("bert-tiny", to: "tiny")
    // A file of the tokenizer that cannot be copied, after the weights were written.
    try FileManager.default.removeItem(atPath: folder.path("tiny/vocab.txt"))
    try folder.makeFolder("tiny/vocab.txt")
    let words = line.split(separator: " ").map(String.init)
    let result = try Tool.run(words + ["new/out"], in: folder)
    #expect(result.status == 2)
    #expect(
      result.errors == "espalier: error: tiny/vocab.txt: is a folder, not a file\n")
    #expect(!folder.exists("new"))
    // What was in a folder before stays.
    try folder.makeFolder("old")
    try folder.write([1], to: "old/README.md")
    try folder.write([2], to: "old/merges.txt")
    #expect(try Tool.run(words + ["old"], in: folder).status == 2)
    #expect(try Folder.names(folder.path("old")) == ["README.md", "merges.txt"])
  }
}
