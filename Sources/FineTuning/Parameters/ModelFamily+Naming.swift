internal import CheckpointFiles
internal import ParameterSurgery

extension ModelFamily {
  /// The family that a `config.json` names: by `model_type`, or, where a file is older than that member, by
  /// `architectures`, or by what the keys of the checkpoint begin with.
  ///
  /// - Throws: `FineTuningError` when it names none, one that is not implemented, or two that compute
  ///   differently.
  init(
    of json: JSONValue, path: String, checkpoint: Checkpoint? = nil
  ) throws(FineTuningError) {
    let architectures = try ModelFamily.architectures(json, path)
    let named = architectures.compactMap { name in
      ModelFamily.named(byArchitecture: name).map { (name: name, family: $0) }
    }
    if let type = json["model_type"], type != .null {
      guard let family = ModelFamily.all.first(where: { $0.modelType == type.word }) else {
        throw .unknownFamily(type, path: path)
      }
      if let other = named.first(where: { !$0.family.computes(as: family) }) {
        throw .otherArchitecture(other.name, of: other.family, than: family, path: path)
      }
      self = family
      return
    }
    if let first = named.first, named.count == architectures.count {
      if let other = named.first(where: { !$0.family.computes(as: first.family) }) {
        throw .contradictoryArchitectures(first.name, other.name, path: path)
      }
      self = first.family
      return
    }
    guard architectures.isEmpty else {
      throw .unknownArchitectures(
        architectures.filter { ModelFamily.named(byArchitecture: $0) == nil }, path: path)
    }
    if let checkpoint, let family = ModelFamily.named(byPrefixIn: checkpoint) {
      self = family
      return
    }
    throw .noFamily(path: path)
  }

  private static func architectures(
    _ json: JSONValue, _ path: String
  ) throws(FineTuningError) -> [String] {
    guard let value = json["architectures"], value != .null else { return [] }
    guard let names = value.array, names.allSatisfy({ $0.string != nil }) else {
      throw .member(
        "architectures", value, expected: .listOfClassNames, kind: .unsupportedModel, path: path)
    }
    return names.compactMap(\.string)
  }

  /// The family of a class such as `RobertaForSequenceClassification` or `TFBertModel`.
  private static func named(byArchitecture name: String) -> ModelFamily? {
    var stem = name[...]
    for prefix in ["TF", "Flax"] {
      if let range = stem.rangeOfPrefix(prefix) { stem = stem[range.upperBound...] }
    }
    return all.first { family in
      let className = family.keys.className
      guard let range = stem.rangeOfPrefix(className) else { return false }
      let rest = stem[range.upperBound...]
      return ["For", "Model", "LMHead", "PreTrainedModel"].contains { rest.begins(with: $0) }
    }
  }

  /// The family whose classes put what stands before the encoder's keys of a checkpoint there.
  private static func named(byPrefixIn checkpoint: Checkpoint) -> ModelFamily? {
    guard let prefix = try? BERTParameters.prefix(in: checkpoint) else { return nil }
    return all.first { prefix.isSame(as: $0.member + ".") }
  }

  /// Whether the two families compute the same of the same weights.
  func computes(as other: ModelFamily) -> Bool { member == other.member }
}
