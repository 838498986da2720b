internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// A run that was interrupted, as its folder holds it: counters, the rows that trained, the moments.
public struct StoredRun: Sendable {
  /// The folder.
  public let folder: String
  /// The arguments that the run was started with, for whoever repeats them.
  public let invocation: [String]
  let checkpoint: Checkpoint
  let state: TrainingState
  let settings: JSONValue
  /// What the run was started from; `nil` when an earlier version stored it, which did not say.
  let origin: JSONValue?
  /// The rows that trained last, by the trained model's names.
  let rows: OrderedDictionary<Key, RowSet>
  /// The rows that trained earlier, under another mask.
  let former: OrderedDictionary<Key, RowSet>

  /// Reads the state that a run left in `folder`.
  ///
  /// - Throws: `FineTuningError` when there is none, `CheckpointError` when it cannot be read.
  public init(folder: String) throws {
    let path = Path.join(folder, TrainingState.fileName)
    guard WholeFile.exists(path) else {
      let finished = WholeFile.exists(Path.join(folder, TrainingRun.FileName.report))
      throw FineTuningError(
        finished
          ? "\(folder): the run is finished, so nothing is left to resume; train on from its model with "
            + "--model \(folder)"
          : "\(folder): no \(TrainingState.fileName): there is no run to resume")
    }
    self.folder = folder
    checkpoint = try Checkpoint.open(path)
    state = try TrainingState(checkpoint)
    let description = try TrainingState.description(of: checkpoint)
    settings = description["settings"] ?? .null
    origin = description["origin"]
    invocation = description["invocation"]?.array?.compactMap(\.string) ?? []
    rows = try TrainingState.rows("tensors", of: checkpoint)
    former = try TrainingState.rows("former", of: checkpoint)
  }

  /// The names of the tensors that trained last.
  public var trainedNames: [String] { rows.keys.map(\.string) }

  /// The model's checkpoint with the stored rows in it, under the checkpoint's own keys.
  ///
  /// - Throws: `FineTuningError` when the checkpoint does not have what was stored.
  func applied(to base: Checkpoint, family: ModelFamily) throws -> Checkpoint {
    var result = base
    for (part, rows) in [("former", former), ("value", rows)] {
      var missing = Set(rows.keys)
      let prefix = try BERTParameters.prefix(in: base)
      for key in base.keys {
        let name = family.trainedName(of: key, prefix: prefix)
        guard let ranges = rows[name]?.ranges, let tensor = result.tensors[key] else { continue }
        missing.remove(name)
        guard let trained = checkpoint[Key("\(part).\(name.string)")],
          (ranges.last?.upperBound ?? 0) <= (tensor.shape.dimensions.first ?? 1)
        else {
          throw FineTuningError(
            "\(checkpoint.path): \(quoted(name.string)) was stored with another shape than "
              + "\(base.path) has")
        }
        result.tensors[key] = try tensor.replacingRows(
          ranges, with: trained.converted(to: tensor.dtype))
      }
      if let name = missing.map(\.string).min() {
        throw FineTuningError(
          "\(checkpoint.path): the stored run trained \(quoted(name)), which \(base.path) does not "
            + "have; resume with the model of the run")
      }
    }
    return result
  }

  /// What becomes of the optimiser's state under the rows that train now.
  func comparison(with parameters: [Parameter]) -> Resumption {
    var resumption = Resumption(epoch: state.epoch)
    var seen: Set<Key> = []
    for parameter in parameters {
      let name = Key(parameter.name)
      seen.insert(name)
      let now = RowSet(parameter.rows)
      guard let before = rows[name] else {
        resumption.added.append(parameter.name)
        continue
      }
      if before == now {
        resumption.kept.append(parameter.name)
      } else {
        resumption.partlyKept.append(parameter.name)
      }
    }
    resumption.dropped = rows.keys.filter { !seen.contains($0) }.map(\.string)
    return resumption
  }
}

/// What a resumed run takes over.
public struct Resumption: Sendable, Hashable {
  /// Epochs that are done.
  public let epoch: Int
  /// Tensors that go on with the moments they had.
  public var kept: [String] = []
  /// Tensors of which other rows train now: those that trained before keep their moments.
  public var partlyKept: [String] = []
  /// Tensors that train from here on, with fresh moments.
  public var added: [String] = []
  /// Tensors that trained before and are frozen now, with the values that they reached.
  public var dropped: [String] = []

  init(epoch: Int) { self.epoch = epoch }

  /// Whether exactly the same rows train as before.
  public var isUnchanged: Bool { partlyKept.isEmpty && added.isEmpty && dropped.isEmpty }
}
