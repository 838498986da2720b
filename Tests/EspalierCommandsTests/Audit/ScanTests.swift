import CheckpointFiles
import EspalierTestSupport
import Testing

@Suite struct `espalier scan` {
  let folder: Folder
  init() throws { folder = try Folder() }

  @Test func `data is no danger, code is, and the status says so`() throws {
    let safe = try Tool.run("scan", Fixtures.path("bert-tiny"), in: folder)
    #expect(safe.status == 0)
    #expect(safe.output.contains("safe by construction"))
    let module = try Tool.run("scan", Fixtures.path("torch/module.pt"), in: folder)
    #expect(module.status == 0)
    #expect(module.output.contains("odd, no danger found (torch-zip)"))
    try folder.write(Array("\u{63}os\nsystem\n(S'true'\ntR.".utf8), to: "bad.pkl")
    let bad = try Tool.run("scan", "bad.pkl", "--json", in: folder)
    #expect(bad.status == 1)
    let json = try JSONParser.parse(Array(bad.output.utf8))
    #expect(json["severity"]?.string == "danger")
    #expect(
      json["files"]?.array?.first?["globals"]?.array?.first?["name"]?.string == "os.system")
  }

  @Test func `a file that is none of the formats cannot be used`() throws {
    try folder.write(Array("just some text, no checkpoint".utf8), to: "notes.txt")
    // One that cannot be read does not hide the others.
    try folder.write(Array("cposix\nsystem\n.".utf8), to: "bad.pkl")
    let mixed = try Tool.run("scan", "missing", "notes.txt", "bad.pkl", in: folder)
    #expect(mixed.status == 1)
    #expect(mixed.output.contains("bad.pkl: danger"))
    #expect(mixed.errors.split(separator: "\n").count == 2)
    let json = try Tool.run(
      "scan", "missing", Fixtures.path("bert-tiny"), "--json", in: folder)
    #expect(json.status == 2)
    #expect(
      (try json.object()["errors"] as? [[String: Any]])?.first?["path"] as? String == "missing")
    #expect((try json.object()["files"] as? [Any])?.count == 1)
    #expect(try Tool.run("scan", "notes.txt", in: folder).status == 2)
    #expect(try Tool.run("scan", "missing", in: folder).status == 2)
  }
}
