import CheckpointFiles
import OrderedCollections
import Testing

@testable import ParameterSurgery

@Suite struct YAMLDocumentTests {
  /// The document as JSON on one line.
  private func json(_ text: String) throws -> String {
    try YAMLDocument.parse(Array(text.utf8)).text()
  }

  @Test(arguments: [
    ("a: 1\nb: x y  # comment", #"{"a":"1","b":"x y"}"#),
    ("- a\n- b: 1\n  c: 2\n-\n  - d", #"["a",{"b":"1","c":"2"},["d"]]"#),
    ("a:\n- 1\n- 2\nb: 3", #"{"a":["1","2"],"b":"3"}"#),
    ("a: [x, 'y, z', \"w\\n\"]", #"{"a":["x","y, z","w\n"]}"#),
    ("a: [\n  x,  # one\n  [y],\n]", #"{"a":["x",["y"]]}"#),
    ("'quoted key': 'it''s'", #"{"quoted key":"it's"}"#),
    ("---\na: b # c\n# end", #"{"a":"b"}"#),
    ("a: x#y", #"{"a":"x#y"}"#),
    (#"{"a": 1, "b": [true]}"#, #"{"a":"1","b":["true"]}"#),
    ("a: true\nb: ~\nc: 1e3", #"{"a":"true","b":"~","c":"1e3"}"#),
  ])
  func `the subset is read as YAML defines it, with every scalar as a text`(
    text: String, expected: String
  ) throws {
    #expect(try json(text) == expected)
  }

  @Test(arguments: [
    ("", "the document is empty"),
    ("# only a comment\n", "the document is empty"),
    ("a:\n\tb: 1", "line 2: YAML is indented by spaces, not tabs"),
    ("a: 1\n---\nb: 2", "line 2: more than one YAML document is not read"),
    ("a: 1\n   b: 2", "line 2: the indentation does not match a line above"),
    ("a:\nb: 1", "line 1: a value is missing"),
    ("a: 1\nword", "line 2: is neither `key: value` nor `- element`"),
    ("a: 1\na: 2", "line 2: the key \"a\" is duplicated"),
    ("a: 'x' y", "line 1: unexpected \" y\" after the value"),
    ("a: &x 1", "line 1: \"&\" begins a form of YAML that is not read; put the text in quotes"),
    ("a: |\n  x", "line 1: \"|\" begins a form of YAML that is not read; put the text in quotes"),
    ("a: *x", "line 1: a text that begins with `*` needs quotes"),
    ("a: [x\nb: 1", "line 1: `[` is not closed"),
    ("a: 'x", "line 1: a quote is not closed on its line"),
    ("a: \"\\q\"", "line 1: an unknown escape; in 'single quotes' a backslash is a backslash"),
  ])
  func `what is not read is an error with its line`(text: String, expected: String) {
    #expect(message { _ = try json(text) } == expected)
  }

  @Test func `nesting is bounded in blocks and in brackets`() {
    let brackets = "a: " + String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
    let blocks = (0..<40).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n")
    for text in [brackets, blocks + " 1"] {
      do throws(SurgeryError) {
        _ = try YAMLDocument.parse(Array(text.utf8))
        Issue.record("was read")
      } catch {
        #expect(error.kind == .tooLarge)
      }
    }
  }

  @Test func `keys that are canonically equivalent are different`() throws {
    let text = "caf\u{E9}: 1\ncafe\u{301}: 2"
    #expect(try YAMLDocument.parse(Array(text.utf8)).object?.count == 2)
  }
}
