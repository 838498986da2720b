import CheckpointFiles
import Testing

@testable import EspalierCommands

@Suite struct `A stream of JSON` {
  @Test func `starts a line for each member and each element`() {
    let text = Recording.text { output in
      var json = JSONStream(to: output)
      json.member("path", .string("a\u{1B}"))
      json.array("keys", ["x", "y"]) { JSONValue.writeString($0, to: &$1) }
      json.array("none", [Int]()) { $1 += String($0) }
      json.member("totals", .members(["bytes": .integer(8)]))
      json.finish()
    }
    #expect(
      text == """
        {
        "version": 1,
        "path": "a\\u001b",
        "keys": [
          "x",
          "y"
        ],
        "none": [],
        "totals": {"bytes":8}
        }

        """)
  }

  @Test(arguments: [0, 1, 5000])
  func `writes long arrays in pieces, in their order`(_ count: Int) throws {
    let text = Recording.text { output in
      var json = JSONStream(to: output)
      json.member("before", .bool(true))
      json.array("rows", count: count) { $1 += String($0) }
      json.member("after", .null)
      json.finish()
    }
    let json = try JSONParser.parse(Array(text.utf8))
    #expect(json["rows"]?.array?.compactMap(\.integer) == Array(0..<count))
    #expect(json["before"] == .bool(true))
    #expect(json["after"] == .null)
  }

  @Test func `is written before it is complete when it is long`() {
    let elements = Array(repeating: String(repeating: "x", count: 1000), count: 200)
    let text = Recording.text { output in
      var json = JSONStream(to: output)
      json.array("texts", elements) { JSONValue.writeString($0, to: &$1) }
    }
    #expect(text.utf8.count > 100_000)
    #expect(text.hasPrefix("{\n\"version\": 1,\n\"texts\": [\n"))
  }
}
