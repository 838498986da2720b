import CheckpointFiles
import EspalierTestSupport
import FineTuning
import OrderedCollections
import ParameterSurgery
import Testing

/// A training state may come from anyone: every member of it is tried with values that no run stores.
@Suite("A training state that is not trusted")
struct HostileStateTests {
  private let folder: TemporaryFolder
  private let state: Checkpoint
  private let description: JSONValue

  /// A run that was stopped in its second epoch.
  init() throws {
    let folder = try TemporaryFolder()
    self.folder = folder
    #expect(throws: Interruption.self) {
      try TinyRun.make().train(into: folder.path("run")) {
        if case .step(2, 2, _, _, _) = $0 { throw Interruption() }
      }
    }
    // The tensors are views of this copy, for the tests replace the file.
    try folder.write(
      "whole.safetensors", bytes: Fixtures.bytes(folder.path("run/training-state.espalier")))
    let whole = try Checkpoint.open(folder.path("whole.safetensors"))
    state = whole
    description = try JSONParser.parse(Array(try #require(whole.metadata["espalier"]).utf8))
  }

  private static let values: [(name: String, value: JSONValue?)] = [
    ("0", 0), ("-1", -1), ("2^31", 2_147_483_648), ("2^63-1", .integer(Int.max)),
    ("2^63", .number("9223372036854775808")), ("1e308", .real(1e308)), ("-1e308", .real(-1e308)),
    ("1e999", .number("1e999")), ("null", .null), ("true", true), ("text", "x"), ("[]", []),
    ("{}", .object([:])), ("long", .string(String(repeating: "e\u{301}", count: 350_000))),
    ("marks", .string("e" + String(repeating: "\u{301}", count: 40_000))), ("missing", nil),
  ]

  /// Members of a state, with the values that a run can store there or that stand for an older version.
  private static let members: [(path: [String], allowed: Set<String>)] = [
    (["format"], []), (["version"], []), (["epoch"], []), (["step"], []), (["batches"], []),
    (["stale_epochs"], ["0"]), (["best_epoch"], []), (["records"], []), (["records", "0"], []),
    (["records", "0", "epoch"], []), (["records", "0", "step"], []),
    (["records", "0", "train_loss"], ["0", "null", "2^31", "2^63-1", "2^63"]),
    (["records", "0", "train_accuracy"], ["0", "null", "missing"]),
    (["records", "0", "eval_loss"], ["0", "null", "2^31", "2^63-1", "2^63"]),
    (["records", "0", "eval_f1"], ["0", "-1", "null", "missing"]),
    (["records", "0", "learning_rate"], ["0", "null", "2^31", "2^63-1", "2^63"]),
    (["records", "0", "seconds"], ["0", "null", "2^31"]),
    (["records", "0", "tokens_per_second"], ["0", "null", "2^31"]),
    (["records", "0", "moved"], ["[]", "missing"]),
    (["records", "0", "moved", "0"], ["missing"]),
    (["records", "0", "moved", "0", "key"], ["text", "long", "marks"]),
    (
      ["records", "0", "moved", "0", "rel_l2"], ["0", "null", "2^31", "2^63-1", "2^63"]
    ),
    (["records", "0", "cached"], ["true"]), (["records", "0", "best"], ["true"]),
    (["settings"], []), (["settings", "layout"], []), (["settings", "options"], []),
    (["settings", "options", "version"], []), (["settings", "options", "epochs"], ["missing"]),
    (["settings", "options", "batch_size"], []), (["settings", "options", "learning_rate"], []),
    (["settings", "options", "selected_rates"], ["[]", "missing"]),
    (["settings", "options", "warmup"], ["missing"]),
    (["settings", "options", "seed"], ["missing"]),
    (["settings", "options", "decay"], ["missing"]),
    (["settings", "options", "beta2"], ["missing"]),
    (["settings", "options", "epsilon"], ["missing"]),
    (["settings", "options", "patience"], ["null", "missing"]),
    (["settings", "options", "maximum_gradient_norm"], ["missing"]),
    (["settings", "options", "cache_memory"], ["missing"]),
    (["settings", "options", "uses_dropout"], ["true", "missing"]),
    (["settings", "options", "unfreezing"], ["[]", "missing"]),
    (["settings", "options", "another"], ["missing"]),
    (["settings", "pooling"], []), (["settings", "max_length"], []), (["settings", "task"], []),
    (["settings", "training data"], []), (["settings", "evaluation data"], []),
    (["origin"], ["missing"]), (["origin", "tensors"], []),
    (["origin", "tensors", "linear.0.weight"], []), (["origin", "configuration"], ["{}"]),
    (["origin", "configuration", "hidden_size"], ["missing"]), (["origin", "tokenizer"], []),
    (["origin", "tokenizer", "vocab.txt"], []), (["origin", "labels"], ["missing"]),
    (["invocation"], ["[]", "missing"]),
    (["invocation", "0"], ["text", "long", "marks", "missing"]),
    (["tensors"], ["{}"]), (["tensors", "linear.0.weight"], ["missing"]),
    (["tensors", "another"], ["missing"]),
    (["tensors", "linear.0.weight", "rows"], []),
    (["tensors", "linear.0.weight", "rows", "0"], []),
    (["tensors", "linear.0.weight", "rows", "0", "0"], ["0"]),
    (["tensors", "linear.0.weight", "rows", "0", "1"], []),
    (["tensors", "linear.0.weight", "steps"], ["0"]), (["former"], ["{}"]),
    (["former", "linear.0.weight"], ["missing"]),
  ]

  /// `json` with the member at `path` replaced, or without it.
  private func replacing(_ json: JSONValue, _ path: ArraySlice<String>, _ value: JSONValue?)
    -> JSONValue
  {
    guard let name = path.first else { return value ?? .null }
    let isLast = path.count == 1
    if var elements = json.array {
      guard let index = Int(name), index < elements.count else {
        return isLast && value != nil ? .array(elements + [value ?? .null]) : json
      }
      if isLast, value == nil {
        elements.remove(at: index)
      } else {
        elements[index] = replacing(elements[index], path.dropFirst(), value)
      }
      return .array(elements)
    }
    var members = json.object ?? [:]
    members[Key(name)] =
      isLast && value == nil
      ? nil : replacing(members[Key(name)] ?? .null, path.dropFirst(), value)
    return .object(members)
  }

  private func store(_ checkpoint: Checkpoint) throws {
    try checkpoint.write(to: folder.path("hostile.safetensors"))
    try folder.write(
      "run/training-state.espalier", bytes: Fixtures.bytes(folder.path("hostile.safetensors")))
  }

  /// The sentence with which a state is refused; `nil` when it is resumed.
  private func refusal() throws -> String? {
    let before = try contents()
    defer { #expect(throws: Never.self) { try #require(try contents() == before) } }
    do {
      let stored = try StoredRun(folder: folder.path("run"))
      _ = try TinyRun.make { $0.resuming = stored }
      return nil
    } catch let error as FineTuningError {
      #expect(error.kind == .storedRun, "\(error)")
      return error.description
    } catch let error as CheckpointError {
      return error.description
    }
  }

  private func contents() throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for name in folder.names("run") { files[name] = try Fixtures.bytes(folder.path("run/\(name)")) }
    return files
  }

  @Test(arguments: members.indices) func `every member is checked against the run`(_ index: Int)
    throws
  {
    let (path, allowed) = HostileStateTests.members[index]
    for (name, value) in HostileStateTests.values {
      var hostile = state
      let json = replacing(description, path[...], value)
      hostile.metadata["espalier"] = json.text()
      try store(hostile)
      let place = "\(path.joined(separator: ".")) = \(name)"
      let sentence = try refusal()
      #expect((sentence == nil) == allowed.contains(name), "\(place): \(sentence ?? "resumed")")
      if let sentence {
        #expect(!sentence.contains("\n") && sentence.utf8.count < 2_000, "\(place): \(sentence)")
      }
    }
  }

  @Test(arguments: [
    ("value.linear.0.weight", Float.nan), ("exp_avg.linear.0.weight", .infinity),
    ("exp_avg_sq.linear.0.bias", -1), ("exp_avg_sq.linear.0.bias", .nan),
    ("value.linear.2.bias", -.infinity),
  ])
  func `a number that no run stores is named with its tensor and its place`(
    _ name: String, _ value: Float
  ) throws {
    var hostile = state
    let tensor = try #require(state[Key(name)])
    var elements = try tensor.floats()
    elements[1] = value
    hostile.tensors[Key(name)] = Tensor(elements, shape: tensor.shape)
    try store(hostile)
    let sentence = try #require(try refusal())
    #expect(sentence.hasSuffix("element 1 of \"\(name)\" is \(value)"), "\(sentence)")
  }

  @Test func `a tensor that is missing, of another dtype or of another shape is named`() throws {
    for name in ["value.linear.0.weight", "exp_avg.linear.0.weight", "exp_avg_sq.linear.2.bias"] {
      let tensor = try #require(state[Key(name)])
      let count = tensor.shape.count
      for other in [
        nil, try tensor.converted(to: .bfloat16),
        Tensor([Float](repeating: 0, count: count + 1), shape: try #require(Shape([count + 1]))),
      ] {
        var hostile = state
        hostile.tensors[Key(name)] = other
        try store(hostile)
        #expect(try refusal()?.contains(String(name.drop { $0 != "." }.dropFirst())) == true)
      }
    }
  }

  @Test func `a state of another file is refused`() throws {
    try folder.write("run/training-state.espalier", "{}")
    #expect(try refusal() != nil)
    try folder.write(
      "run/training-state.espalier",
      bytes: Fixtures.bytes(Fixtures.path("bert-tiny/model.safetensors")))
    #expect(try refusal()?.contains("not a training state") == true)
  }
}
