internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

extension ModelDirectory {
  /// Compares the configuration with the checkpoint where a wrong one would load and compute something else.
  ///
  /// - Throws: `FineTuningError` that names what contradicts what.
  func demandConsistency() throws(FineTuningError) {
    try demandHeadNames()
    guard let prefix = try? BERTParameters.prefix(in: checkpoint) else { return }
    try demandFamily(prefix)
    try demandKnownParts(prefix)
  }

  private var configurationPath: String { Path.join(folder, "config.json") }

  /// - Throws: `FineTuningError` when keys or sizes are those of another family.
  private func demandFamily(_ prefix: String) throws(FineTuningError) {
    let family = configuration.family
    let owner = ModelFamily.all.first {
      prefix == $0.member + "." || prefix.ends(with: "." + $0.member + ".")
    }
    // Heads of pre-training that only one family has.
    let head = EncoderKeys.all.lazy.flatMap { keys in
      keys.pretrainingHeads.map { (key: $0, member: keys.member) }
    }.first { checkpoint[$0.key] != nil }
    let found =
      owner.map { (prefix + "…", $0.member) } ?? head.map { ($0.key.string, $0.member) }
    if let (key, member) = found, member != family.member {
      throw FineTuningError(
        .malformedModel, path: configurationPath,
        "\(configurationPath): describes a model of the family \(quoted(family.modelType)), and "
          + "\(checkpoint.path) has keys of another family (\(quoted(key))); correct \"model_type\""
      )
    }
    guard found == nil, !family.countsFromPadding, family.hasTokenTypes, looksLikeRoBERTa else {
      return
    }
    guard configurationJSON["model_type"] == nil else { return }
    throw FineTuningError(
      .malformedModel, path: configurationPath,
      "\(configurationPath): no \"model_type\", and \(configuration.positionRows) positions, "
        + "\(configuration.typeVocabularySize) token type\(configuration.typeVocabularySize == 1 ? "" : "s") and the "
        + "padding token \(configuration.paddingToken.map(String.init) ?? "null") are those of a RoBERTa, not of "
        + "\(quoted(family.modelType)); add \"model_type\"")
  }

  /// Whether two of three sizes are those that RoBERTa has and BERT has not.
  private var looksLikeRoBERTa: Bool {
    let signs = [
      configuration.positionRows > 2 && (configuration.positionRows - 2).nonzeroBitCount == 1,
      configuration.typeVocabularySize == 1, configuration.paddingToken == 1,
    ]
    return signs.count(where: \.self) >= 2
  }

  /// What is probably not meant: a BERT with the sizes of a RoBERTa.
  var familyNote: String? {
    guard !configuration.family.countsFromPadding, configuration.family.hasTokenTypes,
      looksLikeRoBERTa
    else { return nil }
    return
      "\(configurationPath): \"model_type\" is \(quoted(configuration.family.modelType)), but "
      + "\(configuration.positionRows) positions, \(configuration.typeVocabularySize) token type"
      + "\(configuration.typeVocabularySize == 1 ? "" : "s") and the padding token "
      + "\(configuration.paddingToken.map(String.init) ?? "null") are those of a RoBERTa"
  }

  /// - Throws: `FineTuningError` when the encoder has weights that the family has no use for: it was another one.
  private func demandKnownParts(_ prefix: String) throws(FineTuningError) {
    let descriptions = BERTParameters.descriptions(configuration)
    let known = Set(
      descriptions.flatMap { [$0.name] + ($0.oldName.map { [$0] } ?? []) }.map { Key(prefix + $0) })
    let layers = EncoderKeys.allLayerPrefixes.map { prefix + $0 }
    let pooler = EncoderKeys.bert.path(.pooler).map { Key(String(Key($0).components[0])) }
    let parts = EncoderKeys.allRoots.filter { $0 != pooler }.map { prefix + $0.string + "." }
    for (key, tensor) in checkpoint.tensors
    where tensor.dtype.isFloatingPoint && !known.contains(key) {
      guard parts.contains(where: key.string.begins) else { continue }
      // Layers that the configuration does not count take no part, and a note says so.
      if let start = layers.first(where: key.string.begins),
        let index = Int(key.string.dropFirst(start.count).prefix { $0 != "." }),
        index >= configuration.layerCount
      {
        continue
      }
      throw FineTuningError(
        .malformedModel, path: checkpoint.path,
        "\(checkpoint.path): \(quoted(key.string)) is not part of an encoder of the family "
          + "\(quoted(configuration.family.modelType)), which \(configurationPath) describes; without it, another "
          + "model is computed")
    }
  }

  /// - Throws: `FineTuningError` when the labels that `config.json` names are not those of the head.
  private func demandHeadNames() throws(FineTuningError) {
    guard settings == nil, let found = try Head.found(in: checkpoint) else { return }
    let json = configurationJSON
    // Heads of other classes with the same keys.
    let others = ["ForTokenClassification": "tokens", "ForMultipleChoice": "choices"]
    let name = json["architectures"]?.array?.first?.string ?? ""
    if found.head == .classifier,
      let (_, object) = others.first(where: { name.ends(with: $0.key) })
    {
      throw FineTuningError(
        .malformedModel, path: configurationPath,
        "\(configurationPath): \"architectures\" names \(quoted(name)), whose head \"classifier\" classifies "
          + "\(object), not texts; remove its tensors from the checkpoint to add a head for texts")
    }
    if let value = json["num_labels"], value != .null {
      guard let count = value.integer else {
        throw FineTuningError(
          .malformedModel, path: configurationPath,
          "\(configurationPath): \"num_labels\" is \(short(value)), expected an integer")
      }
      try demand(count, labels: "\"num_labels\" is \(count)", found.labels)
    }
    guard let value = json["id2label"], value != .null else { return }
    guard let names = value.object else {
      throw FineTuningError(
        .malformedModel, path: configurationPath,
        "\(configurationPath): \"id2label\" is \(short(value)), expected an object of numbers and names"
      )
    }
    if json["num_labels"] ?? .null == .null {
      try demand(
        names.count, labels: "\"id2label\" names \(counted(names.count, "label"))", found.labels)
    }
    guard names.count == found.labels else { return }
    for row in 0..<found.labels {
      guard let name = names[Key(String(row))] else {
        throw FineTuningError(
          .malformedModel, path: configurationPath,
          "\(configurationPath): \"id2label\" has no name for the label \(row)")
      }
      guard name.string != nil else {
        throw FineTuningError(
          .malformedModel, path: configurationPath,
          "\(configurationPath): \"id2label\" names the label \(row) \(short(name)), expected a text"
        )
      }
    }
  }

  private func demand(_ count: Int, labels what: String, _ rows: Int) throws(FineTuningError) {
    guard count != rows else { return }
    throw FineTuningError(
      .malformedModel, path: configurationPath,
      "\(configurationPath): \(what), and the head of \(checkpoint.path) has \(rows)")
  }
}
