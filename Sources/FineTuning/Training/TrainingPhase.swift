internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// A part of a run: from an epoch on, what trains. Masks only grow.
package struct TrainingPhase: Sendable {
  /// The epoch that it begins with, from 1.
  let firstEpoch: Int
  /// What was unfrozen then; none for the first phase.
  let selectors: [String]
  /// Everything that trains, over the checkpoint's keys.
  let mask: FreezeMask

  /// The phases of a run that begins with `mask`.
  ///
  /// - Throws: `SurgeryError` when a selector selects nothing.
  static func phases(
    startingWith mask: FreezeMask, unfreezing: [TrainingOptions.Unfreezing], in tree: ParameterTree
  ) throws -> [TrainingPhase] {
    var phases = [TrainingPhase(firstEpoch: 1, selectors: [], mask: mask)]
    for epoch in Set(unfreezing.map(\.epoch)).sorted() {
      let selectors = unfreezing.filter { $0.epoch == epoch }.map(\.selector)
      let before = phases[phases.count - 1].mask
      let added = try FreezeMask(training: selectors, in: tree)
      phases.append(
        TrainingPhase(
          firstEpoch: epoch, selectors: selectors,
          mask: FreezeMask(
            states: try before.union(added).states, rules: before.rules + added.rules,
            layoutDigest: before.layoutDigest)))
    }
    return phases
  }

  /// What of the tensor under a checkpoint's key trains.
  func trainableRows(_ key: Key) -> TrainableRows {
    switch mask[key] {
    case .trainable: .all
    case .rows(let rows): .ranges(rows.ranges)
    case .frozen, nil: .none
    }
  }

  /// The rows of a parameter that train in this phase.
  func rows(of parameter: Parameter, in store: ParameterStore) -> RowSet {
    guard store.reaches(parameter.stage) else { return RowSet([]) }
    return switch trainableRows(parameter.key) {
    case .none: RowSet([])
    case .all: RowSet([0..<parameter.values.rows])
    case .ranges(let ranges): RowSet(ranges)
    }
  }

  /// The mask over the trained model's names and layout: what is out of reach is frozen.
  ///
  /// - Parameter former: rows that trained before, under another mask.
  func effectiveMask(_ store: ParameterStore, former: [Key: RowSet] = [:]) -> FreezeMask {
    var tensors: OrderedDictionary<Key, Tensor> = [:]
    var states: OrderedDictionary<Key, FreezeMask.State> = [:]
    for parameter in store.parameters {
      let name = Key(parameter.name)
      var rows = rows(of: parameter, in: store)
      if let former = former[name] { rows = rows.union(former) }
      tensors[name] = parameter.tensor
      states[name] =
        rows == RowSet([0..<parameter.values.rows])
        ? .trainable : rows.isEmpty ? .frozen : .rows(rows)
    }
    return FreezeMask(
      states: states, rules: mask.rules,
      layoutDigest: ParameterTree(Checkpoint(tensors: tensors)).layoutDigest)
  }
}
