internal import CheckpointFiles
internal import OrderedCollections

// Contradictions between the tensors and `config.json`.
extension CheckpointLint {
  /// Members that count something.
  private static let counts = [
    "hidden_size", "dim", "intermediate_size", "hidden_dim", "num_hidden_layers", "n_layers",
    "num_attention_heads", "n_heads", "vocab_size", "max_position_embeddings", "type_vocab_size",
    "num_labels",
  ]

  /// The most bytes of a `config.json`.
  private static let configurationLimit = 1 << 22

  /// Compares the checkpoint with the `config.json` of its folder.
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

  /// The `config.json` of the checkpoint's folder; `nil` when there is none, or it is a finding.
  mutating func configuration() -> JSONValue? {
    let config = place("config.json")
    guard WholeFile.exists(config) else { return nil }
    guard let bytes = try? WholeFile.read(config, limit: CheckpointLint.configurationLimit),
      let json = try? JSONParser.parse(bytes, allowsNonFinite: true), json.object != nil
    else {
      add(.configuration, nil, "config.json is not a JSON object")
      return nil
    }
    return json
  }

  /// Checks members that count something. Some models have a list with a count for each layer.
  private mutating func checkCounts(_ json: JSONValue) {
    for name in CheckpointLint.counts {
      guard let value = json[name], value != .null, value.array == nil else { continue }
      if let count = value.integer, count > 0 || count == 0 && name == "type_vocab_size" {
        continue
      }
      add(
        .configuration, nil,
        "config.json has \(value.text().prefix(200)) for \(name), which is not a count")
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
      for (index, _) in ConfigurationSection.candidates(key.parts, in: sections) {
        let section = sections[index]
        let type = section["model_type"]?.string.map { ModelFamily($0) } ?? family
        guard type.hasVocabulary else { continue }
        let names = EmbeddingRows.Kind.tokens.members.filter {
          section.count($0) != nil && EmbeddingRows.fits($0, key.parts)
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
    // One finding stands for all layers.
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
      guard let found = EncoderKeys.module(ofWeight: key) else { continue }
      switch found.module {
      case .positionEmbeddings:
        compare("max_position_embeddings", family.positionOffset ?? 0, &self)
      case .tokenTypeEmbeddings: compare("type_vocab_size", 0, &self)
      case .intermediate: compare(found.keys.intermediateMember, 0, &self)
      case .wordEmbeddings:
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
      if key.string.ends(with: ".mlp.up_proj.weight"), !isReported,
        let rows = json["intermediate_size"]?.integer, rows > 0, rows != extents[0]
      {
        isReported = true
        add(
          .configuration, key, "has \(extents[0]) rows, config.json \(rows) for intermediate_size")
      }
      if key.string.ends(with: "embed_tokens.weight"),
        let width = json["hidden_size"]?.integer,
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
        "config.json has a num_labels of \(count), but \(names) labels in id2label")
    }
    // A model for multiple choice has one output for each choice, whatever the labels are.
    let kinds = json["architectures"]?.array?.compactMap(\.string) ?? []
    guard let labels = names ?? count,
      !kinds.contains(where: { $0.containsBytes(of: "MultipleChoice") })
    else { return }
    for (key, tensor) in checkpoint.tensors
    where EncoderKeys.outputLayers.contains(key) && tensor.shape.rank == 2 {
      let rows = tensor.shape.dimensions[0]
      if tensor.dtype.isFloatingPoint, rows != labels {
        add(.configuration, key, "has \(rows) rows, config.json \(labels) labels")
      }
    }
  }
}
