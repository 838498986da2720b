package import CheckpointFiles
internal import OrderedCollections

/// What of a parameter trains.
package enum TrainableRows: Sendable, Hashable {
  case none
  case all
  /// Half-open ranges of dimension 0.
  case ranges([Range<Int>])
}

/// The parameters of a classifier, loaded from a checkpoint under whichever spelling it uses, and
/// the names they are stored under again.
package final class ParameterStore {
  /// In the order of the state dict.
  package let parameters: [Parameter]
  /// Keys of the checkpoint that the model does not use; they are not written again.
  package let unused: [Key]
  /// Selected for training, yet out of reach of any gradient: left frozen, and to be said so.
  package let unreachable: [Key]
  /// Whether the checkpoint has BERT's pooler.
  package let hasPooler: Bool
  private let byName: [String: Parameter]
  private let byRole: [String: Parameter]
  private let pooling: Pooling

  /// Loads a classifier.
  ///
  /// Keys may carry any prefix; under a LayerNorm `gamma` and `beta` stand for `weight` and `bias`.
  /// The names written are those of a PyTorch class with the members `bert` (or what its family calls the encoder) and `linear`.
  ///
  /// - Parameter trainable: what of the tensor under a checkpoint key trains.
  /// - Throws: `FineTuningError` that names missing keys and wrong shapes, and a selection of which
  ///   nothing can receive a gradient.
  package init(
    checkpoint: Checkpoint, configuration: BERTConfiguration, head: Head, labels: Int,
    pooling: Pooling, trainable: (Key) -> TrainableRows
  ) throws {
    let prefix = try BERTParameters.prefix(in: checkpoint)
    let quantized = QuantizedTensors(checkpoint.tensors.elements)
    var missing: [String] = []
    var used: Set<Key> = []
    var unreachable: [Key] = []
    var parameters: [Parameter] = []
    var byRole: [String: Parameter] = [:]

    func load(_ description: ParameterDescription, prefix: String, name: String) throws -> Bool {
      let spellings = [description.name] + (description.oldName.map { [$0] } ?? [])
      let keys = spellings.map { Key(prefix + $0) }.filter { checkpoint[$0] != nil }
      guard let key = keys.first, let tensor = checkpoint[key] else { return false }
      if keys.count > 1 {
        throw FineTuningError.twoSpellings(keys[0], keys[1], in: checkpoint.path)
      }
      guard tensor.shape.dimensions == description.shape else {
        throw FineTuningError.parameterShape(
          key, tensor.shape, expected: description.shape, in: checkpoint.path)
      }
      if let tensor = quantized[key] {
        throw FineTuningError.quantised(tensor, key: key, in: checkpoint.path)
      }
      guard tensor.dtype.isFloatingPoint else {
        throw FineTuningError.parameterType(key, tensor.dtype, in: checkpoint.path)
      }
      var rows: [Range<Int>]
      switch trainable(key) {
      case .none: rows = []
      case .all: rows = [0..<description.shape[0]]
      case .ranges(let ranges): rows = ranges
      }
      if !ParameterStore.reaches(description.stage, pooling), !rows.isEmpty {
        unreachable.append(key)
        rows = []
      }
      used.insert(key)
      let parameter = try Parameter(
        name: name, key: key, stage: description.stage, tensor: tensor, rows: rows)
      parameters.append(parameter)
      byRole[description.role] = parameter
      return true
    }

    var hasPooler = configuration.family.hasPooler
    // The family's own class has a pooler only when it pools with it.
    if head == .classifier, configuration.family.ownHead.pooling != .pooler { hasPooler = false }
    for description in BERTParameters.descriptions(configuration)
    where description.stage != .pooler || hasPooler {
      let found = try load(
        description, prefix: prefix, name: configuration.family.member + "." + description.name)
      if !found, description.stage == .pooler {
        hasPooler = false
      } else if !found {
        missing.append(prefix + description.name)
      }
    }
    for description in head.descriptions(
      hidden: configuration.hiddenSize, labels: labels, family: configuration.family)
    where try !load(description, prefix: "", name: description.name) {
      missing.append(description.name)
    }
    guard missing.isEmpty else {
      throw FineTuningError.missingKeys(missing, in: checkpoint.path)
    }
    self.parameters = parameters
    self.hasPooler = hasPooler
    self.pooling = pooling
    self.unused = checkpoint.keys.filter { !used.contains($0) }
    byName = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0) })
    self.byRole = byRole
    unreachable += unused.filter { trainable($0) != .none }
    self.unreachable = unreachable
    if let first = unreachable.first, !parameters.contains(where: \.trains) {
      let ties = TiedKeys(checkpoint, parameters)
      for key in unreachable {
        guard let parameter = ties.parameter(tiedTo: key) else { continue }
        throw FineTuningError.nothingTrains(tied: key, to: parameter.key)
      }
      throw FineTuningError.nothingTrains(first, pooling)
    }
  }

  /// Whether a gradient reaches what stands at `stage`: the pooler only has one when it pools.
  package func reaches(_ stage: Stage) -> Bool { ParameterStore.reaches(stage, pooling) }

  private static func reaches(_ stage: Stage, _ pooling: Pooling) -> Bool {
    stage != .pooler || pooling == .pooler
  }

  /// The parameter stored as `name`. The table of descriptions guarantees that it exists.
  package subscript(name name: String) -> Parameter {
    guard let parameter = byName[name] else {
      preconditionFailure("the model has no parameter \(name)")
    }
    return parameter
  }

  /// The encoder's parameter that `BertModel` calls `role`, whatever its family calls it.
  package subscript(role role: String) -> Parameter {
    guard let parameter = byRole[role] else {
      preconditionFailure("the model has no parameter \(role)")
    }
    return parameter
  }

  /// The parameter stored as `name`, if there is one.
  package func find(_ name: String) -> Parameter? { byName[name] }

  /// The parameters that train, in the order of the state dict.
  package var trained: [Parameter] { parameters.filter(\.trains) }

  /// The lowest stage at which something trains; `nil` when nothing does.
  package var lowestTrainedStage: Stage? { trained.map(\.stage).min() }

  /// Whether anything at or below `stage` trains.
  package func trains(upTo stage: Stage) -> Bool { lowestTrainedStage.map { $0 <= stage } ?? false }

  /// Whether anything strictly below `stage` trains.
  package func trains(below stage: Stage) -> Bool { lowestTrainedStage.map { $0 < stage } ?? false }
}
