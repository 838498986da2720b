internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// The counters of a run at the end of an epoch. Stored together with the rows that train, their
/// moments by name and the best rows so far, they are everything that is needed to resume it.
///
/// The order of the data and what dropout drops follow from seed, epoch and step, so no generator
/// has a state to store. Stored as one safetensors file, written atomically.
package struct TrainingState: Sendable {
  /// Epochs finished; 0 for a run that was interrupted in the first one.
  package var epoch = 0
  /// Updates done.
  package var step = 0
  /// Batches done, which counts for dropout.
  package var batches = 0
  /// Epochs since the best one.
  package var staleEpochs = 0
  /// The epoch whose rows are kept, from 1; `nil` before the first.
  package var bestEpoch: Int?
  /// One a finished epoch.
  package var records: [EpochRecord] = []
  /// The name of the file in a run's folder, which is removed when the run is finished. Its ending is not
  /// that of a checkpoint, so that no program opens it as one.
  package static let fileName = "training-state.espalier"

  package init() {}
}

extension TrainingState {
  /// The state as a checkpoint of the tensors `value.*`, `exp_avg.*`, `exp_avg_sq.*` and `best.*`,
  /// which look at the memory of `parameters`.
  ///
  /// - Parameters:
  ///   - settings: what a resumed run must agree with.
  ///   - origin: what the run was started from.
  ///   - invocation: the arguments that the run was started with.
  ///   - parameters: what trains.
  ///   - former: the rows that trained in an earlier part of the run and are frozen now.
  ///   - best: the best epoch's rows; `nil` when they are the present ones.
  func checkpoint(
    settings: JSONValue, origin: JSONValue, invocation: [String], parameters: [Parameter],
    former: OrderedDictionary<Key, (rows: RowSet, values: Tensor)>, best: BestRows?
  ) throws -> Checkpoint {
    var tensors: OrderedDictionary<Key, Tensor> = [:]
    var rows: OrderedDictionary<Key, JSONValue> = [:]
    for (index, parameter) in parameters.enumerated() {
      guard let training = parameter.training else { continue }
      let name = parameter.name
      rows[Key(name)] = .members([
        "rows": TrainingState.json(parameter.rows), "steps": .integer(training.steps),
      ])
      // Before the first epoch, the values are those of the model and of the head that the seed decides.
      if epoch == 0 { continue }
      tensors[Key("value.\(name)")] = try parameter.stackedRows().tensor()
      tensors[Key("exp_avg.\(name)")] = try training.firstMoment.tensor()
      tensors[Key("exp_avg_sq.\(name)")] = try training.secondMoment.tensor()
      if let best { tensors[Key("best.\(name)")] = try best[index].tensor() }
    }
    var formerRows: OrderedDictionary<Key, JSONValue> = [:]
    for (name, kept) in former {
      tensors[Key("former.\(name.string)")] = kept.values
      formerRows[name] = .members(["rows": TrainingState.json(kept.rows.ranges)])
    }
    let description = JSONValue.members([
      "format": "espalier-training-state", "version": 1, "settings": settings,
      "origin": origin,
      "invocation": .array(invocation.map { .string($0) }),
      "epoch": .integer(epoch), "step": .integer(step), "batches": .integer(batches),
      "stale_epochs": .integer(staleEpochs),
      "best_epoch": bestEpoch.map { .integer($0) } ?? .null,
      "records": .array(records.map(\.json)), "tensors": .object(rows),
      "former": .object(formerRows),
    ])
    return Checkpoint(
      format: .safetensors, tensors: tensors, metadata: ["espalier": description.text()])
  }

  private static func json(_ ranges: [Range<Int>]) -> JSONValue {
    .array(ranges.map { [.integer($0.lowerBound), .integer($0.upperBound)] })
  }

  /// Puts the stored values and moments into `parameters` where they still train, row by row. The
  /// values too, because a checkpoint of half precision holds them rounded.
  ///
  /// - Throws: `FineTuningError` when the state is not valid.
  static func restore(_ parameters: [Parameter], from stored: StoredRun) throws {
    for parameter in parameters {
      let name = Key(parameter.name)
      guard let training = parameter.training, let before = stored.rows[name] else { continue }
      let values = parameter.stackedRows()
      for (part, target) in [
        (TensorPart.value, values), (.firstMoment, training.firstMoment),
        (.secondMoment, training.secondMoment),
      ] {
        let source = try matrix(part, of: parameter, rows: before.count, in: stored.checkpoint)
        copyRows(from: before.ranges, source, to: parameter.rows, target)
      }
      if !parameter.trainsWhole { parameter.assign(stackedRows: values) }
      training.steps = stored.steps[name] ?? 0
    }
  }

  /// Puts the stored best rows into `best`, made for `parameters` that train the stored rows.
  static func restoreBest(
    _ best: BestRows, _ parameters: [Parameter], from checkpoint: Checkpoint
  ) throws {
    for (index, parameter) in parameters.enumerated() {
      let rows = best[index].rows
      best[index].assign(try matrix(.best, of: parameter, rows: rows, in: checkpoint))
    }
  }

  /// What a tensor of the state holds.
  private enum TensorPart: String {
    case value
    case firstMoment = "exp_avg"
    case secondMoment = "exp_avg_sq"
    case best

    /// Whether a run can store the number. The square of a gradient may exceed single precision.
    func allows(_ value: Float) -> Bool {
      self == .secondMoment ? value >= 0 : value.isFinite
    }
  }

  private static func matrix(
    _ part: TensorPart, of parameter: Parameter, rows: Int, in checkpoint: Checkpoint
  ) throws -> Matrix {
    let key = Key("\(part.rawValue).\(parameter.name)")
    let columns = parameter.values.columns
    guard let tensor = checkpoint[key], tensor.dtype == .float32,
      tensor.shape.dimensions == [rows, columns]
    else { throw FineTuningError.stateTensor(checkpoint.path, key, shape: [rows, columns]) }
    let matrix = Matrix(try FloatBuffer(copying: tensor), rows: rows, columns: columns)
    let elements = matrix.elements
    for index in 0..<elements.count where !part.allows(elements[index]) {
      throw FineTuningError.stateTensorValue(checkpoint.path, key, elements[index], at: index)
    }
    return matrix
  }

  /// Copies the stacked rows that both sides have.
  static func copyRows(
    from sourceRanges: [Range<Int>], _ source: Matrix, to ranges: [Range<Int>], _ target: Matrix
  ) {
    var sourceStart = 0
    for sourceRange in sourceRanges {
      var start = 0
      for range in ranges {
        let common = range.clamped(to: sourceRange)
        if !common.isEmpty {
          let to = start + common.lowerBound - range.lowerBound
          let from = sourceStart + common.lowerBound - sourceRange.lowerBound
          target.rows(to..<to + common.count).assign(source.rows(from..<from + common.count))
        }
        start += range.count
      }
      sourceStart += sourceRange.count
    }
  }
}
