internal import CheckpointFiles
internal import ParameterSurgery

/// What can be wrong with the folder of a stored run.
extension FineTuningError {
  static func noStoredRun(in folder: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: folder, "no \(TrainingState.fileName): there is no run to resume")
  }

  static func finishedRun(in folder: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: folder, advice: [.trainFrom(folder)],
      "the run is finished, so nothing is left to resume")
  }

  static func finishedElsewhere(_ folder: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: folder,
      "the run was finished by another process; nothing is left to resume")
  }

  static func allEpochsDone(_ epochs: Int, in folder: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: folder, advice: [.trainFrom(folder)],
      "all \(grouped(epochs)) epochs are done, so nothing is left to train with another mask")
  }

  static var noRunToTakeMaskFrom: FineTuningError {
    FineTuningError(.invalidOption, "there is no stored run whose mask could be used")
  }

  // MARK: The history

  static func noHistory(in folder: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: folder,
      "no \(TrainingRun.FileName.history): this is not the folder of a run")
  }

  static func longHistory(_ path: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: path, "the history has more epochs than a run can have")
  }

  static func brokenHistory(_ place: String, _ reason: String) -> FineTuningError {
    FineTuningError(.storedRun, path: place, "not the record of an epoch: \(reason)")
  }

  /// A record that is not valid; `error` has the sentence of a training state.
  static func brokenHistory(_ place: String, _ error: FineTuningError) -> FineTuningError {
    // The sentence follows the place, which the new error adds again.
    let sentence = error.description.droppingFirstBytes(
      error.path.map { $0.utf8.count + 2 } ?? 0)
    return FineTuningError(
      .storedRun, path: place,
      sentence.replacing("not a training state", with: "not the record of an epoch"))
  }

  // MARK: The state

  /// A file that is not a training state, or one whose members contradict each other.
  private static func brokenState(
    _ path: String, key: Key? = nil, field: String? = nil, underlying: Underlying? = nil,
    _ reason: String
  ) -> FineTuningError {
    FineTuningError(
      .storedRun, path: path, key: key, field: field, underlying: underlying,
      "not a training state: \(reason)")
  }

  static func noDescription(of path: String) -> FineTuningError {
    brokenState(path, "it has no description")
  }

  static func longDescription(_ byteCount: Int, of path: String) -> FineTuningError {
    brokenState(path, "the description has \(grouped(byteCount)) bytes")
  }

  static func description(of path: String, isNotJSON error: CheckpointError) -> FineTuningError {
    brokenState(path, underlying: .checkpoint(error), error.reason)
  }

  static func otherStateFormat(_ path: String) -> FineTuningError {
    brokenState(
      path, field: "format", "expected \"format\": \"espalier-training-state\", \"version\": 1")
  }

  static func contradictoryRecord(ofEpoch epoch: Int, in path: String) -> FineTuningError {
    brokenState(
      path, field: "records", "the record of epoch \(epoch) contradicts the counters")
  }

  static func stateMember(
    _ path: String, _ name: String, _ value: JSONValue?, expected: Expectation
  ) -> FineTuningError {
    brokenState(
      path, field: name,
      value.map { "\(quoted(name)) is \(short($0)), expected \(expected.phrase)" }
        ?? "\(quoted(name)) is missing")
  }

  /// A member of the description of a tensor.
  static func stateMember(
    _ path: String, _ name: String, of tensor: Key, _ value: JSONValue?, expected: Expectation
  ) -> FineTuningError {
    stateMember(path, "\(name) of \(tensor.string)", value, expected: expected)
  }

  static func stateTensor(_ path: String, _ key: Key, shape: [Int]) -> FineTuningError {
    brokenState(path, key: key, "\(quoted(key.string)) is missing or not F32 \(shape)")
  }

  static func stateTensorValue(
    _ path: String, _ key: Key, _ value: Float, at index: Int
  ) -> FineTuningError {
    brokenState(
      path, key: key, "element \(grouped(index)) of \(quoted(key.string)) is \(value)")
  }

  static func unknownOption(_ name: String, in path: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: path, field: name,
      "the training option \(quoted(name)) is not known; resume with the version that stored the run"
    )
  }

  static func storedOption(
    _ name: String, _ value: JSONValue, in path: String
  ) -> FineTuningError {
    FineTuningError(
      .storedRun, path: path, field: name,
      "the training option \(quoted(name)) is \(short(value)), which is not one of its values")
  }

  static func storedOptions(_ error: FineTuningError, in path: String) -> FineTuningError {
    FineTuningError(.storedRun, path: path, field: error.field, error.description)
  }

  /// A count of the state that the run itself does not come to.
  static func stateCount(
    _ path: String, _ name: String, _ value: Int, expected: Int, epochs: Int
  ) -> FineTuningError {
    FineTuningError(
      .storedRun, path: path, field: name,
      "\(quoted(name)) is \(grouped(value)), but the run makes \(grouped(expected)) in "
        + Text.counted(epochs, "epoch"))
  }

  // MARK: The state and the run

  static func otherShape(_ name: Key, state: String, base: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: state, key: name,
      "\(quoted(name.string)) was stored with another shape than \(base) has")
  }

  static func trainedTensorMissing(_ name: Key, state: String, base: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: state, key: name,
      "the stored run trained \(quoted(name.string)), which \(base) does not have; resume with "
        + "the model of the run")
  }

  static func otherOrigin(
    _ folder: String, model: String, _ difference: RunOrigin.Difference
  ) -> FineTuningError {
    FineTuningError(
      .storedRun, path: folder,
      "the run was started with another model than \(model) is now: \(difference.sentence); put "
        + "the model back, or start a new run")
  }

  static func otherSetting(_ name: String, of folder: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: folder, field: name,
      "the run was started with another \(name); resume with the same settings")
  }

  static func otherOption(_ name: String, of folder: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: folder, field: name,
      "the run was started with another \(quoted(name)) in its options; resume with the same settings"
    )
  }
}

extension RunOrigin.Difference {
  fileprivate var sentence: String {
    switch self {
    case .values(let name, let others):
      "the values of \(quoted(name.string)) are others now"
        + (others > 0 ? ", and those of \(grouped(others)) more tensors" : "")
    case .configurationNotRecorded: "its configuration is not recorded"
    case .configuration(let name, let before, let now):
      "`\(name.string)` of config.json was \(RunOrigin.Difference.text(before)) and is "
        + "\(RunOrigin.Difference.text(now)) now"
    case .newFile(let name): "the tokenizer has a file \(quoted(name.string)) now"
    case .missingFile(let name): "the tokenizer's file \(quoted(name.string)) is gone"
    case .changedFile(let name): "the tokenizer's file \(quoted(name.string)) has changed"
    case .labels(let before, let now):
      "the labels were \(listed(before)) and are \(listed(now)) now"
    }
  }

  /// A field for a message: a word as it is, anything else as JSON, cut when it is long.
  private static func text(_ value: JSONValue) -> String { value.word ?? short(value) }
}
