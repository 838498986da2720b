import CheckpointFiles
import OrderedCollections
import Testing

@testable import ParameterSurgery

@Suite struct LikelyRenameTests {
  private func renames(
    _ a: OrderedDictionary<Key, [Float]>, _ b: OrderedDictionary<Key, [Float]>
  ) throws -> [LikelyRename] {
    try Diff(checkpoint(a), checkpoint(b)).likelyRenames
  }

  @Test func `equal content is a rename, whatever the names`() throws {
    #expect(
      try renames(["x": [1, 2]], ["other": [1, 2]])
        == [LikelyRename(from: "x", to: "other", isSameContent: true)])
  }

  @Test func `another prefix is a likely rename when the shape is the same`() throws {
    #expect(
      try renames(["a.w.weight": [1]], ["bert.a.w.weight": [2]])
        == [LikelyRename(from: "a.w.weight", to: "bert.a.w.weight", isSameContent: false)])
    #expect(try renames(["a.w.weight": [1]], ["bert.a.w.weight": [2, 3]]).isEmpty)
    #expect(try renames(["weight": [1]], ["bias": [2]]).isEmpty)
  }

  @Test func `gamma and weight are two spellings of one name`() throws {
    #expect(
      try renames(["a.LayerNorm.gamma": [1]], ["a.LayerNorm.weight": [2]])
        == [
          LikelyRename(
            from: "a.LayerNorm.gamma", to: "a.LayerNorm.weight", isSameContent: false)
        ])
  }

  @Test func `of constant tensors the most similar name is taken`() throws {
    let found = try renames(
      ["a.0.bias": [0], "a.1.bias": [0]], ["b.a.1.bias": [0], "b.a.0.bias": [0]])
    #expect(
      found == [
        LikelyRename(from: "a.0.bias", to: "b.a.0.bias", isSameContent: true),
        LikelyRename(from: "a.1.bias", to: "b.a.1.bias", isSameContent: true),
      ])
  }

  @Test func `a name that fits two tensors is not a rename`() throws {
    #expect(try renames(["a.w.weight": [1]], ["x.a.w.weight": [2], "y.a.w.weight": [3]]).isEmpty)
  }
}
