package import CheckpointFiles
internal import OrderedCollections

/// Everything that a run needs to go on where it stopped, at the end of an epoch: the trained rows,
/// the best ones so far, the optimiser's moments by name, the counters and the records.
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
  /// Trained rows by name: as they are, as they were in the best epoch, and the moments.
  package var tensors: [String: Rows] = [:]

  /// What is kept of one parameter.
  package struct Rows: Sendable {
    package var ranges: [Range<Int>]
    package var values: Matrix
    package var best: Matrix
    package var firstMoment: Matrix
    package var secondMoment: Matrix
    package var steps: Int
  }

  /// The name of the file in a run's folder.
  package static let fileName = "training-state.safetensors"

  package init() {}
}

extension TrainingState {
  /// The state as a checkpoint of the tensors `value.*`, `best.*`, `exp_avg.*` and `exp_avg_sq.*`.
  ///
  /// - Parameter settings: what a resumed run must agree with.
  package func checkpoint(settings: JSONValue) throws -> Checkpoint {
    var tensors: OrderedDictionary<Key, Tensor> = [:]
    var rows: OrderedDictionary<Key, JSONValue> = [:]
    for (name, kept) in self.tensors.sorted(by: { $0.key < $1.key }) {
      for (part, matrix) in [
        ("value", kept.values), ("best", kept.best), ("exp_avg", kept.firstMoment),
        ("exp_avg_sq", kept.secondMoment),
      ] {
        guard let shape = Shape([matrix.rows, matrix.columns]),
          let tensor = Tensor(matrix.elements.array, shape: shape)
        else { throw FineTuningError("the state of \(quoted(name)) does not fit a tensor") }
        tensors[Key("\(part).\(name)")] = tensor
      }
      rows[Key(name)] = .members([
        "rows": .array(
          kept.ranges.map { [.integer($0.lowerBound), .integer($0.upperBound)] }),
        "steps": .integer(kept.steps),
      ])
    }
    let description = JSONValue.members([
      "format": "espalier-training-state", "version": 1, "settings": settings,
      "epoch": .integer(epoch), "step": .integer(step), "batches": .integer(batches),
      "stale_epochs": .integer(staleEpochs),
      "best_epoch": bestEpoch.map { .integer($0) } ?? .null,
      "records": .array(records.map(\.json)), "tensors": .object(rows),
    ])
    return Checkpoint(
      format: .safetensors, tensors: tensors, metadata: ["espalier": description.text()])
  }

  /// The state in a checkpoint, with the settings that it was stored with.
  ///
  /// - Throws: `FineTuningError` when the file is not a training state.
  package init(_ checkpoint: Checkpoint) throws {
    func broken(_ what: String) -> FineTuningError {
      FineTuningError("\(checkpoint.path): not a training state: \(what)")
    }
    guard let text = checkpoint.metadata["espalier"] else { throw broken("no description") }
    let json = try JSONParser.parse(Array(text.utf8))
    guard json["format"]?.string == "espalier-training-state", json["version"]?.integer == 1 else {
      throw broken("expected \"format\": \"espalier-training-state\", \"version\": 1")
    }
    func count(_ name: String) throws -> Int {
      guard let value = json[name]?.integer, value >= 0 else {
        throw broken("\"\(name)\" is not a count")
      }
      return value
    }
    epoch = try count("epoch")
    step = try count("step")
    batches = try count("batches")
    staleEpochs = try count("stale_epochs")
    bestEpoch = json["best_epoch"]?.integer
    guard let records = json["records"]?.array, let tensors = json["tensors"]?.object else {
      throw broken("\"records\" or \"tensors\" is missing")
    }
    self.records = try records.map { try EpochRecord($0, path: checkpoint.path) }
    for (name, member) in tensors {
      guard let steps = member["steps"]?.integer, steps >= 0, let pairs = member["rows"]?.array
      else { throw broken("\"steps\" or \"rows\" of \(quoted(name.string)) is missing") }
      var ranges: [Range<Int>] = []
      for pair in pairs {
        guard let bounds = pair.array, bounds.count == 2, let start = bounds[0].integer,
          let end = bounds[1].integer, start >= (ranges.last?.upperBound ?? 0), end > start
        else { throw broken("\"rows\" of \(quoted(name.string)) are not ascending ranges") }
        ranges.append(start..<end)
      }
      let rowCount = ranges.reduce(0) { $0 + $1.count }
      func matrix(_ part: String) throws -> Matrix {
        let key = Key("\(part).\(name.string)")
        guard let tensor = checkpoint[key], tensor.dtype == .float32, tensor.shape.rank == 2,
          tensor.shape[0] == rowCount
        else { throw broken("\(quoted(key.string)) is missing or has another shape") }
        return Vector(try tensor.floats()).matrix(rows: rowCount, columns: tensor.shape[1])
      }
      self.tensors[name.string] = Rows(
        ranges: ranges, values: try matrix("value"), best: try matrix("best"),
        firstMoment: try matrix("exp_avg"), secondMoment: try matrix("exp_avg_sq"), steps: steps)
    }
  }

  /// The settings that the state in `checkpoint` was stored with.
  package static func settings(of checkpoint: Checkpoint) throws -> JSONValue? {
    guard let text = checkpoint.metadata["espalier"] else { return nil }
    return try JSONParser.parse(Array(text.utf8))["settings"]
  }
}
