package import CheckpointFiles
internal import OrderedCollections

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
  /// The name of the file in a run's folder.
  package static let fileName = "training-state.safetensors"

  package init() {}
}

extension TrainingState {
  /// The state as a checkpoint of the tensors `value.*`, `exp_avg.*`, `exp_avg_sq.*` and `best.*`,
  /// which look at the memory of `parameters`.
  ///
  /// - Parameters:
  ///   - settings: what a resumed run must agree with.
  ///   - parameters: what trains.
  ///   - best: the best epoch's rows; `nil` when they are the present ones.
  func checkpoint(
    settings: JSONValue, parameters: [Parameter], best: BestRows?
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
        "rows": .array(
          parameter.rows.map { [.integer($0.lowerBound), .integer($0.upperBound)] }),
        "steps": .integer(training.steps),
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

  private static func broken(_ checkpoint: Checkpoint, _ what: String) -> FineTuningError {
    FineTuningError("\(checkpoint.path): not a training state: \(what)")
  }

  private static func description(of checkpoint: Checkpoint) throws -> JSONValue {
    guard let text = checkpoint.metadata["espalier"] else {
      throw broken(checkpoint, "no description")
    }
    let json = try JSONParser.parse(Array(text.utf8))
    guard json["format"]?.string == "espalier-training-state", json["version"]?.integer == 1 else {
      throw broken(checkpoint, "expected \"format\": \"espalier-training-state\", \"version\": 1")
    }
    return json
  }

  /// The counters and records in a checkpoint.
  ///
  /// - Throws: `FineTuningError` when the file is not a training state.
  package init(_ checkpoint: Checkpoint) throws {
    let json = try TrainingState.description(of: checkpoint)
    func count(_ name: String) throws -> Int {
      guard let value = json[name]?.integer, value >= 0 else {
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

  /// Puts the stored rows and moments into `parameters`, and the best rows into `best`.
  ///
  /// - Throws: `FineTuningError` when other tensors or rows were stored than those that train.
  func restore(_ parameters: [Parameter], best: BestRows?, from checkpoint: Checkpoint) throws {
    let json = try TrainingState.description(of: checkpoint)
    guard let stored = json["tensors"]?.object else {
      throw TrainingState.broken(checkpoint, "\"tensors\" is missing")
    }
    let difference = Set(parameters.map { Key($0.name) }).symmetricDifference(stored.keys)
    guard difference.isEmpty else {
      let names = difference.map(\.string).sorted().prefix(3).map(quoted)
      throw FineTuningError(
        "\(checkpoint.path): the stored state trains other tensors: \(names.joined(separator: ", "))"
          + "; resume with the mask of the run")
    }
    for (index, parameter) in parameters.enumerated() {
      let name = parameter.name
      guard let training = parameter.training, let member = stored[Key(name)] else { continue }
      let ranges = member["rows"]?.array?.map { $0.array?.compactMap(\.integer) ?? [] }
      guard ranges == parameter.rows.map({ [$0.lowerBound, $0.upperBound] }) else {
        throw FineTuningError(
          "\(checkpoint.path): the stored state trains other rows of \(quoted(name)); "
            + "resume with the mask of the run")
      }
      guard let steps = member["steps"]?.integer, steps >= 0 else {
        throw TrainingState.broken(checkpoint, "\"steps\" of \(quoted(name)) is missing")
      }
      func matrix(_ part: String) throws -> Matrix {
        let key = Key("\(part).\(name)")
        let (rows, columns) = (training.gradient.rows, training.gradient.columns)
        guard let tensor = checkpoint[key], tensor.dtype == .float32,
          tensor.shape.dimensions == [rows, columns]
        else {
          throw TrainingState.broken(
            checkpoint, "\(quoted(key.string)) is missing or has another shape")
        }
        return Matrix(try FloatBuffer(copying: tensor), rows: rows, columns: columns)
      }
      parameter.assign(stackedRows: try matrix("value"))
      training.firstMoment.assign(try matrix("exp_avg"))
      training.secondMoment.assign(try matrix("exp_avg_sq"))
      training.steps = steps
      best?[index].assign(
        bestEpoch == epoch ? parameter.stackedRows() : try matrix("best"))
    }
  }

  /// The settings that the state in `checkpoint` was stored with.
  package static func settings(of checkpoint: Checkpoint) throws -> JSONValue? {
    try description(of: checkpoint)["settings"]
  }
}
