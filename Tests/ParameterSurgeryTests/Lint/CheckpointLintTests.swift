import CheckpointFiles
import EspalierTestSupport
import OrderedCollections
import Testing

@testable import ParameterSurgery

@Suite struct CheckpointLintTests {
  /// The findings of a file with these tensors, and perhaps a `config.json`.
  private func findings(
    _ tensors: OrderedDictionary<Key, Tensor>, config: String? = nil, readingElements: Bool = true
  ) throws -> [LintFinding] {
    let folder = try TemporaryFolder()
    try Checkpoint(tensors: tensors).write(to: folder.path("model.safetensors"))
    if let config { try folder.write("config.json", config) }
    return try CheckpointLint(path: folder.path, readingElements: readingElements).findings
  }

  private func layers(
    _ count: Int, _ change: (Int) -> Tensor? = { tensor([Float($0), 1], [2]) }
  ) -> OrderedDictionary<Key, Tensor> {
    var tensors: OrderedDictionary<Key, Tensor> = [:]
    for index in 0..<count {
      tensors[Key("model.layers.\(index).mlp.weight")] = change(index)
    }
    return tensors
  }

  @Test func `sound layers have no finding`() throws {
    #expect(try findings(layers(4)).isEmpty)
  }

  @Test func `a gap in the numbers of layers is found`() throws {
    let found = try findings(layers(5) { $0 == 3 ? nil : tensor([Float($0), 1], [2]) })
    #expect(found.map(\.rule) == [.missingLayer])
    #expect(found.first?.key == "model.layers.3")
    #expect(found.first?.severity == .error)
  }

  @Test(
    arguments: [
      ("a\nb\nc\n", nil, nil), ("a\nb\nc", nil, nil),
      (
        "a\nb\n", LintFinding.Severity.note,
        "has 3 rows, and vocab.txt has 2 tokens: 1 row has no token"
      ),
      (
        "a\nb\nc\nd\n", .error,
        "has 3 rows, but vocab.txt has 4 tokens: the last of them have no row"
      ),
    ] as [(String, LintFinding.Severity?, String?)])
  func `rows of embeddings are compared with the tokens of the tokenizer`(
    _ lines: String, _ severity: LintFinding.Severity?, _ message: String?
  ) throws {
    let folder = try TemporaryFolder()
    try Checkpoint(tensors: ["bert.embeddings.word_embeddings.weight": filled(1, [3, 2])])
      .write(to: folder.path("model.safetensors"))
    try folder.write("config.json", "{\"model_type\": \"bert\", \"vocab_size\": 3}")
    try folder.write("vocab.txt", lines)
    let found = try CheckpointLint(path: folder.path).findings
    #expect(found.map(\.rule) == (message == nil ? [] : [.vocabulary]))
    #expect(found.first?.severity == severity && found.first?.message == message)
  }

  @Test func `added tokens without a row are a warning`() throws {
    let folder = try TemporaryFolder()
    try Checkpoint(tensors: ["wte.weight": filled(1, [3, 2])])
      .write(to: folder.path("model.safetensors"))
    try folder.write(
      "tokenizer.json",
      "{\"model\": {\"vocab\": {\"a\": 0, \"b\": 2}}, \"added_tokens\": [{\"id\": 3, \"content\": \"c\"}]}"
    )
    let found = try CheckpointLint(path: folder.path).findings
    #expect(found.map(\.severity) == [.warning])
    #expect(
      found.first?.message
        == "has 3 rows, but the added tokens of tokenizer.json have ids up to 3: they have no row")
  }

  @Test func `numbers that are not finite are found when elements are read`() throws {
    let tensors = layers(4) { tensor($0 == 1 ? [.nan, .infinity] : [Float($0), 1], [2]) }
    #expect(try findings(tensors).map(\.rule) == [.notANumber, .infinite])
    #expect(try findings(tensors, readingElements: false).isEmpty)
  }

  @Test func `layers with the same bytes are found`() throws {
    let found = try findings(layers(4) { tensor([Float($0 % 3), 1], [2]) })
    #expect(found.map(\.rule) == [.duplicateLayer])
    #expect(found.first?.message == "layer 3 holds the same bytes as layer 0")
  }

  @Test func `another shape than in the other layers is found`() throws {
    let found = try findings(
      layers(4) { $0 == 2 ? tensor([1, 2, 3], [3]) : tensor([Float($0), 1], [2]) })
    #expect(found.map(\.rule) == [.unlikeLayer])
    #expect(found.first?.message == "is F32 [3], but F32 [2] in the other layers")
  }

  @Test(arguments: [
    ("{", "config.json is not a JSON object"), ("[]", "config.json is not a JSON object"),
  ])
  func `a configuration that is not an object is found`(config: String, message: String) throws {
    let found = try findings(layers(4), config: config)
    #expect(found.map(\.message) == [message])
  }

  @Test func `sizes that contradict the configuration are found, by the names of the family`()
    throws
  {
    var bert: OrderedDictionary<Key, Tensor> = [
      "embeddings.word_embeddings.weight": filled(1, [4, 2]),
      "embeddings.position_embeddings.weight": filled(2, [3, 2]),
    ]
    var distil = bert
    bert["encoder.layer.0.intermediate.dense.weight"] = filled(3, [8, 2])
    distil["transformer.layer.0.ffn.lin1.weight"] = filled(3, [8, 2])
    let words = try findings(
      bert, config: #"{"model_type": "bert", "hidden_size": 3, "max_position_embeddings": 5}"#)
    #expect(
      words.map(\.message) == [
        "is 2 wide, config.json has a hidden_size of 3",
        "has 3 rows, config.json 5 for max_position_embeddings",
      ])
    let dense = try findings(bert, config: #"{"model_type": "bert", "intermediate_size": 9}"#)
    #expect(dense.map(\.message) == ["has 8 rows, config.json 9 for intermediate_size"])
    let other = try findings(distil, config: #"{"model_type": "distilbert", "hidden_dim": 9}"#)
    #expect(other.map(\.message) == ["has 8 rows, config.json 9 for hidden_dim"])
  }

  @Test func `labels that do not fit the head are found`() throws {
    let head: OrderedDictionary<Key, Tensor> = ["classifier.weight": filled(1, [3, 2])]
    #expect(
      try findings(head, config: #"{"num_labels": 2}"#).map(\.message)
        == ["has 3 rows, config.json 2 labels"])
    #expect(try findings(head, config: #"{"num_labels": 3}"#).isEmpty)
  }

  @Test func `weights without elements are found`() throws {
    let found = try findings(["a.weight": filled(0, [0]), "a.bias": filled(0, [0])])
    #expect(found.map(\.rule) == [.emptyWeights])
  }

  @Test func `a shard without the others is found`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("model-00001-of-00002.safetensors")
    try Checkpoint(tensors: ["w": tensor([1], [1])]).write(to: path)
    let found = try CheckpointLint(path: path).findings
    #expect(found.map(\.rule) == [.missingShard])
    #expect(found.first?.message == "is one of 2 shards, and one of them is not in its folder")
  }

  @Test(arguments: [
    ("model-00001-of-00002.safetensors", 1, 2), ("a-b-7-of-8.bin", 7, 8),
  ])
  func `the name of a shard has a number and a total`(name: String, number: Int, total: Int) {
    let shard = CheckpointLint.ShardName(name)
    #expect(shard?.number == number)
    #expect(shard?.total == total)
  }

  @Test(arguments: ["model.safetensors", "of-2", "x-3-of-2.bin", "x-1-of-.bin", "-of-"])
  func `other names are no shards`(name: String) {
    #expect(CheckpointLint.ShardName(name) == nil)
  }

  @Test func `a path without a file is an error, not a finding`() {
    let error = #expect(throws: CheckpointError.self) { try CheckpointLint(path: "/nowhere/x") }
    #expect(error?.kind == .notFound)
  }

  @Test func `every rule has a sentence`() {
    for rule in LintFinding.Rule.allCases { #expect(rule.summary.hasSuffix(".")) }
  }
}
