import CheckpointFiles
import OrderedCollections
import ParameterSurgery
import Testing

@Suite struct ParameterTreeTests {
  @Test func `the tree keeps the order of the file and counts what is below`() {
    let root = storyTree.root
    #expect(root.children.map(\.component) == ["bert", "linear"])
    #expect(root.tensorCount == storyTree.entries.count)
    let linear = storyTree.node(at: "linear")
    #expect(linear?.childIndices == [0, 2])
    #expect(linear?.parameterCount == 23)
    #expect(linear?.byteCount == 92)
    #expect(linear?.tensors.map(\.key.string).first == "linear.0.weight")
    #expect(storyTree["linear.0.bias"]?.shape == [3])
    #expect(storyTree["linear.1.bias"] == nil)
    #expect(storyTree.node(at: "linear.1") == nil)
  }

  @Test func `tensors of a node that the file scatters are still one node`() {
    let scattered = tree("a.0.x", "b", "a.1.x", "a.0.y", "a")
    #expect(scattered.node(at: "a")?.tensors.map(\.key) == ["a", "a.0.x", "a.0.y", "a.1.x"])
    #expect(scattered.node(at: "a")?.tensor?.key == "a")
    #expect(scattered.node(at: "a.0")?.path == "a.0")
  }

  @Test func `of two entries with one key the first stays`() {
    let both = tree("a.b", "a.b", "a", "a.b.c", "a", "", "")
    #expect(both.entries.map(\.key) == ["a.b", "a", "a.b.c", ""])
    #expect(both.root.tensors.map(\.key) == ["a", "a.b", "a.b.c", ""])
  }

  @Test func `empty components are components`() {
    let keys: [Key] = ["a", "a.", "a..b", ".a", "a.b", ".", "a.."]
    let dotted = tree("a", "a.", "a..b", ".a", "a.b", ".", "a..")
    #expect(dotted.entries.map(\.key) == keys)
    for (place, key) in keys.enumerated() {
      #expect(dotted.index(of: key) == place)
      #expect(dotted.node(at: key)?.path == key)
    }
    #expect(dotted.root.children.map(\.component) == ["a", ""])
  }

  @Test(arguments: [1, 7, 8, 9, 10, 100])
  func `each of many children is found, however they are scattered`(_ count: Int) {
    let keys = (0..<2).flatMap { part in (0..<count).map { Key("a.\($0).\(part)") } }
    let scattered = ParameterTree(
      keys.map { TensorInfo(key: $0, dtype: .float32, shape: [1]) })
    #expect(scattered.node(at: "a")?.childIndices == Array(0..<count))
    for (place, key) in keys.enumerated() { #expect(scattered.index(of: key) == place) }
    #expect(scattered.index(of: Key("a.\(count).0")) == nil)
    #expect(scattered.node(at: "a.0")?.tensors.map(\.key) == ["a.0.0", "a.0.1"])
  }

  @Test func `keys that Unicode calls equivalent stay apart`() {
    let both = tree("caf\u{E9}.w", "cafe\u{301}.w")
    #expect(both.root.children.count == 2)
  }

  @Test func `natural order counts`() {
    let keys: [Key] = ["l.10.w", "l.2.w", "l.2", "l.02.w", "a-b", "a.x", "l1", "l.2.w2", "l.2.w10"]
    #expect(
      keys.sorted { $0.naturallyPrecedes($1) }
        == ["a.x", "a-b", "l.2", "l.02.w", "l.2.w", "l.2.w2", "l.2.w10", "l.10.w", "l1"])
  }

  @Test func `a key of a million dots is neither deep nor slow`() {
    let deep = tree(String(repeating: ".", count: 1_000_000), "a")
    #expect(deep.root.tensorCount == 2)
    #expect(deep.root.children.count == 2)
  }

  @Test func `ties are names of overlapping bytes`() throws {
    let whole = try #require(Tensor([1, 2, 3, 4], shape: [2, 2]))
    let part = try #require(whole.rows(1..<2))
    let other = try #require(whole.rows(0..<1))
    let lone = try #require(Tensor([1], shape: [1]))
    let checkpoint = Checkpoint(tensors: ["a": whole, "b": lone, "c": part, "d": whole])
    #expect(ParameterTree(checkpoint).ties == [["a", "c", "d"]])
    #expect(ParameterTree(Checkpoint(tensors: ["x": part, "y": other])).ties == [])
  }

  @Test func `ninety thousand keys are no trouble`() throws {
    var infos: [TensorInfo] = []
    for layer in 0..<61 {
      for expert in 0..<256 {
        for name in ["gate_proj", "up_proj", "down_proj"] {
          for part in ["weight", "weight_scale_inv"] {
            infos.append(
              TensorInfo(
                key: Key("model.layers.\(layer).mlp.experts.\(expert).\(name).\(part)"),
                dtype: .bfloat16, shape: [128, 128]))
          }
        }
      }
    }
    let clock = ContinuousClock()
    let start = clock.now
    let tree = ParameterTree(infos)
    let built = clock.now
    #expect(try tree.select("model.layers[-2:].mlp.experts[::2].*_proj.weight").count == 768)
    let sliced = clock.now
    #expect(try tree.select("**.experts.0.**.weight").count == 183)
    let globbed = clock.now
    #expect(try tree.select("/.*\\.7\\.up_proj\\.weight/").count == 61)
    let matched = clock.now
    #expect(throws: SurgeryError.self) { try tree.select("model.layer[3]") }
    print(
      "91,000 keys: build \(built - start), slice \(sliced - built), glob \(globbed - sliced), "
        + "regex \(matched - globbed), suggest \(clock.now - matched)")
  }
}
