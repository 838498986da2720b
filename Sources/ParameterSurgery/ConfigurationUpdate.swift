public import CheckpointFiles
internal import OrderedCollections

/// What a model's `config.json` must say differently after its checkpoint was edited: the number of
/// layers, the rows of embeddings, the dtype.
///
/// A member changes only when it agreed with the checkpoint before and the checkpoint is otherwise now;
/// what the file said of something else, or wrongly, stays.
public struct ConfigurationUpdate: Sendable {
  /// A member that changes.
  public struct Change: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// The value before; `nil` when it is new.
    public let before: JSONValue?
    /// The value after; `nil` when it goes.
    public let after: JSONValue?
  }

  /// The members that change, in the order of the file.
  public let changes: [Change]
  /// The configuration for the edited checkpoint.
  public let configuration: JSONValue

  /// The update of `configuration`, which belongs to `base`, for `result`.
  public init(_ configuration: JSONValue, from base: Checkpoint, to result: Checkpoint) {
    guard var members = configuration.object else {
      (self.configuration, changes) = (configuration, [])
      return
    }
    let (before, after) = (Measure(base), Measure(result))
    if before.isBERT, after.isDistilBERT, members["model_type"]?.string == "bert" {
      members = ConfigurationUpdate.distilbert(members)
      if let layers = after.layers { members["n_layers"] = .integer(layers) }
    }
    for name in ["num_hidden_layers", "num_layers", "n_layers", "n_layer"] {
      ConfigurationUpdate.set(name, before.layers, after.layers, in: &members)
    }
    for name in ["vocab_size", "max_position_embeddings", "n_positions", "type_vocab_size"] {
      ConfigurationUpdate.set(name, before.rows[name], after.rows[name], in: &members)
    }
    for name in ["dtype", "torch_dtype"] {
      if let old = before.dtype, let new = after.dtype, old != new,
        members[Key(name)]?.string == old
      {
        members[Key(name)] = .string(new)
      }
    }
    self.configuration = .object(members)
    let names = OrderedSet(configuration.object?.keys ?? []).union(members.keys)
    changes = names.compactMap { name in
      let (old, new) = (configuration[name.string], members[name])
      return old == new ? nil : Change(name: name.string, before: old, after: new)
    }
  }

  private static func set(
    _ name: String, _ before: Int?, _ after: Int?,
    in members: inout OrderedDictionary<Key, JSONValue>
  ) {
    guard let before, let after, before != after, members[Key(name)]?.integer == before else {
      return
    }
    members[Key(name)] = .integer(after)
  }

  /// A BERT's configuration under DistilBERT's names.
  private static func distilbert(
    _ bert: OrderedDictionary<Key, JSONValue>
  ) -> OrderedDictionary<Key, JSONValue> {
    let names = [
      ("activation", "hidden_act"), ("attention_dropout", "attention_probs_dropout_prob"),
      ("dim", "hidden_size"), ("dropout", "hidden_dropout_prob"), ("dtype", "dtype"),
      ("hidden_dim", "intermediate_size"), ("initializer_range", "initializer_range"),
      ("max_position_embeddings", "max_position_embeddings"),
      ("n_heads", "num_attention_heads"), ("n_layers", "num_hidden_layers"),
      ("pad_token_id", "pad_token_id"), ("torch_dtype", "torch_dtype"),
      ("vocab_size", "vocab_size"),
    ]
    var result: OrderedDictionary<Key, JSONValue> = [
      "architectures": ["DistilBertModel"], "model_type": "distilbert",
      "sinusoidal_pos_embds": false,
    ]
    for (new, old) in names {
      if let value = bert[Key(old)] { result[Key(new)] = value }
    }
    return result
  }
}

/// What a checkpoint says of its configuration.
private struct Measure {
  /// The most layers under one node called so.
  private(set) var layers: Int?
  /// Rows of embeddings, under the names that configurations use.
  private(set) var rows: [String: Int] = [:]
  /// The one dtype of all floating-point tensors, as torch calls it.
  private(set) var dtype: String?
  private(set) var isBERT = false
  private(set) var isDistilBERT = false

  private static let stacks: Set<Substring> = ["layer", "layers", "h", "block", "blocks"]
  private static let embeddings: [(ending: String, name: String)] = [
    ("word_embeddings.weight", "vocab_size"), ("embed_tokens.weight", "vocab_size"),
    ("wte.weight", "vocab_size"), ("shared.weight", "vocab_size"),
    ("position_embeddings.weight", "max_position_embeddings"), ("wpe.weight", "n_positions"),
    ("token_type_embeddings.weight", "type_vocab_size"),
  ]

  init(_ checkpoint: Checkpoint) {
    var indices: [Key: Set<Int>] = [:]
    var dtypes: Set<DType> = []
    for (key, tensor) in checkpoint.tensors {
      let parts = key.components
      if let place = parts.firstIndex(where: { Key(String($0)).indexValue != nil }), place > 0,
        Measure.stacks.contains(parts[place - 1]), let index = Key(String(parts[place])).indexValue
      {
        indices[Key(parts[..<place].joined(separator: ".")), default: []].insert(index)
        isBERT = isBERT || parts[..<place].joined(separator: ".").hasSuffix("encoder.layer")
        isDistilBERT = isDistilBERT || parts.starts(with: ["distilbert", "transformer", "layer"])
      }
      if let (_, name) = Measure.embeddings.first(where: { key.string.hasSuffix($0.ending) }),
        tensor.shape.rank == 2
      {
        rows[name] = tensor.shape[0]
      }
      if tensor.dtype.isFloatingPoint { dtypes.insert(tensor.dtype) }
    }
    layers = indices.values.map(\.count).max()
    dtype = dtypes.count == 1 ? dtypes.first?.torchName : nil
  }
}

extension DType {
  /// What configurations call it.
  fileprivate var torchName: String? {
    switch self {
    case .float64: "float64"
    case .float32: "float32"
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .float8E4M3: "float8_e4m3fn"
    case .float8E5M2: "float8_e5m2"
    default: nil
    }
  }
}
