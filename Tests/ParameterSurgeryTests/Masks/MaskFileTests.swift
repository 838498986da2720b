import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

@testable import ParameterSurgery

@Suite struct MaskFileTests {
  private let digest = String(repeating: "0", count: 64)

  private func text(count: Int = 1, rules: String = "[]", tensors: String) -> [UInt8] {
    Array(
      """
      {"format":"espalier-freeze-mask","version":1,
       "checkpoint":{"tensors":\(count),"layout_sha256":"\(digest)"},
       "rules":\(rules),"tensors":\(tensors)}
      """.utf8)
  }

  @Test func `the members of a mask file may be in any order`() throws {
    let bytes = Array(
      """
      {"tensors": {"b": {"train_rows": [[0, 2]]}, "a": true}, "rules": [{"matched": 1, "train": "a"}],
       "checkpoint": {"layout_sha256": "\(digest)", "tensors": 2}, "version": 1,
       "format": "espalier-freeze-mask"}

      """.utf8)
    let mask = try FreezeMask(json: bytes)
    #expect(mask.states == ["a": .trainable, "b": .rows(RowSet([0..<2]))])
    #expect(mask.rules == [FreezeMask.Rule(.train, "a", matched: 1)])
  }

  @Test func `composed and decomposed keys are two tensors`() throws {
    let bytes = text(count: 2, tensors: "{\"e\u{301}\": true, \"\u{e9}\": false}")
    let mask = try FreezeMask(json: bytes)
    #expect(mask.states.count == 2)
    #expect(mask[Key("e\u{301}")] == .trainable)
    #expect(mask[Key("\u{e9}")] == .frozen)
    #expect(try FreezeMask(json: Array(mask.jsonText.utf8)) == mask)
  }

  @Test(arguments: [
    (#"{"a": true, "a": true}"#, "\"a\" is duplicated in `tensors`"),
    (#"{"a": {"train_rows": [[0, 1]], "x": 1}}"#, "is neither true, false nor"),
    (#"{"a": {"train_rows": [0]}}"#, "`train_rows` is not a list of ranges"),
    (#"{"a": {"train_rows": {}}}"#, "`train_rows` is not a list of ranges"),
    (#"{"a": t rue}"#, "is neither true, false nor"),
    (#"{"a": null}"#, "is neither true, false nor"),
    (#"[]"#, "`tensors` is not an object"),
    (#"{"a": true"#, "invalid JSON"),
    (#"{"a": true}} "#, "invalid JSON: text after the end"),
  ])
  func `a malformed list of tensors is refused`(tensors: String, expected: String) throws {
    let error = #expect(throws: SurgeryError.self) {
      try FreezeMask(json: text(tensors: tensors))
    }
    #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
    #expect(error?.kind == .malformed || error?.kind == .duplicateKey)
  }

  @Test(arguments: [
    #"{}"#, #"[{}]"#, #"[{"train": "a"}]"#, #"[{"train": 1, "matched": 1}]"#,
    #"[{"train": "a", "freeze": "a", "matched": 1}]"#, #"[{"train": "a", "matched": -1}]"#,
    #"[{"train": "a", "matched": 1, "matched": 1}]"#, #"["a"]"#,
  ])
  func `malformed rules are refused`(rules: String) {
    #expect(throws: SurgeryError.self) {
      try FreezeMask(json: text(rules: rules, tensors: #"{"a": true}"#))
    }
  }

  @Test func `a file larger than a mask can be is not read`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("mask.json")
    // A sparse file of 65 MiB: only its size is looked at.
    try folder.write("mask.json", "{")
    try Sparse.extend(path, to: 65 << 20)
    let error = #expect(throws: SurgeryError.self) { try FreezeMask(path: path) }
    #expect(error?.kind == .file)
    #expect(error?.underlying?.path == path)
    let known = #expect(throws: SurgeryError.self) { try FreezeMask(path: path, for: tree("a")) }
    #expect(known?.kind == .file)
  }

  @Test func `the limit of a known checkpoint grows with its keys`() {
    let keys = (0..<200_000).map { Key("layer.\($0).weight" + String(repeating: "x", count: 60)) }
    let large = ParameterTree(keys.map { TensorInfo(key: $0, dtype: .float32, shape: [1]) })
    #expect(FreezeMask.byteLimit(for: tree("a")) == 1 << 24)
    #expect(FreezeMask.byteLimit(for: large) > 200_000 * 80)
  }

  @Test func `states that do not fit the checkpoint are refused`() throws {
    let tree = ParameterTree([
      TensorInfo(key: "ids", dtype: .int64, shape: [4]),
      TensorInfo(key: "w", dtype: .float32, shape: [4, 2]),
    ])
    let mask = try FreezeMask(states: ["w": .rows(RowSet([0..<2]))], in: tree)
    #expect(mask.trainableKeys == ["w"])
    #expect(mask.frozenKeys == ["ids"])
    for states: OrderedDictionary<Key, FreezeMask.State> in [
      ["x": .trainable], ["ids": .trainable], ["w": .rows(RowSet([0..<5]))],
    ] {
      let error = #expect(throws: SurgeryError.self) { try FreezeMask(states: states, in: tree) }
      #expect(error?.kind == .otherCheckpoint)
    }
  }

  @Test func `a mask that lets nothing train has a kind of its own`() throws {
    let error = #expect(throws: SurgeryError.self) {
      try FreezeMask(training: ["linear"], freezing: ["linear"], in: storyTree)
    }
    #expect(error?.kind == .nothingTrains)
    let missing = #expect(throws: SurgeryError.self) { try FreezeMask(path: "/nowhere/m.json") }
    #expect(missing?.kind == .file)
    #expect(missing?.underlying != nil)
  }
}
