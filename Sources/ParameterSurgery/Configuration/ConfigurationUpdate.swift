public import CheckpointFiles
internal import OrderedCollections

/// The changes that a model's `config.json` needs after its checkpoint was edited: to its layers, to the rows of
/// its embeddings, and to the dtype.
///
/// A member changes only when it agreed with the checkpoint before and the checkpoint is different now; a member
/// that described something else, or was wrong, is kept. What cannot be updated becomes a note.
///
///     let update = ConfigurationUpdate(configuration, from: base, to: result)
///     for change in update.changes { print(change.name, change.after as Any) }
public struct ConfigurationUpdate: Sendable {
  /// A member that changes.
  public struct Change: Sendable, Hashable {
    /// Its name, with dots between the names of nested objects.
    public let name: String
    /// The value before; `nil` when it is new.
    public let before: JSONValue?
    /// The value after; `nil` when it is removed.
    public let after: JSONValue?
  }

  /// The members that change, in the order of the file.
  public let changes: [Change]
  /// The configuration for the edited checkpoint.
  public let configuration: JSONValue
  /// What the configuration does not state about the edited checkpoint, or states wrongly.
  public let notes: [String]

  /// The update of `configuration`, which belongs to `base`, for `result`.
  ///
  /// - Parameters:
  ///   - configuration: the `config.json` of `base`.
  ///   - base: the checkpoint before the edit.
  ///   - result: the checkpoint after the edit.
  ///   - origins: the key in `base` that a tensor of `result` comes from; without, the same key.
  ///   - tokenIDs: the new id of each former token that is left, when tokens have new ids.
  public init(
    _ configuration: JSONValue, from base: Checkpoint, to result: Checkpoint,
    origins: [Key: Key]? = nil, tokenIDs: [Int: Int]? = nil
  ) {
    guard let members = configuration.object else {
      (self.configuration, changes, notes) = (configuration, [], [])
      return
    }
    let known =
      origins
      ?? Dictionary(
        uniqueKeysWithValues: result.tensors.keys.filter { base[$0] != nil }.map { ($0, $0) })
    var draft = ConfigurationDraft(configuration)
    if members["model_type"] == "bert", ConfigurationUpdate.isDistilBERT(result),
      !ConfigurationUpdate.isDistilBERT(base)
    {
      draft = ConfigurationDraft(.object(ConfigurationUpdate.distilbert(members)))
    }
    draft.followLayers(from: base, to: result, origins: known)
    draft.followStages(from: base, to: result)
    draft.renumbersTokens = tokenIDs != nil
    draft.followRows(from: base, to: result, origins: known)
    if let tokenIDs { draft.followTokens(tokenIDs) }
    draft.followDType(from: base, to: result)
    draft.followHead(from: base, to: result)
    self.configuration = draft.json
    changes = draft.changes(from: configuration)
    notes = draft.notes
  }

  private static func isDistilBERT(_ checkpoint: Checkpoint) -> Bool {
    checkpoint.tensors.keys.contains {
      $0.begins(with: "distilbert.transformer.layer.")
    }
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

extension ConfigurationDraft {
  /// A head with elements of its own is loaded only when it is not tied to the embedding.
  mutating func followHead(from base: Checkpoint, to result: Checkpoint) {
    guard OutputHead.isFreed(from: base, to: result) else { return }
    for (index, section) in sections.enumerated()
    where section.path.isEmpty || section["tie_word_embeddings"] != nil {
      guard section["tie_word_embeddings"] != .bool(false) else { continue }
      set("tie_word_embeddings", in: index, to: false)
    }
  }

  /// The dtype that the configuration names, in all its parts.
  mutating func followDType(from base: Checkpoint, to result: Checkpoint) {
    func name(_ checkpoint: Checkpoint) -> String? {
      let dtypes = Set(checkpoint.tensors.values.lazy.map(\.dtype).filter(\.isFloatingPoint))
      return dtypes.count == 1 ? dtypes.first?.configurationName : nil
    }
    guard let old = name(base), let new = name(result), old != new else { return }
    for section in sections.indices {
      for member in ["dtype", "torch_dtype"] where sections[section][member]?.string == old {
        set(member, in: section, to: .string(new))
      }
    }
  }
}

extension DType {
  /// The name that configurations use.
  fileprivate var configurationName: String? {
    switch self {
    case .float64, .float32, .float16, .bfloat16, .float8E4M3, .float8E5M2: torchName
    default: nil
    }
  }
}
