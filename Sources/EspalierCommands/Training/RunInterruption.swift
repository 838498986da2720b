import CheckpointFiles
import FineTuning
import ParameterSurgery
import Synchronization

/// What a user needs to know when a signal ends a run: how far it is, and how to continue.
final class RunInterruption: Sendable {
  private let folder: String
  private let epochs: Int
  private let finished: Mutex<Int>

  init(_ run: TrainingRun, folder: String) {
    self.folder = folder
    epochs = run.options.epochs
    finished = Mutex(run.resumption?.epoch ?? 0)
  }

  /// Epochs that are done and stored.
  var epoch: Int {
    get { finished.withLock { $0 } }
    set { finished.withLock { $0 = newValue } }
  }

  /// The line that the signal leaves.
  var sentence: String {
    let epoch = epoch
    let state =
      epoch == 0
      ? "interrupted before the end of the first epoch"
      : "interrupted after epoch \(epoch) of \(epochs)"
    guard StoredRun.exists(in: folder) else {
      return "\(state); nothing is stored, so run the same command again"
    }
    return "\(state); to continue, run: \(RunInterruption.resuming(folder))"
  }

  /// What a user needs to know when `error` says that a folder is not a checkpoint or a model, and the folder holds a run
  /// that was interrupted; `nil` for other errors.
  static func explanation(of error: any Error) -> InputError? {
    let path: String
    switch error {
    case let error as CheckpointError where error.kind == .notFound: path = error.path
    case let error as SurgeryError:
      return error.underlying.flatMap { explanation(of: $0) }
    case let error as FineTuningError where error.kind == .malformedModel: path = error.path ?? ""
    default: return nil
    }
    guard WholeFile.isFolder(path), StoredRun.exists(in: path) else { return nil }
    let epochs = (try? StoredRun(folder: path))?.epoch
    let state =
      switch epochs {
      case nil: ""
      case 0: ", before the end of the first epoch"
      case .some(let epoch): ", after epoch \(epoch)"
      }
    return InputError(
      "\(path): holds a training run that was interrupted\(state), and no model yet; to continue, run: "
        + "\(resuming(path)); espalier log shows its epochs")
  }

  /// The command that continues the run in `folder`.
  static func resuming(_ folder: String) -> String {
    "espalier train --resume \(Advice.shellPath(folder))"
  }
}
