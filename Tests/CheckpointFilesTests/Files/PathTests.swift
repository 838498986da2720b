import CheckpointFiles
import Testing

@Suite struct `A path` {
  @Test(arguments: [
    ("a", ".", "a"), ("a/b", "a", "b"), ("a/b/", "a", "b"), ("a//b", "a", "b"), ("/a", "/", "a"),
    ("/", "/", ""), ("//a", "/", "a"), ("", ".", ""), ("./é", ".", "é"),
  ])
  func `has a parent and a name`(_ path: String, _ parent: String, _ name: String) {
    #expect(Path.parent(of: path) == parent)
    #expect(Path.name(of: path) == name)
  }

  @Test func `is joined with one slash`() {
    #expect(Path.join("a", "b") == "a/b")
    #expect(Path.join("a/", "b") == "a/b")
    #expect(Path.join("/", "b") == "/b")
  }

  @Test func `has siblings as near as itself`() {
    #expect(Path.sibling("b", of: "a") == "b")
    #expect(Path.sibling("b", of: "x/a") == "x/b")
    #expect(Path.sibling("b", of: "https://host/x/a") == "https://host/x/b")
  }
}
