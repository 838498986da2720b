package import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// The counters of a run at the end of an epoch. Stored together with the rows that train, their
/// moments by name and the best rows so far, they are everything that it needs to go on.
///
/// The order of the data and what dropout drops follow from seed, epoch and step, so no generator
/// has a state to keep. Stored as one safetensors file, written atomically.
package struct TrainingState: Sendable {
  /// Epochs finished.
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
  /// The name of the file in a run's folder, where it lies until the run is finished. Nobody takes it
  /// for a checkpoint: its ending is none of theirs.
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
      tensors[Key("value.\(name)")] = try parameter.stackedRows().tensor()
      tensors[Key("exp_avg.\(name)")] = try training.firstMoment.tensor()
      tensors[Key("exp_avg_sq.\(name)")] = try training.secondMoment.tensor()
      if let best { tensors[Key("best.\(name)")] = try best[index].tensor() }
      rows[Key(name)] = .members([
        "rows": TrainingState.json(parameter.rows), "steps": .integer(training.steps),
      ])
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

  private static func broken(_ checkpoint: Checkpoint, _ what: String) -> FineTuningError {
    FineTuningError("\(checkpoint.path): not a training state: \(what)")
  }

  static func description(of checkpoint: Checkpoint) throws -> JSONValue {
    guard let text = checkpoint.metadata["espalier"] else {
      throw broken(checkpoint, "no description")
    }
    let json = try JSONParser.parse(Array(text.utf8))
    guard json["format"]?.string == "espalier-training-state", json["version"]?.integer == 1 else {
      throw broken(checkpoint, "expected \"format\": \"espalier-training-state\", \"version\": 1")
    }
    return json
  }

  /// What a counter of a file may be: it is counted on from there, and no run gets as far as 2^53.
  private static let counts = 0...(1 << 53)

  /// The counters and records in a checkpoint.
  ///
  /// - Throws: `FineTuningError` when the file is not a training state.
  package init(_ checkpoint: Checkpoint) throws {
    let json = try TrainingState.description(of: checkpoint)
    func count(_ name: String) throws -> Int {
      guard let value = json[name]?.integer, TrainingState.counts.contains(value) else {
        throw TrainingState.broken(checkpoint, "\"\(name)\" is not a count")
      }
      return value
    }
    epoch = try count("epoch")
    step = try count("step")
    batches = try count("batches")
    staleEpochs = try count("stale_epochs")
    bestEpoch = json["best_epoch"]?.integer
    guard let records = json["records"]?.array else {
      throw TrainingState.broken(checkpoint, "\"records\" is missing")
    }
    self.records = try records.map { try EpochRecord($0, path: checkpoint.path) }
  }

  /// The rows of every tensor in a member of the description: `tensors` or `former`.
  ///
  /// - Throws: `FineTuningError` when the file is not a training state.
  static func rows(
    _ member: String, of checkpoint: Checkpoint
  ) throws -> OrderedDictionary<Key, RowSet> {
    guard let stored = try description(of: checkpoint)[member]?.object else {
      throw broken(checkpoint, "\"\(member)\" is missing")
    }
    var rows: OrderedDictionary<Key, RowSet> = [:]
    for (name, member) in stored {
      guard let pairs = member["rows"]?.array else {
        throw broken(checkpoint, "\"rows\" of \(quoted(name.string)) is missing")
      }
      var ranges: [Range<Int>] = []
      for pair in pairs {
        guard let bounds = pair.array, bounds.count == 2, let start = bounds[0].integer,
          let end = bounds[1].integer, start >= (ranges.last?.upperBound ?? 0), end > start
        else { throw broken(checkpoint, "\"rows\" of \(quoted(name.string)) are not ascending") }
        ranges.append(start..<end)
      }
      rows[name] = RowSet(ranges)
    }
    return rows
  }

  private static func json(_ ranges: [Range<Int>]) -> JSONValue {
    .array(ranges.map { [.integer($0.lowerBound), .integer($0.upperBound)] })
  }

  /// Puts the stored values and moments into `parameters` where they still train, row by row. The
  /// values, because a checkpoint of half precision holds them rounded.
  ///
  /// - Throws: `FineTuningError` when the state is broken.
  static func restore(_ parameters: [Parameter], from checkpoint: Checkpoint) throws {
    let rows = try rows("tensors", of: checkpoint)
    let stored = try description(of: checkpoint)["tensors"]
    for parameter in parameters {
      let name = Key(parameter.name)
      guard let training = parameter.training, let before = rows[name],
        let steps = stored?[parameter.name]?["steps"]?.integer
      else { continue }
      guard counts.contains(steps) else {
        throw broken(checkpoint, "\"steps\" of \(quoted(parameter.name)) is not a count")
      }
      let values = parameter.stackedRows()
      for (part, target) in [
        ("value", values), ("exp_avg", training.firstMoment),
        ("exp_avg_sq", training.secondMoment),
      ] {
        let source = try matrix(part, of: parameter, rows: before.count, in: checkpoint)
        copyRows(from: before.ranges, source, to: parameter.rows, target)
      }
      if !parameter.trainsWhole { parameter.assign(stackedRows: values) }
      training.steps = steps
    }
  }

  /// Puts the stored best rows into `best`, made for `parameters` that train the stored rows.
  static func restoreBest(
    _ best: BestRows, _ parameters: [Parameter], from checkpoint: Checkpoint
  ) throws {
    for (index, parameter) in parameters.enumerated() {
      let rows = best[index].rows
      best[index].assign(try matrix("best", of: parameter, rows: rows, in: checkpoint))
    }
  }

  private static func matrix(
    _ part: String, of parameter: Parameter, rows: Int, in checkpoint: Checkpoint
  ) throws -> Matrix {
    let key = Key("\(part).\(parameter.name)")
    let columns = parameter.values.columns
    guard let tensor = checkpoint[key], tensor.dtype == .float32,
      tensor.shape.dimensions == [rows, columns]
    else { throw broken(checkpoint, "\(quoted(key.string)) is missing or has another shape") }
    return Matrix(try FloatBuffer(copying: tensor), rows: rows, columns: columns)
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
