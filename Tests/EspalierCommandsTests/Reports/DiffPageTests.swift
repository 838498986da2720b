import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import ParameterSurgery
import Testing

@testable import EspalierCommands

@Suite struct `The page of a difference` {
  private func checkpoint(_ name: String, _ tensors: [(String, [Float])]) throws -> Checkpoint {
    var members: OrderedDictionary<Key, Tensor> = [:]
    for (key, elements) in tensors {
      members[Key(key)] = Tensor(elements, shape: [elements.count])
    }
    var checkpoint = Checkpoint(tensors: members)
    checkpoint.path = name
    return checkpoint
  }

  private func page(
    _ a: [(String, [Float])], _ b: [(String, [Float])], paths: (String, String) = ("a", "b")
  ) throws -> String {
    let first = try checkpoint(paths.0, a)
    let second = try checkpoint(paths.1, b)
    let diff = try Diff(first, second, options: Diff.Options())
    return DiffPage(
      diff: diff, summary: DiffSummary(diff, first, second), a: first, b: second
    ).html
  }

  @Test func `escapes keys and paths for HTML and for a reader`() throws {
    let html = try page(
      [("<script>alert(1)</script>", [1]), ("a&\"b\u{202E}", [2])],
      [("<script>alert(1)</script>", [2]), ("x\u{1B}[2J", [2])], paths: ("<a>", "'b'"))
    #expect(!html.contains("<script"))
    #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
    #expect(html.contains("<title>&lt;a&gt; and "))
    #expect(!html.unicodeScalars.contains { $0.isUnprintable && $0 != "\n" })
  }

  @Test func `has a section for what differs and none for what does not`() throws {
    let html = try page(
      [("same", [1]), ("gone", [1, 2]), ("w", [1])], [("same", [1]), ("w", [3])])
    #expect(html.contains("<h2>Changed tensors</h2>"))
    #expect(html.contains("<h2>Only in A</h2>"))
    #expect(!html.contains("<h2>Only in B</h2>"))
    #expect(try page([("w", [1])], [("w", [1])]).contains("<p>Nothing differs.</p>"))
  }

  @Test func `has no number that CSS cannot read`() throws {
    let html = try page([("h.0.w", [0]), ("h.1.w", [1])], [("h.0.w", [.nan]), ("h.1.w", [2])])
    #expect(!html.contains("width: nan"))
    #expect(!html.contains("width: inf"))
  }
}
