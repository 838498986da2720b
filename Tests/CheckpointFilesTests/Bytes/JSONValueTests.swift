import OrderedCollections
import Testing

@testable import CheckpointFiles

@Suite struct JSONValueTests {
  private func value(_ text: String) throws -> JSONValue { try JSONParser.parse(Array(text.utf8)) }

  private func error(_ text: String) throws -> CheckpointError {
    try #require(throws: CheckpointError.self, "\(text)") { try value(text) }
  }

  @Test func `a tree keeps order, spelling and nesting`() throws {
    let document = try value(
      #" {"b": [1, 1.0, -2e+3, []], "a": {"": null, "x": {}}, "c": [true, false, "é"]} "#)
    #expect(
      document
        == .members([
          "b": [.number("1"), .number("1.0"), .number("-2e+3"), []],
          "a": .members(["": .null, "x": .members([:])]), "c": [true, false, "é"],
        ]))
    #expect(document.object?.keys.map(\.string) == ["b", "a", "c"])
  }

  @Test(arguments: [
    ("[1 2]", 3), ("[1,]", 3), ("{\"a\" 1}", 5), ("{,}", 1), ("[", 1), ("{\"a\":", 5), ("tru", 0),
    ("-", 1), ("01", 1), ("1.", 2), ("1e", 2), ("nulls", 4), ("[]]", 2), ("\"\\u12\"", 3),
    ("NaN", 0), ("", 0), ("{1:2}", 1), ("{\"a\":1,}", 7),
  ])
  func `what breaks the grammar is refused at its byte`(text: String, offset: Int) throws {
    let error = try error(text)
    #expect(error.kind == .malformed)
    #expect(error.offset == offset, "\(error)")
  }

  @Test func `a name that occurs twice in an object is refused where it occurs again`() throws {
    let error = try error(#"{"a": 1, "\u0061": 2}"#)
    #expect(error.description == #"invalid JSON: the name "a" occurs twice in one object (byte 9)"#)
  }

  @Test(arguments: [#""\ud800""#, #""\ud800\u0041""#, #""\udc00""#, #""\ud83d x""#])
  func `half of a surrogate pair is refused`(_ text: String) throws {
    #expect(try error(text).reason.contains("half of a surrogate pair"))
  }

  @Test func `a surrogate pair is one scalar`() throws {
    #expect(try value(#""\ud83d\ude00""#) == "😀")
  }

  @Test func `containers are nested 64 deep at most`() throws {
    let deep = { (count: Int) in
      String(repeating: "[", count: count) + String(repeating: "]", count: count)
    }
    _ = try value(deep(64))
    #expect(try error(deep(65)).kind == .tooLarge)
    #expect(try error(String(repeating: "[", count: 1_000_000)).kind == .tooLarge)
  }

  /// A zero takes two bytes of the document and sixty of memory.
  @Test func `values that take much more memory than the document are refused`() throws {
    let zeros =
      Array("[".utf8) + [UInt8](repeating: 0, count: 0)
      + Array(String(repeating: "0,", count: 3_000_000).utf8) + Array("0]".utf8)
    let error = try #require(throws: CheckpointError.self) { try JSONParser.parse(zeros) }
    #expect(error.kind == .tooLarge)
    // An honest vocabulary is not.
    let names = (0..<200_000).map { #""token\#($0)":\#($0)"# }.joined(separator: ",")
    #expect(try value("{\(names)}").object?.count == 200_000)
  }

  @Test func `not-a-number is a number only where Python wrote the document`() throws {
    let text = Array("[NaN, Infinity, -Infinity, -1]".utf8)
    #expect(throws: CheckpointError.self) { try JSONParser.parse(text) }
    let values = try #require(try JSONParser.parse(text, allowsNonFinite: true).array)
    #expect(values.map(\.double?.isFinite) == [false, false, false, true])
  }
}
