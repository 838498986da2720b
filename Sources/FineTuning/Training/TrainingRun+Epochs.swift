internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// What a run keeps of single epochs: exact deltas, and how far every tensor moved.
extension TrainingRun {
  /// The difference between the model to start from and `trained`, as a file.
  func delta(of trained: Checkpoint) throws -> Checkpoint {
    let prefix = try BERTParameters.prefix(in: model.checkpoint)
    let origins = Dictionary(
      model.checkpoint.keys.map {
        (model.configuration.family.trainedName(of: $0, prefix: prefix), $0)
      },
      uniquingKeysWith: { first, _ in first })
    return try CheckpointDelta(
      from: model.checkpoint, withDigest: try modelDigest(), to: trained, origins: origins
    ).checkpoint
  }

  /// Writes the present epoch into the folder of epochs, and removes what is older than the kept ones.
  func keep(_ epoch: Int, _ kept: KeptEpochs, in folder: String) throws {
    let epochs = Path.join(folder, FileName.epochs)
    try FileSystem.create(epochs)
    try write(
      try delta(of: try trainedCheckpoint()), to: Path.join(epochs, FileName.epoch(epoch)))
    if case .newest(let count) = kept, epoch > count {
      WholeFile.remove(Path.join(epochs, FileName.epoch(epoch - count)))
    }
  }

  /// How far the tensors that train moved since the state that is stored in `folder`: since the end of the epoch before,
  /// or since the start. It is called before the present state is stored.
  func movements(storedIn folder: String) throws -> [TensorMovement] {
    let before = try StoredRun(folder: folder)
    return try trainer.model.parameters.trained.compactMap { parameter in
      let name = Key(parameter.name)
      let start = base[parameter.key] ?? parameter.tensor
      let columns = parameter.values.columns
      // Rows that did not train before have the values of the start.
      let old = Matrix(
        try FloatBuffer(copying: start), rows: parameter.values.rows, columns: columns)
      if before.state.epoch > 0 {
        for (part, rows) in [("former", before.former[name]), ("value", before.rows[name])] {
          guard let rows, (rows.ranges.last?.upperBound ?? 0) <= old.rows,
            let stored = before.checkpoint[Key("\(part).\(name.string)")],
            stored.shape.dimensions == [rows.count, columns]
          else { continue }
          let values = Matrix(
            try FloatBuffer(copying: stored), rows: rows.count, columns: columns)
          TrainingState.copyRows(from: rows.ranges, values, to: [0..<old.rows], old)
        }
      }
      var (difference, norm) = (0.0, 0.0)
      for range in parameter.rows {
        let (a, b) = (old.rows(range).elements, parameter.values.rows(range).elements)
        for index in 0..<a.count {
          let (x, y) = (Double(a[index]), Double(b[index]))
          difference += (y - x) * (y - x)
          norm += x * x
        }
      }
      guard difference > 0 else { return nil }
      return TensorMovement(
        name: parameter.name, relativeL2: norm > 0 ? (difference / norm).squareRoot() : nil)
    }
  }
}
