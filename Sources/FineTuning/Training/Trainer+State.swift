internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

extension Trainer {
  /// Copies the rows that train: they are the best so far.
  func keepBest() throws {
    let trained = model.parameters.trained
    if best == nil { best = try BestRows(trained) }
    best?.copy(trained)
  }

  /// Puts the best epoch's rows into the model.
  func restoreBest() { best?.restore(model.parameters.trained) }

  /// The state at the end of an epoch, to be stored at once: it looks at the rows that train.
  func snapshot(
    settings: JSONValue, origin: JSONValue, invocation: [String]
  ) throws -> Checkpoint {
    try state.checkpoint(
      settings: settings, origin: origin, invocation: invocation,
      parameters: model.parameters.trained,
      former: former, best: state.bestEpoch == state.epoch ? nil : best)
  }

  /// Continues from a stored run, whose rows the model's checkpoint already holds: moments by name,
  /// counters, records. With other rows than before, the best epoch is looked for from here on, for
  /// the earlier ones trained something else.
  ///
  /// - Throws: `FineTuningError` when the state is broken.
  func resume(_ stored: StoredRun) throws -> Resumption {
    let trained = model.parameters.trained
    try demandCounts(of: stored)
    // Nothing has moved, so another mask is as good as the first one.
    if stored.state.epoch == 0 { return Resumption(epoch: 0) }
    let resumption = stored.comparison(with: trained)
    for (name, rows) in stored.former { try keepFormer(name, rows) }
    try TrainingState.restore(trained, from: stored)
    state = stored.state
    if resumption.isUnchanged {
      if state.bestEpoch == state.epoch {
        try keepBest()
      } else if state.bestEpoch != nil {
        let rows = try BestRows(trained)
        try TrainingState.restoreBest(rows, trained, from: stored.checkpoint)
        best = rows
      }
    } else {
      guard state.epoch < options.epochs else {
        throw FineTuningError.allEpochsDone(options.epochs, in: stored.folder)
      }
      state.bestEpoch = nil
      state.staleEpochs = 0
      for index in state.records.indices { state.records[index].isBest = false }
      for (name, rows) in stored.rows { try keepFormer(name, rows) }
    }
    return resumption
  }

  /// - Throws: `FineTuningError` when the stored counts are not those that this run comes to.
  private func demandCounts(of stored: StoredRun) throws(FineTuningError) {
    let state = stored.state
    func demand(
      _ name: String, _ value: Int, _ expected: Int, epochs: Int
    ) throws(FineTuningError) {
      guard value == expected else {
        throw .stateCount(stored.path, name, value, expected: expected, epochs: epochs)
      }
    }
    guard state.epoch <= options.epochs else {
      throw .stateMember(
        stored.path, "epoch", .integer(state.epoch),
        expected: .atMostEpochs(options.epochs))
    }
    let updates = Trainer.updates(training.count, options)
    try demand("step", state.step, state.epoch * updates, epochs: state.epoch)
    try demand(
      "batches", state.batches, state.epoch * Trainer.batches(training.count, options),
      epochs: state.epoch)
    for record in state.records {
      try demand("step", record.step, record.epoch * updates, epochs: record.epoch)
    }
  }

  /// The rows that trained in an earlier part of the run and do not train now.
  var formerRows: [Key: RowSet] {
    Dictionary(uniqueKeysWithValues: former.map { ($0.key, $0.value.rows) })
  }

  /// Remembers rows that trained before, as far as they do not train now.
  func keepFormer(_ name: Key, _ rows: RowSet) throws {
    guard let parameter = model.parameters.find(name.string) else { return }
    let frozen = rows.union(former[name]?.rows ?? RowSet([])).subtracting(RowSet(parameter.rows))
    former[name] =
      frozen.isEmpty ? nil : (frozen, try parameter.stacked(frozen.ranges).tensor())
  }
}
