import CheckpointFiles
import OrderedCollections
import ParameterSurgery
import Testing

@Suite struct MergeTests {
  private func merged(
    _ merge: Merge, _ values: [[Float]], base: [Float]? = nil
  ) throws -> [Float] {
    let result = try values.map { try checkpoint(["w": $0]) }
      .merging(merge, base: try base.map { try checkpoint(["w": $0]) })
    return try #require(try result["w"]?.floats())
  }

  @Test func `averages are weighted`() throws {
    #expect(try merged(Merge(.linear), [[1, 2], [3, 6]]) == [2, 4])
    #expect(try merged(Merge(.linear, weights: [3, 1]), [[0, 4], [4, 0]]) == [1, 3])
    #expect(try merged(Merge(.ema, decay: 0.5), [[8, 0], [4, 0], [2, 1]]) == [4, 0.5])
  }

  @Test func `SLERP keeps the length between two of one length`() throws {
    let half = try merged(Merge(.slerp), [[1, 0], [0, 1]])
    #expect(half.allSatisfy { abs($0 - Float(0.5).squareRoot()) < 1e-6 })
    #expect(try merged(Merge(.slerp, t: 0), [[1, 0], [0, 1]]) == [1, 0])
    // sin(60°·⅓)/sin 60° and so on, from the definition.
    let third = try merged(Merge(.slerp, t: 1 / 3.0), [[1, 0], [0.5, 0.8660254]])
    #expect(abs(third[0] - 0.9396926) < 1e-6 && abs(third[1] - 0.3420201) < 1e-6)
    #expect(try merged(Merge(.slerp), [[1, 1], [3, 3]]) == [2, 2])
    #expect(try merged(Merge(.slerp), [[0, 0], [3, 3]]) == [1.5, 1.5])
  }

  @Test func `task vectors are added to the base`() throws {
    #expect(
      try merged(Merge(.task, weights: [1, 2], lambda: 0.5), [[2, 1], [1, 3]], base: [1, 1])
        == [1.5, 3])
  }

  @Test func `TIES trims, elects and averages those that agree`() throws {
    // δ: [4, -1, 3, 0.1] and [2, 5, -6, 0.2]; half of each stays: [4, 0, 3, 0] and [0, 5, -6, 0].
    let result = try merged(
      Merge(.ties), [[5, 0, 4, 1.1], [3, 6, -5, 1.2]], base: [1, 1, 1, 1])
    #expect(result == [5, 6, -5, 1])
    // Everything stays: [4, -1, 3, …] against [2, 5, -6, …].
    let all = try merged(
      Merge(.ties, density: 1), [[5, 0, 4, 1], [3, 6, -5, 3]], base: [1, 1, 1, 1])
    #expect(all == [4, 6, -5, 3])
  }

  @Test func `DARE keeps a share, scaled up, the same for a seed`() throws {
    let (base, tuned) = ([Float](repeating: 1, count: 20_000), [Float](repeating: 2, count: 20_000))
    let once = try merged(Merge(.dare, density: 0.25, seed: 3), [tuned], base: base)
    #expect(Set(once) == [1, 5])
    let share = Double(once.count { $0 == 5 }) / 20_000
    #expect(abs(share - 0.25) < 0.02)
    #expect(try once == merged(Merge(.dare, density: 0.25, seed: 3), [tuned], base: base))
    #expect(try once != merged(Merge(.dare, density: 0.25, seed: 4), [tuned], base: base))
  }

  @Test func `ties, integers and dtypes of the first stay`() throws {
    var a = try checkpoint(["w": [1, 2], "n": [1]])
    a.tensors["v"] = a.tensors["w"]
    a.tensors["n"] = Tensor(dtype: .int64, shape: [1], bytes: [7, 0, 0, 0, 0, 0, 0, 0])
    var b = a
    b.tensors["w"] = try Tensor([3, 4], shape: [2])?.converted(to: .bfloat16)
    b.tensors["v"] = b.tensors["w"]
    let result = try [a, b].merging(Merge(.linear))
    #expect(result["w"]?.dtype == .float32)
    #expect(try result["w"]?.floats() == [2, 3])
    #expect(ParameterTree(result).ties == [["w", "v"]])
    #expect(try result["n"]?.bytes()[0] == 7)
  }

  @Test func `what does not fit says why`() throws {
    let a = try checkpoint(["w": [1]])
    let other = try checkpoint(["v": [1]])
    let wide = try checkpoint(["w": [1, 2]])
    for (merge, list, base, expected) in [
      (
        Merge(.linear), [a, other], nil as Checkpoint?,
        "merge: x has \"w\", x does not"
      ),
      (Merge(.linear), [a, wide], nil, "merge: \"w\" has the shape [1] in x, [2] in x"),
      (Merge(.ties), [a, a], nil, "merge: ties needs a base"),
      (Merge(.linear), [a, a], a, "merge: linear does not use a base"),
      (Merge(.slerp), [a, a, a], nil, "merge: slerp merges two checkpoints, not 3"),
      (Merge(.linear, weights: [1]), [a, a], nil, "merge: 1 weights for 2 checkpoints"),
      (Merge(.linear, weights: [1, -1]), [a, a], nil, "merge: the sum of the weights is 0"),
      (Merge(.dare, density: 0), [a], a, "merge: the density must be above 0 and at most 1"),
    ] {
      #expect(message { _ = try list.merging(merge, base: base) } == expected)
    }
  }

  @Test func `an adapter is merged as PEFT does`() throws {
    let folder = try TemporaryAdapter(
      config: #"{"peft_type": "LORA", "lora_alpha": 4, "r": 2, "fan_in_fan_out": false}"#,
      a: ([1, 0, 0, 1], [2, 2]), b: ([1, 2, 3, 4, 5, 6], [3, 2]))
    var plan = SurgeryPlan(for: smallCheckpoint())
    try plan.append(SurgeryOperation(.mergeLora, [folder.path]))
    // W + 4/2 · B·A, A being the identity.
    #expect(try plan.apply()["layer.0.weight"]?.floats() == [2, 5, 8, 11, 14, 17])
  }

  /// Each with the α of `layer.0`; 4 is what others have.
  @Test(
    arguments: [
      (#"{"layer.0": 8}"#, 8), (#"{"0": 8}"#, 8), (#"{".*\\.1|layer\\.[0-3]": 8}"#, 8),
      (#"{"layer": 8, "0|1": 6}"#, 6), (#"{"ayer.0": 8}"#, 4), (#"{"(.*.*)*x": 8}"#, 4),
    ] as [(String, Float)])
  func `an adapter has an alpha for what its patterns match`(
    _ patterns: String, _ alpha: Float
  ) throws {
    let folder = try TemporaryAdapter(
      config: #"{"peft_type": "LORA", "lora_alpha": 4, "alpha_pattern": \#(patterns)}"#,
      a: ([1, 0, 0, 0], [2, 2]), b: ([1, 0, 2, 0, 3, 0], [3, 2]))
    var plan = SurgeryPlan(for: smallCheckpoint())
    try plan.append(SurgeryOperation(.mergeLora, [folder.path]))
    let scale = alpha / 2
    let expected: [Float] = [scale, 1, 2 + 2 * scale, 3, 4 + 3 * scale, 5]
    #expect(try plan.apply()["layer.0.weight"]?.floats() == expected)
  }

  @Test(
    arguments: [
      (#""r": 2"#, nil), (#""r": 8, "rank_pattern": {"layer.0": 2}"#, nil), (#""r": 3"#, "3"),
      (#""r": 0"#, "0"), (#""r": -1"#, "-1"),
      (#""r": 2, "rank_pattern": {"layer": 9, "0": 4}"#, "4"),
    ] as [(String, String?)])
  func `an adapter's configuration knows the rank of its factors`(
    _ members: String, _ stated: String?
  ) throws {
    let folder = try TemporaryAdapter(
      config: #"{"peft_type": "LORA", "lora_alpha": 4, \#(members)}"#,
      a: ([1, 0, 0, 1], [2, 2]), b: ([1, 2, 3, 4, 5, 6], [3, 2]))
    var plan = SurgeryPlan(for: smallCheckpoint())
    #expect(
      message { try plan.append(SurgeryOperation(.mergeLora, [folder.path])) }
        == (stated.map {
          "\(folder.path)/adapter_config.json: `r` is \($0), the factors of \"layer.0\" have the rank 2"
        } ?? ""))
  }

  @Test(arguments: ["(?!a)b", #"(a)\\1"#, "("])
  func `an adapter's pattern that needs backtracking is refused`(_ pattern: String) throws {
    let folder = try TemporaryAdapter(
      config: #"{"peft_type": "LORA", "lora_alpha": 4, "alpha_pattern": {"\#(pattern)": 8}}"#,
      a: ([1, 0, 0, 0], [2, 2]), b: ([1, 0, 2, 0, 3, 0], [3, 2]))
    var plan = SurgeryPlan(for: smallCheckpoint())
    let message = message { try plan.append(SurgeryOperation(.mergeLora, [folder.path])) }
    #expect(message.hasPrefix("\(folder.path)/adapter_config.json: `alpha_pattern` "))
  }
}
