internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// What a run was started from: the model's values, the fields of `config.json` that enter the
/// computation, the tokenizer's files and the labels. A run that is resumed must find the same.
struct RunOrigin {
  private typealias Fields = OrderedDictionary<Key, JSONValue>

  /// The SHA-256 of each tensor's elements, by the trained model's names.
  private let tensors: Fields
  /// Fields of the configuration, by the names that `config.json` of BERT has for them.
  private let configuration: Fields
  /// The SHA-256 of each file of the tokenizer, by its name.
  private let tokenizer: Fields
  private let labels: [String]

  /// - Parameters:
  ///   - model: the model as it is in memory.
  ///   - base: the checkpoint that the run starts from, without what trained since.
  ///   - tokenizer: the tokenizer of the model.
  ///   - labels: the names of the labels, in the order of the logits.
  ///   - digests: digests of tensors that were read before.
  /// - Throws: when the weights or the tokenizer's files cannot be read.
  init(
    of model: Classifier, from base: Checkpoint, tokenizer: any Tokenizer, labels: [String],
    digests: TensorDigests
  ) throws {
    var tensors: Fields = [:]
    for parameter in model.parameters.parameters {
      let tensor = base[parameter.key] ?? parameter.tensor
      tensors[Key(parameter.name)] = .string(try digests.digest(of: tensor))
    }
    self.tensors = tensors
    configuration = RunOrigin.fields(of: model.configuration)
    var files: Fields = [:]
    for (name, digest) in try tokenizer.files.digests() { files[Key(name)] = .string(digest) }
    self.tokenizer = files
    self.labels = labels
  }

  /// As the state of a run holds it.
  var json: JSONValue {
    .members([
      "tensors": .object(tensors), "configuration": .object(configuration),
      "tokenizer": .object(tokenizer), "labels": .array(labels.map { .string($0) }),
    ])
  }

  /// Demands that a stored run was started from this. Returns what to say when the run does not tell.
  ///
  /// - Throws: `FineTuningError` that says what has changed.
  func check(against stored: StoredRun, model: String) throws(FineTuningError) -> String? {
    guard let before = stored.origin else {
      return
        "\(stored.folder): the run was stored without a record of its model: whether \(model) is still "
        + "what it was started from is not checked"
    }
    if let difference = difference(from: before) {
      throw .otherOrigin(stored.folder, model: model, difference)
    }
    return nil
  }

  /// How a model differs from the one that a run was started from.
  enum Difference: Sendable, Hashable {
    /// The values of a tensor, and of some more.
    case values(Key, others: Int)
    case configurationNotRecorded
    /// A field of `config.json`.
    case configuration(Key, before: JSONValue, now: JSONValue)
    /// A file of the tokenizer that was not there.
    case newFile(Key)
    case missingFile(Key)
    case changedFile(Key)
    case labels(before: [String], now: [String])
  }

  /// What `stored` has otherwise; `nil` when a run may continue. Members that only one of both has
  /// belong to another version of the program, but every tensor and every file must be in both.
  func difference(from stored: JSONValue) -> Difference? {
    let values = stored["tensors"]?.object ?? [:]
    let changed = tensors.filter { !RunOrigin.same(values[$0.key], $0.value) }
    if let first = changed.keys.first { return .values(first, others: changed.count - 1) }
    guard let fields = stored["configuration"]?.object else { return .configurationNotRecorded }
    for (name, value) in configuration {
      guard let before = fields[name], !RunOrigin.same(before, value) else { continue }
      return .configuration(name, before: before, now: value)
    }
    let files = stored["tokenizer"]?.object ?? [:]
    for name in OrderedSet(files.keys).union(tokenizer.keys)
    where !RunOrigin.same(files[name], tokenizer[name]) {
      if files[name] == nil { return .newFile(name) }
      return tokenizer[name] == nil ? .missingFile(name) : .changedFile(name)
    }
    let names =
      stored["labels"].map { $0.array?.compactMap(\.string) ?? [] } ?? labels
    return names.isSame(as: labels) ? nil : .labels(before: names, now: labels)
  }

  /// Whether two values have the same text, byte for byte.
  private static func same(_ a: JSONValue?, _ b: JSONValue?) -> Bool {
    switch (a, b) {
    case (let a?, let b?): a.isSame(as: b)
    case (nil, nil): true
    default: false
    }
  }

  /// Every stored property of the configuration, so that none can be forgotten.
  private static func fields(of configuration: BERTConfiguration) -> Fields {
    var fields: Fields = [:]
    for child in Mirror(reflecting: configuration).children {
      guard let label = child.label else { continue }
      let text: String
      switch child.value {
      case let family as ModelFamily: text = family.modelType
      case let value as Float?: text = value.map { "\($0)" } ?? "absent"
      case let value as Int?: text = value.map { "\($0)" } ?? "absent"
      default: text = "\(child.value)"
      }
      fields[Key(names[label] ?? label)] = .string(text)
    }
    return fields
  }

  /// What `config.json` calls the fields.
  private static let names = [
    "family": "model_type", "embeddingSize": "embedding_size",
    "positionRows": "max_position_embeddings", "vocabularySize": "vocab_size",
    "hiddenSize": "hidden_size", "layerCount": "num_hidden_layers",
    "headCount": "num_attention_heads", "intermediateSize": "intermediate_size",
    "typeVocabularySize": "type_vocab_size", "layerNormEpsilon": "layer_norm_eps",
    "hiddenDropout": "hidden_dropout_prob", "attentionDropout": "attention_probs_dropout_prob",
    "classifierDropout": "classifier_dropout", "paddingToken": "pad_token_id",
  ]
}

/// The SHA-256 of tensors, each read once however many parts of a run ask for it.
final class TensorDigests {
  /// The tensors are kept, for their views are compared by the storages' identities.
  private var known: [TensorView: (tensor: Tensor, digest: String)] = [:]

  /// The digest of the elements of `tensor`.
  ///
  /// - Throws: when the elements cannot be read.
  func digest(of tensor: Tensor) throws -> String {
    let view = TensorView(tensor)
    if let found = known[view] { return found.digest }
    let digest = try TensorDigest.hexadecimal(of: tensor)
    known[view] = (tensor, digest)
    return digest
  }
}
