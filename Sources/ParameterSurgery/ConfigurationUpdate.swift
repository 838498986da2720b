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
    let (before, after) = (ConfigurationMeasure(base), ConfigurationMeasure(result))
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
    // A head with elements of its own is loaded only when it is not tied to the embedding.
    if members["tie_word_embeddings"] != false, OutputHead.isFreed(from: base, to: result) {
      members["tie_word_embeddings"] = false
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
