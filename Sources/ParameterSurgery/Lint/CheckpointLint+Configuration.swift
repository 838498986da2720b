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

  /// The last layers of classifiers, which have a row for each label.
  static let heads: Set<Key> = [
    "classifier.weight", "classifier.out_proj.weight", "score.weight", "linear.weight",
    "linear.2.weight",
  ]

  /// Compares the checkpoint with the `config.json` beside it.
  mutating func checkConfiguration(_ checkpoint: Checkpoint, _ json: JSONValue) {
    let family = ModelFamily(json, checkpoint)
    let sections = ConfigurationSection.all(in: json)
    if family.isUniform { checkCounts(json) }
    checkLayerCounts(checkpoint, sections, family)
    checkVocabulary(checkpoint, sections, family)
    if family.isEncoder { checkEncoder(checkpoint, json, family) }
    if family.isDecoder { checkDecoder(checkpoint, json) }
    checkLabels(checkpoint, json)
  }

  /// The `config.json` beside the checkpoint; `nil` when there is none, or it is a finding.
  mutating func configuration() -> JSONValue? {
    let config = place("config.json")
    guard WholeFile.exists(config) else { return nil }
    guard let bytes = try? WholeFile.read(config, limit: 1 << 24),
      let json = try? JSONParser.parse(bytes, allowsNonFinite: true), json.object != nil
    else {
      add(.configuration, nil, "config.json is not a JSON object")
      return nil
    }
    return json
  }

  /// Some models have a list, one for each layer; no one counts with words, or below zero.
  private mutating func checkCounts(_ json: JSONValue) {
    for name in CheckpointLint.counts {
      guard let value = json[name], value != .null, value.array == nil else { continue }
      if let count = value.integer, count > 0 || count == 0 && name == "type_vocab_size" {
        continue
      }
      add(.configuration, nil, "config.json has \(value.text()) for \(name), which is not a count")
    }
  }

  // MARK: - Rows

  private mutating func checkVocabulary(
    _ checkpoint: Checkpoint, _ sections: [ConfigurationSection], _ family: ModelFamily
  ) {
    for (key, tensor) in checkpoint.tensors
    where tensor.dtype.isFloatingPoint && (1...2).contains(tensor.shape.rank) {
      let isInput = EmbeddingRows.kind(of: key) == .tokens && tensor.shape.rank == 2
      guard isInput || EmbeddingRows.isOutput(key) else { continue }
      for (index, _) in ConfigurationSection.candidates(key.components, in: sections) {
        let section = sections[index]
        let type = section["model_type"]?.string.map { ModelFamily($0) } ?? family
        guard type.hasVocabulary else { continue }
        let names = EmbeddingRows.Kind.tokens.members.filter {
          section.count($0) != nil && EmbeddingRows.fits($0, key.components)
        }
        guard let name = names.first, let count = section.count(name) else { continue }
        let isColumn = EmbeddingRows.perColumn(key)
        let rows = isColumn ? tensor.shape.dimensions.last ?? 0 : tensor.shape.dimensions[0]
        if !names.contains(where: { section.count($0) == rows }) {
          add(
            .configuration, key,
            "has \(rows) \(isColumn ? "columns" : "rows"), config.json \(count) for \(section.name(name))"
          )
        }
        break
      }
    }
  }

  private mutating func checkEncoder(
    _ checkpoint: Checkpoint, _ json: JSONValue, _ family: ModelFamily
  ) {
    // Of layers that are all so the first speaks for the others.
    var reported: Set<String> = []
    for (key, tensor) in checkpoint.tensors
    where tensor.shape.rank == 2 && tensor.dtype.isFloatingPoint {
      let extents = tensor.shape.dimensions
      func compare(_ name: String, _ offset: Int, _ lint: inout CheckpointLint) {
        guard let count = json[name]?.integer, count > 0,
          count.addingSaturated(offset) != extents[0]
        else { return }
        guard reported.insert(name).inserted || NumberedLayers.split(key) == nil else { return }
        lint.add(.configuration, key, "has \(extents[0]) rows, config.json \(count) for \(name)")
      }
      let parts = key.components.suffix(3)
      switch parts.dropLast().last {
      case "position_embeddings":
        compare("max_position_embeddings", family.positionOffset ?? 0, &self)
      case "token_type_embeddings": compare("type_vocab_size", 0, &self)
      case "dense" where parts.first == "intermediate": compare("intermediate_size", 0, &self)
      case "lin1" where parts.first == "ffn": compare("hidden_dim", 0, &self)
      case "word_embeddings":
        let width = ["embedding_size", "hidden_size", "dim"].lazy.compactMap { json[$0]?.integer }
          .first
        if let width, width > 0, width != extents[1] {
          add(
            .configuration, key, "is \(extents[1]) wide, config.json has a hidden_size of \(width)")
        }
      default: break
      }
    }
  }

  private mutating func checkDecoder(_ checkpoint: Checkpoint, _ json: JSONValue) {
    var isReported = false
    for (key, tensor) in checkpoint.tensors
    where tensor.shape.rank == 2 && tensor.dtype.isFloatingPoint {
      let extents = tensor.shape.dimensions
      if key.string.hasSuffix(".mlp.up_proj.weight"), !isReported,
        let rows = json["intermediate_size"]?.integer, rows > 0, rows != extents[0]
      {
        isReported = true
        add(
          .configuration, key, "has \(extents[0]) rows, config.json \(rows) for intermediate_size")
      }
      if key.string.hasSuffix("embed_tokens.weight"), let width = json["hidden_size"]?.integer,
        width > 0, width != extents[1]
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
      if tensor.dtype.isFloatingPoint, rows != labels {
        add(.configuration, key, "has \(rows) rows, config.json \(labels) labels")
      }
    }
  }
}
