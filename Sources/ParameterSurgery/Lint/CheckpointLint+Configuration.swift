internal import CheckpointFiles
internal import OrderedCollections

// What contradicts `config.json`.
extension CheckpointLint {
  /// Members that count something.
  private static let counts = [
    "hidden_size", "dim", "intermediate_size", "hidden_dim", "num_hidden_layers", "n_layers",
    "num_attention_heads", "n_heads", "vocab_size", "max_position_embeddings", "type_vocab_size",
    "num_labels",
  ]

  /// Tensors whose rows a member counts.
  private static let rows: [(ending: String, names: [String])] = [
    ("word_embeddings.weight", ["vocab_size"]), ("embed_tokens.weight", ["vocab_size"]),
    ("position_embeddings.weight", ["max_position_embeddings"]),
    ("token_type_embeddings.weight", ["type_vocab_size"]),
    (".intermediate.dense.weight", ["intermediate_size"]), (".ffn.lin1.weight", ["hidden_dim"]),
    (".mlp.up_proj.weight", ["intermediate_size"]),
  ]

  /// The last layers of classifiers, which have a row for each label.
  private static let heads: Set<Key> = [
    "classifier.weight", "classifier.out_proj.weight", "score.weight", "linear.weight",
    "linear.2.weight",
  ]

  mutating func checkConfiguration(_ checkpoint: Checkpoint) {
    let config = place("config.json")
    guard WholeFile.exists(config) else { return }
    guard let bytes = try? WholeFile.read(config), let json = try? JSONParser.parse(bytes),
      json.object != nil
    else { return add(.configuration, nil, "config.json is not a JSON object") }
    checkCounts(json)
    let layers = ["num_hidden_layers", "n_layers"].lazy.compactMap { json[$0]?.integer }.first
    if let layers, let found = ConfigurationMeasure(checkpoint).layers, found != layers {
      add(.configuration, nil, "config.json has \(layers) layers, the checkpoint \(found)")
    }
    checkRows(checkpoint, json)
    checkLabels(checkpoint, json)
  }

  /// Some models have a list, one for each layer; nobody counts with words, or below zero.
  private mutating func checkCounts(_ json: JSONValue) {
    for name in CheckpointLint.counts {
      guard let value = json[name], value != .null, value.array == nil else { continue }
      if let count = value.integer, count > 0 || count == 0 && name == "type_vocab_size" {
        continue
      }
      add(.configuration, nil, "config.json has \(value.text()) for \(name), which is no count")
    }
  }

  private mutating func checkRows(_ checkpoint: Checkpoint, _ json: JSONValue) {
    // Of layers that are all so the first speaks for the others.
    var told: Set<String> = []
    for (key, tensor) in checkpoint.tensors where tensor.shape.rank == 2 {
      guard
        let (ending, names) = CheckpointLint.rows.first(where: { key.string.hasSuffix($0.ending) })
      else { continue }
      let extents = tensor.shape.dimensions
      for name in names {
        guard let rows = json[name]?.integer, rows > 0, rows != extents[0] else { continue }
        if told.insert(name).inserted || !ending.hasPrefix(".") {
          add(.configuration, key, "has \(extents[0]) rows, config.json \(rows) for \(name)")
        }
      }
      if ending.contains("embed"), json["embedding_size"] == nil,
        let width = json["hidden_size"]?.integer, width > 0, width != extents[1]
      {
        add(.configuration, key, "is \(extents[1]) wide, config.json has a hidden_size of \(width)")
      }
    }
  }

  private mutating func checkLabels(_ checkpoint: Checkpoint, _ json: JSONValue) {
    let names = json["id2label"]?.object?.count
    let count = json["num_labels"]?.integer
    if let names, let count, names != count {
      add(
        .configuration, nil,
        "config.json has a num_labels of \(count), and \(names) labels in id2label")
    }
    // A choice of several is one number for each, whatever the labels are.
    let kinds = json["architectures"]?.array?.compactMap(\.string) ?? []
    guard let labels = names ?? count, !kinds.contains(where: { $0.contains("MultipleChoice") })
    else { return }
    for (key, tensor) in checkpoint.tensors
    where CheckpointLint.heads.contains(key) && tensor.shape.rank == 2 {
      let rows = tensor.shape.dimensions[0]
      if rows != labels {
        add(.configuration, key, "has \(rows) rows, config.json \(labels) labels")
      }
    }
  }
}
