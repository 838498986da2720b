import CheckpointFiles
import ParameterSurgery
import Testing

/// Patterns for which a search that tries every way would never end.
@Suite struct `A selector that matches in many ways` {
  private let deep = ParameterTree(
    (0..<60).map { length in
      TensorInfo(
        key: Key([String](repeating: "a", count: length + 1).joined(separator: ".")),
        dtype: .float32, shape: [1])
    })

  @Test func `is matched when it has many double stars`() throws {
    let stars = String(repeating: "**.", count: 2000)
    #expect(try Selector(stars + "a").resolve(in: deep).count == 60)
    let mixed = String(repeating: "**.a.", count: 30)
    #expect(try Selector(mixed + "a").resolve(in: deep).count == 30)
    #expect(throws: SurgeryError.self) { try Selector(mixed + "b").resolve(in: deep) }
    let globs = String(repeating: "**.?*.", count: 40)
    #expect(throws: SurgeryError.self) { try Selector(globs + "b").resolve(in: deep) }
  }

  @Test func `is matched when a component has many stars`() throws {
    let tree = ParameterTree([
      TensorInfo(key: Key(String(repeating: "a", count: 5000)), dtype: .float32, shape: [1])
    ])
    let stars = String(repeating: "a*", count: 200)
    #expect(try Selector(stars).resolve(in: tree).count == 1)
    #expect(throws: SurgeryError.self) { try Selector(stars + "b").resolve(in: tree) }
    let short = ParameterTree([
      TensorInfo(key: Key(String(repeating: "a", count: 60)), dtype: .float32, shape: [1])
    ])
    let braces = String(repeating: "{a*,aa*}", count: 12)
    #expect(try Selector(braces).resolve(in: short).count == 1)
    #expect(throws: SurgeryError.self) { try Selector(braces + "b").resolve(in: short) }
  }

  @Test func `compares bytes, so that marks after a character cost no more than their length`()
    throws
  {
    let marks = String(repeating: "\u{301}", count: 20_000)
    let tree = ParameterTree([
      TensorInfo(key: Key("e" + marks), dtype: .float32, shape: [1]),
      TensorInfo(key: "é", dtype: .float32, shape: [1]),
    ])
    #expect(try Selector("e" + marks).resolve(in: tree).count == 1)
    #expect(try Selector("é").resolve(in: tree).keys == ["é"])
    #expect(throws: SurgeryError.self) { try Selector("e\u{301}").resolve(in: tree) }
    #expect(try Selector("é") != Selector("e\u{301}"))
    #expect(try KeyRewrite("é=x").apply(to: "e\u{301}") == nil)
    #expect(try KeyRewrite("[\u{301}=x").from == "[\u{301}")
    let recipe = "steps:\n  - drop: \"" + marks + "\"\n"
    #expect(try Recipe(yaml: Array(recipe.utf8)).steps.count == 1)
  }
}
