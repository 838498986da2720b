import ArgumentParser
import CheckpointFiles
import EspalierTestSupport
import Foundation
import Testing

@testable import EspalierCommands

@Suite struct `Schemas` {
  @Test func `exist for every command with --json, and belong to one`() throws {
    var names: Set<String> = ["error"]
    var rest: [any ParsableCommand.Type] = [Espalier.self]
    while let command = rest.popLast() {
      rest += command.configuration.subcommands
      let info = try #require(CommandInfo(command))
      guard info.arguments.contains(where: { $0.names.contains("--json") }) else { continue }
      let words = Array(info.path.dropFirst())
      let name = try OutputSchema.name(of: words)
      #expect(name != nil, "docs/schema has no file for \(words.joined(separator: " ")) --json")
      names.insert(name ?? "")
    }
    let folder = Fixtures.path("").replacing("/fixtures/", with: "/docs/schema")
    let files = try Folder.names(folder).map { $0.replacing(".schema.json", with: "") }
    #expect(Set(files) == names)
  }

  @Test func `of the documents fit what the documents show`() throws {
    let root = URL(fileURLWithPath: Fixtures.path("")).deletingLastPathComponent()
    let text = try String(
      contentsOf: root.appendingPathComponent("docs/json.md"), encoding: .utf8)
    var count = 0
    for section in text.components(separatedBy: "\n## ").dropFirst() {
      let title = section.prefix { $0 != "\n" }.lowercased()
      let name = title == "errors" ? "error" : title == "delta" ? "delta-create" : title
      for block in section.components(separatedBy: "```json\n").dropFirst() {
        let example = block.components(separatedBy: "```")[0]
        guard !example.contains("…") else { continue }
        let isCheck = example.contains("\"fits\"")
        let schema = try #require(try OutputSchema.schema(isCheck ? "mask-check" : name), "\(name)")
        #expect(schema.problems(in: Array(example.utf8)) == [], "\(name)")
        count += 1
      }
    }
    #expect(count > 10)
  }

  /// A schema, a value that does not fit, and the first problem.
  static let misfits: [(String, String, String)] = [
    (#"{"type": "object"}"#, "[]", "/: is not of the type object"),
    (#"{"type": ["integer", "null"]}"#, "1.5", "/: is not of the type integer or null"),
    (#"{"const": 1}"#, "2", "/: is not 1"),
    (#"{"enum": ["a", "b"]}"#, #""c""#, #"/: "c" is not one of ["a","b"]"#),
    (#"{"minimum": 0}"#, "-1", "/: is less than 0"),
    (#"{"minItems": 2}"#, "[1]", "/: has 1 elements, minItems is 2"),
    (#"{"maxLength": 1}"#, #""ab""#, "/: has 2 characters, maxLength is 1"),
    (#"{"items": {"type": "string"}}"#, #"["a", 1]"#, "/1: is not of the type string"),
    (#"{"required": ["a"]}"#, "{}", "/: the member a is missing"),
    (
      #"{"properties": {"a": {"type": "null"}}}"#, #"{"a": 1}"#, "/a: is not of the type null"
    ),
    (
      #"{"properties": {"a": {}}, "additionalProperties": false}"#, #"{"a": 1, "b": 2}"#,
      "/: the member b is unknown"
    ),
    (
      #"{"additionalProperties": {"type": "string"}}"#, #"{"b": 2}"#,
      "/b: is not of the type string"
    ),
    (
      #"{"oneOf": [{"type": "null"}, {"enum": [null]}]}"#, "null",
      "/: fits 2 of 2 alternatives"
    ),
    (#"{"anyOf": [{"type": "null"}]}"#, "1", "/: fits 0 of 1 alternatives"),
    (
      ##"{"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}"##, "1",
      "/: is not of the type null"
    ),
    (##"{"$ref": "#/$defs/a"}"##, "1", ##"/: the schema has no definition "#/$defs/a""##),
    (#"{"pattern": "a"}"#, "1", "/: the schema has the keyword pattern, which is not checked"),
  ]

  @Test(arguments: misfits)
  func `find what does not fit`(_ schema: String, _ value: String, _ problem: String) throws {
    let found = try JSONSchema(Array(schema.utf8)).problems(in: Array(value.utf8))
    #expect(found.first == problem)
  }
}

@Suite struct `Errors as JSON` {
  let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write(Fixture.safetensors(Fixture.story), to: "m.safetensors")
    try folder.write(Array("espalier".utf8), to: "bad.safetensors")
  }

  /// The error of a command line, which prints nothing else.
  private func error(_ words: [String], status: Int32) throws -> JSONValue {
    let result = try Tool.run(words, in: folder)
    #expect(result.status == status)
    #expect(result.output == "")
    let lines = result.errors.split(separator: "\n")
    #expect(lines.count == 1)
    let value = try JSONParser.parse(Array(result.errors.utf8))
    #expect(value["version"] == 1)
    return try #require(value["error"])
  }

  @Test func `name the file, the kind and the sentence that is printed without --json`() throws {
    let error = try error(["ls", "absent.safetensors", "--json"], status: 2)
    #expect(error["kind"] == "not-found")
    #expect(error["status"] == 2)
    #expect(error["path"] == "absent.safetensors")
    #expect(error["key"] == .null)
    let plain = try Tool.run("ls", "absent.safetensors", in: folder).errors
    #expect(plain == "espalier: error: \(error["message"]?.string ?? "")\n")
  }

  @Test func `name the byte of a damaged file`() throws {
    var bytes = Fixture.safetensors(Fixture.story)
    bytes[20] = 0
    try folder.write(bytes, to: "damaged.safetensors")
    let error = try error(["ls", "damaged.safetensors", "--json"], status: 2)
    #expect(error["kind"] == "malformed")
    #expect(error["offset"]?.integer == 20)
  }

  @Test func `name the selector`() throws {
    let error = try error(["ls", "m.safetensors", "lineer", "--json"], status: 2)
    #expect(error["kind"] == "matches-nothing")
    #expect(error["selector"] == "lineer")
    #expect(error["path"] == "m.safetensors")
  }

  @Test func `keep what to do apart from what is wrong`() throws {
    let error = try error(
      ["edit", "m.safetensors", "--drop", "linear", "-o", "m.safetensors", "--json"], status: 2)
    #expect(error["hint"] == "pass --in-place to replace it")
    #expect(error["message"]?.string?.contains("--in-place") == false)
  }

  @Test(arguments: [
    ["ls", "--json"], ["ls", "m.safetensors", "--tre", "--json"],
    ["ls", "m.safetensors", "--tree", "--json"], ["lss", "--json"], ["--json"],
    ["edit", "m.safetensors", "--json"], ["mask", "creat", "--json"],
  ])
  func `are of the kind usage for a wrong command line, with status 64`(_ words: [String]) throws {
    let error = try error(words, status: 64)
    #expect(error["kind"] == "usage")
    let plain = try Tool.run(words.filter { $0 != "--json" } + ["--", "--json"], in: folder)
    #expect(plain.errors.isEmpty || plain.errors.hasPrefix("espalier: error: "))
    #expect(error["message"]?.string?.contains("\n") == false)
  }

  @Test func `follow the results of the other files`() throws {
    let result = try Tool.run("check", "absent", "m.safetensors", "--json", in: folder)
    #expect(try JSONParser.parse(Array(result.output.utf8))["files"]?.array?.count == 2)
    let error = try JSONParser.parse(Array(result.errors.utf8))["error"]
    #expect(error?["path"] == "absent")
  }
}
