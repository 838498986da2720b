import CheckpointFiles
import EspalierTestSupport
import Testing

@testable import FineTuning

/// What PyTorch computed, from the committed fixtures.
struct Reference {
  let tensors: Checkpoint

  init(_ name: String) throws {
    tensors = try Checkpoint.open(Fixtures.path("bert-reference/\(name).safetensors"))
  }

  init(path: String) throws { tensors = try Checkpoint.open(path) }

  func floats(_ key: String) throws -> [Float] {
    try #require(tensors[Key(key)], "\(key) is in the fixture").floats()
  }

  func integers(_ key: String) throws -> [Int] {
    try #require(tensors[Key(key)], "\(key) is in the fixture").withBytes { bytes in
      (0..<bytes.byteCount / 8).map {
        Int(unsafe bytes.unsafeLoadUnaligned(fromByteOffset: $0 * 8, as: Int64.self))
      }
    }
  }

  /// The examples under a prefix such as `batch.3.`, without their padding, and their labels.
  func examples(_ prefix: String = "") throws -> (
    examples: [(ids: [Int32], types: [Int32])], labels: [Int], length: Int
  ) {
    let labels = try integers(prefix + "labels")
    let ids = try integers(prefix + "input_ids")
    let types = try integers(prefix + "token_type_ids")
    let mask = try integers(prefix + "attention_mask")
    let length = ids.count / labels.count
    let examples = labels.indices.map { row in
      let tokens = (row * length..<(row + 1) * length).filter { mask[$0] == 1 }
      return (ids: tokens.map { Int32(ids[$0]) }, types: tokens.map { Int32(types[$0]) })
    }
    return (examples, labels, length)
  }
}

/// The tiny classifier of the fixtures.
enum TinyClassifier {
  static func configuration() throws -> BERTConfiguration {
    let path = Fixtures.path("bert-tiny/config.json")
    return try BERTConfiguration(try JSONParser.parse(try Fixtures.bytes(path)), path: path)
  }

  static func checkpoint() throws -> Checkpoint {
    try Checkpoint.open(Fixtures.path("bert-reference/classifier.safetensors"))
  }

  /// A classifier of which `trainable` says what trains, by name.
  static func make(
    pooling: Pooling = .mean, head: Head = .mlp(width: 16), checkpoint: Checkpoint? = nil,
    trainable: (String) -> TrainableRows = { _ in .all }
  ) throws -> Classifier {
    try Classifier(
      checkpoint: try checkpoint ?? TinyClassifier.checkpoint(), configuration: configuration(),
      head: head, labels: 3, pooling: pooling, math: Kernels(threads: 2)
    ) { trainable($0.string) }
  }

  /// Forward and backward over the reference batch.
  static func run(
    _ model: Classifier, _ inputs: Reference, loss: CrossEntropy = CrossEntropy()
  ) throws -> (logits: Matrix, loss: Double, dLogits: Matrix) {
    let (examples, labels, length) = try inputs.examples()
    let batch = PackedBatch(
      examples, padding: model.pooling == .meanAll ? (length: length, token: 0) : nil)
    let (logits, tape) = model.forward(
      batch, features: model.prefix(batch), recording: true, dropout: nil)
    let dLogits = Matrix(rows: logits.rows, columns: logits.columns)
    let value = loss.forward(
      dLogits: dLogits, logits: logits, labels: labels,
      divisor: labels.reduce(0) { $0 + loss.weight(of: $1) })
    model.backward(dLogits: dLogits, tape: tape)
    return (logits, value, dLogits)
  }
}

/// The largest difference over the largest magnitude of the reference.
func relativeError(_ values: [Float], _ reference: [Float], floor: Float = 1e-6) -> Float {
  guard values.count == reference.count else { return .infinity }
  let scale = max(reference.reduce(0) { max($0, abs($1)) }, floor)
  return zip(values, reference).reduce(0) { max($0, abs($1.0 - $1.1)) } / scale
}
