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
      owner.map { (Key(prefix), $0.member) } ?? head.map { ($0.key, $0.member) }
    if let (key, member) = found, member != family.member {
      throw .otherFamily(
        family, key: key, isPrefix: owner != nil, of: checkpoint.path, path: configurationPath)
    }
    guard found == nil, !family.countsFromPadding, family.hasTokenTypes, looksLikeRoBERTa else {
      return
    }
    guard configurationJSON["model_type"] == nil else { return }
    throw .robertaSizes(configuration, path: configurationPath)
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
      throw .unknownPart(
        key, of: checkpoint.path, family: configuration.family, configuration: configurationPath)
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
      throw .otherClassifier(name, of: object, path: configurationPath)
    }
    if let value = json["num_labels"], value != .null {
      guard let count = value.integer else {
        throw .member("num_labels", value, expected: .integer, path: configurationPath)
      }
      guard count == found.labels else {
        throw .declaredLabels(
          count, outputs: found.labels, of: checkpoint.path, path: configurationPath)
      }
    }
    guard let value = json["id2label"], value != .null else { return }
    guard let names = value.object else {
      throw .member("id2label", value, expected: .labelNames, path: configurationPath)
    }
    if json["num_labels"] ?? .null == .null, names.count != found.labels {
      throw .namedLabels(
        names.count, outputs: found.labels, of: checkpoint.path, path: configurationPath)
    }
    guard names.count == found.labels else { return }
    for row in 0..<found.labels {
      guard let name = names[Key(String(row))] else {
        throw .unnamedLabel(row, path: configurationPath)
      }
      guard name.string != nil else {
        throw .labelIsNotText(name, row: row, path: configurationPath)
      }
    }
  }
}
