internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

extension Trainer {
  /// Begins the phase that the next epoch is the first of, if there is one.
  ///
  /// What trained continues with its values and moments, what is new starts with fresh ones; the best
  /// epoch so far stays a candidate, and the patience starts again.
  func beginPhase() throws {
    let epoch = state.epoch + 1
    guard epoch > 1, let phase = phases.first(where: { $0.firstEpoch == epoch }), let rebuild
    else { return }
    let (old, new) = (model, try rebuild(phase))
    for before in old.parameters.trained {
      let parameter = new.parameters[name: before.name]
      parameter.takeOver(before)
    }
    if let best {
      self.best = try BestRows(
        new.parameters.trained, from: best, of: old.parameters.trained)
    }
    for parameter in new.parameters.trained {
      let name = Key(parameter.name)
      guard let kept = former[name] else { continue }
      let frozen = kept.rows.subtracting(RowSet(parameter.rows))
      former[name] =
        frozen.isEmpty ? nil : (frozen, try parameter.stacked(frozen.ranges).tensor())
    }
    if old.cut != new.cut {
      adopt(training: nil, evaluation: nil)
      removeJournals()
    }
    model = new
    try demandFiniteWeights(belowCut: false)
    state.staleEpochs = 0
  }
}

extension Parameter {
  /// Takes the values and the moments of the rows that trained in `other`, all of which train here.
  fileprivate func takeOver(_ other: Parameter) {
    for range in other.rows { values.rows(range).assign(other.values.rows(range)) }
    guard let training, let before = other.training else { return }
    training.steps = before.steps
    for (source, target) in [
      (before.firstMoment, training.firstMoment), (before.secondMoment, training.secondMoment),
    ] {
      TrainingState.copyRows(from: other.rows, source, to: rows, target)
    }
  }
}
