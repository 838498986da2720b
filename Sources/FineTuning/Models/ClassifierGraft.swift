package import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// An encoder with the head of its family's own class, as `AutoModelForSequenceClassification` of
/// transformers loads it: the keys of that class and no others.
package struct ClassifierGraft {
  /// The checkpoint with the head.
  package let checkpoint: Checkpoint
  /// Keys that were left out, for the class does not have them.
  package let dropped: [Key]
  /// Whether the checkpoint had no pooler, which the class needs, and got a new one.
  package let addsPooler: Bool

  /// Adds a head.
  ///
  /// Weights are drawn as transformers draws them, from a normal distribution with the standard
  /// deviation `initializer_range`; biases are zero.
  ///
  /// - Throws: `FineTuningError` or `SurgeryError` when the checkpoint has a head, or its encoder does
  ///   not have the name that the class has for it.
  package init(
    _ original: Checkpoint, _ configuration: BERTConfiguration, json: JSONValue, labels: Int,
    seed: UInt64
  ) throws {
    let family = configuration.family
    let member = family.member + "."
    let prefix = try BERTParameters.prefix(in: original)
    guard prefix.isEmpty || prefix == member else {
      throw FineTuningError.otherEncoderName(
        prefix, than: member, of: family.classifierClass, checkpoint: original.path)
    }
    if let found = try Head.found(in: original) {
      throw FineTuningError.headExists(found.head, in: original.path)
    }
    let poolsDensely = family.ownHead.pooling == .pooler
    var names: [Key: Key] = [:]
    for description in BERTParameters.descriptions(configuration)
    where description.stage != .pooler || poolsDensely {
      let name = Key(member + description.name)
      for spelling in [description.name] + (description.oldName.map { [$0] } ?? []) {
        names[Key(prefix + spelling)] = name
      }
    }
    var kept = original
    kept.tensors = [:]
    var dropped: [Key] = []
    for (key, tensor) in original.tensors {
      guard let name = names[key] else {
        dropped.append(key)
        continue
      }
      guard kept.tensors.updateValue(tensor, forKey: name) == nil else {
        throw FineTuningError.twoTensors(name, in: original.path)
      }
    }
    let deviation = json["initializer_range"]?.double ?? 0.02
    guard deviation.isFinite, deviation >= 0 else {
      throw FineTuningError.initializerRange(deviation)
    }
    let pooler = member + (family.keys.path(.pooler) ?? "")
    let layers = Graft.Layers(
      dense: family.ownHead.dense, output: family.ownHead.output,
      pooler: poolsDensely ? pooler : nil, deviation: deviation)
    checkpoint = try kept.grafting(
      Graft(
        head: .classifier(layers), labels: labels, seed: seed,
        hiddenSize: configuration.hiddenSize))
    addsPooler = poolsDensely && kept[Key(pooler + ".weight")] == nil
    self.dropped = dropped
  }
}

extension ModelFamily {
  /// The class of transformers for sequence classification.
  package var classifierClass: String { keys.className + "ForSequenceClassification" }

  /// The pooling of that class.
  package var classifierPooling: Pooling { ownHead.pooling }
}

extension ClassifierSettings {
  /// `configuration`, which is a `config.json`, with what these settings say: the names of the labels
  /// and the kind of problem.
  ///
  /// - Parameter family: the family whose own class the model is; `nil` for a head of another kind,
  ///   whose class transformers does not have.
  package func describing(
    _ configuration: JSONValue, as family: ModelFamily?
  ) -> JSONValue {
    guard var members = configuration.object else { return configuration }
    if let family { members["architectures"] = .array([.string(family.classifierClass)]) }
    members["problem_type"] = .string(task.problemType)
    members["id2label"] = .object(
      OrderedDictionary(
        uniqueKeysWithValues: labels.enumerated().map {
          (Key(String($0.offset)), JSONValue.string($0.element))
        }))
    members["label2id"] = .object(
      OrderedDictionary(
        labels.enumerated().map { (Key($0.element), JSONValue.integer($0.offset)) },
        uniquingKeysWith: { first, _ in first }))
    // It follows from the labels, and would contradict them when they have changed.
    for name in ["num_labels", "_num_labels"] { members[Key(name)] = nil }
    return .object(members)
  }
}
