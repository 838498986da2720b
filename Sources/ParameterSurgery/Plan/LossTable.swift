internal import CheckpointFiles
internal import Synchronization

/// Losses by key; a tensor that is computed twice counts once.
final class LossTable: Sendable {
  private let table = Mutex<[Key: CastLosses.Loss]>([:])

  var all: [CastLosses.Loss] {
    table.withLock { $0.values.sorted { $0.key < $1.key } }
  }

  func record(_ loss: CastLosses.Loss) {
    guard loss.overflowCount > 0 || loss.nanCount > 0 else { return }
    table.withLock { $0[loss.key] = loss }
  }
}
