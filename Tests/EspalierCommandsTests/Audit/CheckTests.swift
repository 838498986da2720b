import Foundation
import Testing

@Suite struct `espalier check` {
  let folder: Folder

  init() throws { folder = try Folder() }

  /// Layers with one weight and one bias each.
  private func layers(
    _ indices: [Int], _ change: (inout Fixture.Entry) -> Void = { _ in }
  ) -> [Fixture.Entry] {
    indices.flatMap { index in
      [
        Fixture.Entry("encoder.layer.\(index).weight", [2, 2], [1, 2, 3, Float(index)]),
        Fixture.Entry("encoder.layer.\(index).bias", [2], [0, 0]),
      ]
    }.map { entry in
      var entry = entry
      change(&entry)
      return entry
    }
  }

  private func check(_ entries: [Fixture.Entry], _ more: String...) throws -> Tool.Result {
    try folder.write(Fixture.safetensors(entries), to: "m.safetensors")
    return try Tool.run(["check", "m.safetensors"] + more, in: folder)
  }

  @Test(arguments: ["bert-tiny", "bert-tiny-old", "bert-tiny-sharded", "torch/training.pt"])
  func `a sound checkpoint has nothing to find`(_ fixture: String) throws {
    try folder.copy(fixture, to: "model")
    let result = try Tool.run("check", "model", in: folder)
    #expect(result.status == 0)
    #expect(result.output == "model: nothing found\n")
    #expect(result.errors == "")
  }

  @Test func `the members of a Sequential are no layers`() throws {
    #expect(try check(Fixture.story).output == "m.safetensors: nothing found\n")
  }

  @Test func `a truncated file is an error`() throws {
    try folder.write(Array(Fixture.safetensors(Fixture.story).dropLast(5)), to: "cut.safetensors")
    let result = try Tool.run("check", "cut.safetensors", in: folder)
    #expect(result.status == 1)
    #expect(result.output.hasPrefix("cut.safetensors: error: the file is truncated: "))
    #expect(result.output.hasSuffix(" [unreadable]\n"))
  }

  @Test func `a file that is not there is no finding`() throws {
    let result = try Tool.run("check", "absent", in: folder)
    #expect(result.status == 2)
    #expect(result.output == "")
    #expect(result.errors == "espalier: error: absent: cannot open: No such file or directory\n")
  }

  @Test func `a file that is not there does not hide the others`() throws {
    try folder.write(Fixture.safetensors(Fixture.story), to: "m.safetensors")
    let sound = try Tool.run("check", "absent", "m.safetensors", in: folder)
    #expect(sound.status == 2)
    #expect(sound.output == "m.safetensors: nothing found\n")
    try folder.write(Array(Fixture.safetensors(Fixture.story).dropLast(5)), to: "cut.safetensors")
    #expect(try Tool.run("check", "absent", "cut.safetensors", in: folder).status == 1)
  }

  @Test(arguments: [
    (
      #""intermediate_size": 64"#, #""intermediate_size": 65"#,
      "encoder.layer.0.intermediate.dense.weight: has 64 rows, config.json 65 for intermediate_size"
    ),
    (
      #""num_hidden_layers": 2"#, #""num_hidden_layers": 1"#,
      "config.json has 1 layers, the checkpoint has 2"
    ),
    (
      #""hidden_size": 32"#, #""hidden_size": "wide""#,
      #"config.json has "wide" for hidden_size, which is not a count"#
    ),
    (
      #""hidden_size": 32"#, #""hidden_size": 0"#,
      "config.json has 0 for hidden_size, which is not a count"
    ),
    (
      #""use_cache": true"#, #""num_labels": 3, "id2label": {"0": "a", "1": "b"}"#,
      "config.json has a num_labels of 3, but 2 labels in id2label"
    ),
  ])
  func `each member of a configuration that says something else is an error`(
    _ old: String, _ new: String, _ sentence: String
  ) throws {
    try folder.copy("bert-tiny", to: "model")
    let text = try folder.text("model/config.json")
    #expect(text.contains(old))
    try folder.write(
      Array(text.replacingOccurrences(of: old, with: new).utf8), to: "model/config.json")
    let result = try Tool.run("check", "model", "--fast", in: folder)
    #expect(result.status == 1)
    #expect(result.output == "model: error: \(sentence) [configuration]\n")
  }

  @Test func `a head with a row too few for its labels is an error, a fresh one is none`() throws {
    try folder.copy("bert-tiny", to: "tiny")
    let text = try folder.text("tiny/config.json")
    try folder.write(
      Array(
        text.replacingOccurrences(
          of: #""use_cache": true"#, with: #""id2label": {"0": "a", "1": "b", "2": "c"}"#
        ).utf8), to: "tiny/config.json")
    try Tool.run("graft", "tiny", "--head", "mlp:8", "--labels", "2", "-o", "two", in: folder)
    #expect(try Tool.run("check", "two", in: folder).output == "two: nothing found\n")
    try folder.write(try folder.bytes("tiny/config.json"), to: "two/config.json")
    let result = try Tool.run("check", "two", in: folder)
    #expect(result.status == 1)
    #expect(
      result.output
        == "two: error: linear.2.weight: has 2 rows, config.json 3 labels [configuration]\n")
  }

  @Test func `a gap in the numbers of the layers is an error`() throws {
    let result = try check(layers([0, 1, 3]))
    #expect(result.status == 1)
    #expect(
      result.output == "m.safetensors: error: encoder.layer.2: layer 2 is missing; "
        + "there are 3 of 0 to 3 [missing-layer]\n")
  }

  @Test func `a tensor that one layer lacks is an error`() throws {
    let result = try check(layers([0, 1, 2]).filter { $0.key != "encoder.layer.1.bias" })
    #expect(result.status == 1)
    #expect(
      result.output == "m.safetensors: error: encoder.layer.1.bias: is missing; "
        + "2 of 3 layers have it [incomplete-layer]\n")
  }

  @Test func `another dtype than in the other layers is a warning`() throws {
    let result = try check(
      layers([0, 1, 2]) { entry in
        if entry.key == "encoder.layer.2.bias" {
          entry = Fixture.Entry(entry.key, "BF16", [2], [0, 0, 0, 0])
        }
      })
    #expect(result.status == 0)
    #expect(
      result.output == "m.safetensors: warning: encoder.layer.2.bias: is BF16 [2], "
        + "but F32 [2] in the other layers [unlike-layer]\n")
  }

  @Test func `two layers with the same bytes are a warning, unless headers alone are read`() throws
  {
    let entries = layers([0, 1, 2]) { entry in
      if entry.key == "encoder.layer.2.weight" {
        entry = Fixture.Entry(entry.key, [2, 2], [1, 2, 3, 0])
      }
    }
    let result = try check(entries)
    #expect(result.status == 0)
    #expect(
      result.output == "m.safetensors: warning: encoder.layer.2: "
        + "layer 2 holds the same bytes as layer 0 [duplicate-layer]\n")
    #expect(try check(entries, "--fast").output == "m.safetensors: nothing found\n")
  }

  @Test func `NaN is an error, infinity a warning`() throws {
    let result = try check([
      .init("a", [2], [.nan, 1]), .init("b", [3], [1, -.infinity, .infinity]),
    ])
    #expect(result.status == 1)
    #expect(
      result.output == """
        m.safetensors: error: a: 1 of 2 elements are NaN [not-a-number]
        m.safetensors: warning: b: 2 of 3 elements are infinite [infinite]

        """)
  }

  @Test func `an index with another total size is a warning`() throws {
    try folder.copy("bert-tiny-sharded", to: "model")
    let name = "model/model.safetensors.index.json"
    let text = try folder.text(name)
    let size = try #require(text.firstMatch(of: /"total_size": ?(\d+)/)?.output.1)
    try folder.write(Array(text.replacing(size, with: "7", maxReplacements: 1).utf8), to: name)
    let result = try Tool.run("check", "model", in: folder)
    #expect(result.status == 0)
    #expect(
      result.output == "model: warning: the index states a total_size of 7, "
        + "but the tensors have \(size) bytes [index-total-size]\n")
  }

  @Test func `a configuration of another model is an error`() throws {
    try folder.copy("bert-tiny", to: "model")
    let config = try folder.text("model/config.json")
    try folder.write(
      Array(config.replacing("\"vocab_size\": 512", with: "\"vocab_size\": 500").utf8),
      to: "model/config.json")
    let result = try Tool.run("check", "model", in: folder)
    #expect(result.status == 1)
    #expect(
      result.output == "model: error: embeddings.word_embeddings.weight: has 512 rows, "
        + "config.json 500 for vocab_size [configuration]\n")
  }

  @Test func `a wrong checksum is an error`() throws {
    try folder.copy("torch/small.pt", to: "m.pt")
    var bytes = try folder.bytes("m.pt")
    // A local header has 30 bytes, of which 28 and 29 count the padding between name and data.
    let name = Array("small/data/0".utf8)
    let start = try #require(bytes.indices.first { bytes[$0...].starts(with: name) })
    let padding = Int(bytes[start - 2]) + Int(bytes[start - 1]) << 8
    let place = start + name.count + padding
    bytes[place] ^= 1
    try folder.write(bytes, to: "m.pt")
    let result = try Tool.run("check", "m.pt", in: folder)
    #expect(result.status == 1)
    #expect(result.output.contains("[checksum]"), "\(result.output)")
  }

  @Test func `the JSON counts, the SARIF has a result for each finding`() throws {
    let json = try check(layers([0, 1, 3]), "--json")
    #expect(json.status == 1)
    let object = try json.object()
    #expect(object["errors"] as? Int == 1)
    let finding = try #require((object["findings"] as? [[String: Any]])?.first)
    #expect(Set(finding.keys) == ["path", "rule", "severity", "key", "message"])
    let sarif = try check(layers([0, 1, 3]), "--sarif")
    #expect(sarif.status == 1)
    let log = try sarif.object()
    #expect(log["version"] as? String == "2.1.0")
    let run = try #require((log["runs"] as? [[String: Any]])?.first)
    let result = try #require((run["results"] as? [[String: Any]])?.first)
    #expect(result["ruleId"] as? String == "missing-layer")
    #expect(result["level"] as? String == "error")
    let driver = (run["tool"] as? [String: Any])?["driver"] as? [String: Any]
    #expect((driver?["rules"] as? [Any])?.count == 17)
  }
}
