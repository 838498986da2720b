internal import CheckpointFiles
internal import ParameterSurgery

/// What can be wrong with the folder of a stored run.
extension FineTuningError {
  static func noStoredRun(in folder: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: folder,
      "\(folder): no \(TrainingState.fileName): there is no run to resume")
  }

  static func finishedRun(in folder: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: folder, advice: [.trainFrom(folder)],
      "\(folder): the run is finished, so nothing is left to resume")
  }

  static func finishedElsewhere(_ folder: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: folder,
      "\(folder): the run was finished by another process; nothing is left to resume")
  }

  static func allEpochsDone(_ epochs: Int, in folder: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: folder, advice: [.trainFrom(folder)],
      "\(folder): all \(grouped(epochs)) epochs are done, so nothing is left to train with another mask"
    )
  }

  static var noRunToTakeMaskFrom: FineTuningError {
    FineTuningError(.invalidOption, "there is no stored run whose mask could be used")
  }

  // MARK: The state

  /// A file that is not a training state, or one whose members contradict each other.
  static func brokenState(_ path: String, _ reason: String) -> FineTuningError {
    FineTuningError(.storedRun, path: path, "\(path): not a training state: \(reason)")
  }

  static func stateMember(
    _ path: String, _ name: String, _ value: JSONValue?, expected: String
  ) -> FineTuningError {
    brokenState(
      path,
      value.map { "\(quoted(name)) is \(short($0)), expected \(expected)" }
        ?? "\(quoted(name)) is missing")
  }

  static func stateTensor(_ path: String, _ key: Key, shape: [Int]) -> FineTuningError {
    FineTuningError(
      .storedRun, path: path, key: key,
      "\(path): not a training state: \(quoted(key.string)) is missing or not F32 \(shape)")
  }

  static func stateTensorValue(
    _ path: String, _ key: Key, _ value: Float, at index: Int
  ) -> FineTuningError {
    FineTuningError(
      .storedRun, path: path, key: key,
      "\(path): not a training state: element \(grouped(index)) of \(quoted(key.string)) is \(value)"
    )
  }

  static func unknownOption(_ name: String, in path: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: path,
      "\(path): the training option \(quoted(name)) is not known; resume with the version that stored the run"
    )
  }

  static func storedOption(
    _ name: String, _ value: JSONValue, in path: String
  ) -> FineTuningError {
    FineTuningError(
      .storedRun, path: path,
      "\(path): the training option \(quoted(name)) is \(short(value)), which is not one of its values"
    )
  }

  static func storedOptions(_ error: FineTuningError, in path: String) -> FineTuningError {
    FineTuningError(.storedRun, path: path, "\(path): \(error.description)")
  }

  /// A count of the state that the run itself does not come to.
  static func stateCount(
    _ path: String, _ name: String, _ value: Int, expected: Int, epochs: Int
  ) -> FineTuningError {
    FineTuningError(
      .storedRun, path: path,
      "\(path): \(quoted(name)) is \(grouped(value)), but the run makes \(grouped(expected)) in "
        + counted(epochs, "epoch"))
  }

  // MARK: The state and the run

  static func otherShape(_ name: Key, state: String, base: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: state, key: name,
      "\(state): \(quoted(name.string)) was stored with another shape than \(base) has")
  }

  static func trainedTensorMissing(_ name: Key, state: String, base: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: state, key: name,
      "\(state): the stored run trained \(quoted(name.string)), which \(base) does not have; resume with "
        + "the model of the run")
  }

  static func otherOrigin(
    _ folder: String, model: String, _ difference: String
  ) -> FineTuningError {
    FineTuningError(
      .storedRun, path: folder,
      "\(folder): the run was started with another model than \(model) is now: \(difference); put "
        + "the model back, or start a new run")
  }

  static func otherSettings(_ folder: String, _ difference: String) -> FineTuningError {
    FineTuningError(
      .storedRun, path: folder,
      "\(folder): the run was started with another \(difference); resume with the same settings")
  }
}
