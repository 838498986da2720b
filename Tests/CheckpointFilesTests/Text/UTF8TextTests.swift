import Testing

@testable import CheckpointFiles

@Suite struct UTF8TextTests {
  private let composed = "caf\u{E9}"
  private let decomposed = "cafe\u{301}"

  @Test func `canonically equivalent texts are different bytes`() {
    #expect(composed == decomposed, "what Swift says")
    #expect(!composed.utf8.equals(decomposed))
    #expect(!utf8AreEqual(composed, decomposed))
    #expect(composed.utf8.equals(composed))
    #expect(JSONValue.string(composed) != .string(decomposed))
    #expect(JSONValue.array([.string(composed)]) != .array([.string(decomposed)]))
    #expect(Set<JSONValue>([.string(composed), .string(decomposed), .string(composed)]).count == 2)
  }

  @Test func `prefixes and suffixes are bytes`() {
    #expect(
      "/\u{301}a".utf8.hasPrefix("/"), "a slash with an accent is still a slash to the system")
    #expect(!"/\u{301}a".hasPrefix("/"), "what Swift says")
    #expect("a.bin".utf8.hasSuffix(".bin"))
    #expect(!"bin".utf8.hasSuffix(".bin"))
    #expect("A.BIN".utf8.hasEnding(".bin"))
    #expect(!"a.bin".utf8.hasEnding(".BIN"), "the ending is in lower case")
    #expect("".utf8.hasPrefix(""))
  }

  @Test func `texts are found by their bytes`() {
    #expect("abcabd".utf8.contains("abd"))
    #expect(!"abcab".utf8.contains("abd"))
    #expect("aab".utf8.contains("ab"))
    #expect("x".utf8.contains(""))
    #expect(!"".utf8.contains("x"))
  }

  @Test func `a text is split at every separator`() {
    #expect("a/b//c".parts(separatedBy: "/") == ["a", "b", "", "c"])
    #expect("".parts(separatedBy: "/") == [""])
    #expect("/".parts(separatedBy: "/") == ["", ""])
    let parts = "../\u{301}x".parts(separatedBy: "/")
    #expect(parts.count == 2 && parts[0].utf8.equals(".."))
  }

  @Test func `bytes and scalars are cut`() {
    #expect("model.index.json".droppingLastBytes(11) == "model")
    #expect("hf://a/b".droppingFirstBytes(5) == "a/b")
    #expect("e\u{301}e\u{301}".scalars(upTo: 3).unicodeScalars.count == 3)
    #expect("ab".scalars(upTo: 9) == "ab")
  }

  @Test func `long runs of combining marks cost what their bytes do`() {
    let run = String(repeating: "\u{301}\u{327}", count: 200_000)
    #expect(!run.utf8.equals("data.pkl"))
    #expect(Set([Key(run), Key(run + "\u{301}")]).count == 2)
    #expect(run.parts(separatedBy: ".").count == 1)
  }
}
