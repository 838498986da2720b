internal import CheckpointFiles
internal import OrderedCollections
internal import ParameterSurgery

/// A run that was interrupted, as its folder holds it: counters, the rows that trained, the moments.
public struct StoredRun: Sendable {
  /// The folder.
  public let folder: String
  /// The arguments of the command that started the run, as a program stored them. They come from a file: check them
  /// before you use them.
  public let invocation: [String]
  /// The path of the stored state.
  public var path: String { checkpoint.path }
  let checkpoint: Checkpoint
  let state: TrainingState
  let settings: JSONValue
  /// What the run was started from; `nil` when an earlier version stored it, which did not record that.
  let origin: JSONValue?
  /// The rows that trained last, by the trained model's names.
  let rows: OrderedDictionary<Key, RowSet>
  /// The optimiser's steps of each of them.
  let steps: [Key: Int]
  /// The rows that trained earlier, under another mask.
  let former: OrderedDictionary<Key, RowSet>

  /// Reads the state that a run left in `folder`.
  ///
  /// - Throws: `FineTuningError` when there is none or it is not valid, `CheckpointError` when it cannot be read.
  public init(folder: String) throws {
    let path = Path.join(folder, TrainingState.fileName)
    guard WholeFile.exists(path) else {
      let isFinished = WholeFile.exists(Path.join(folder, ClassifierSettings.fileName))
      throw isFinished
        ? FineTuningError.finishedRun(in: folder) : .noStoredRun(in: folder)
    }
    self.folder = folder
    checkpoint = try Checkpoint.open(path)
    let description = try StoredDescription(checkpoint)
    state = description.state
    settings = description.settings
    origin = description.origin
    invocation = description.invocation
    rows = description.rows
    steps = description.steps
    former = description.former
  }

  /// Whether `folder` holds a run that was interrupted, or one that another process trains now.
  public static func exists(in folder: String) -> Bool {
    WholeFile.exists(Path.join(folder, TrainingState.fileName))
  }

  /// Epochs that are done.
  public var epoch: Int { state.epoch }

  /// The names of the tensors that trained last.
  public var trainedNames: [String] { rows.keys.map(\.string) }

  /// The model's checkpoint with the stored rows in it, under the checkpoint's own keys.
  ///
  /// - Throws: `FineTuningError` when the checkpoint does not have what was stored.
  func applied(to base: Checkpoint, family: ModelFamily) throws -> Checkpoint {
    if state.epoch == 0 { return base }
    var result = base
    for (part, rows) in [("former", former), ("value", rows)] {
      var missing = Set(rows.keys)
      let prefix = try BERTParameters.prefix(in: base)
      for key in base.keys {
        let name = family.trainedName(of: key, prefix: prefix)
        guard let ranges = rows[name]?.ranges, let tensor = result.tensors[key] else { continue }
        missing.remove(name)
        let rowCount = tensor.shape.dimensions.first ?? 1
        // The rows come from the file: their end is compared before anything is multiplied by their number.
        guard let trained = checkpoint[Key("\(part).\(name.string)")],
          trained.dtype == .float32, (ranges.last?.upperBound ?? 0) <= rowCount,
          trained.shape.count
            == RowSet(ranges).count * (tensor.shape.count / max(rowCount, 1))
        else {
          throw FineTuningError.otherShape(name, state: checkpoint.path, base: base.path)
        }
        result.tensors[key] = try tensor.replacingRows(
          ranges, with: trained.converted(to: tensor.dtype))
      }
      if let name = missing.min() {
        throw FineTuningError.trainedTensorMissing(
          name, state: checkpoint.path, base: base.path)
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
  /// Tensors that continue with the moments they had.
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
