internal import CheckpointFiles
internal import ParameterSurgery

/// The epochs of a run, as its folder holds them, whether it is finished or interrupted.
///
///     let history = try RunHistory(folder: "tuned")
///     print(history.records.count, history.isFinished)
public struct RunHistory: Sendable {
  /// The folder.
  public let folder: String
  /// One for each finished epoch.
  public let records: [EpochRecord]
  /// Whether nothing is left to resume.
  public let isFinished: Bool
  /// The epochs that are kept as deltas, with the paths of the deltas.
  public let kept: [(epoch: Int, path: String)]

  /// Bytes and epochs of a history that are read.
  private static let (maximumSize, maximumCount) = (256 << 20, 1_000_000)

  /// Reads the history that a run left in `folder`.
  ///
  /// - Throws: `FineTuningError` when there is none or a line of it is not valid, `CheckpointError` when it cannot be read.
  public init(folder: String) throws {
    let path = Path.join(folder, TrainingRun.FileName.history)
    let isInterrupted = StoredRun.exists(in: folder)
    var records: [EpochRecord] = []
    if WholeFile.exists(path) {
      let bytes = try WholeFile.read(path, limit: RunHistory.maximumSize)
      for (index, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
        let place = "\(path):\(index + 1)"
        guard index < RunHistory.maximumCount else { throw FineTuningError.longHistory(path) }
        let json: JSONValue
        do { json = try JSONParser.parse(Array(line)) } catch {
          throw FineTuningError.brokenHistory(place, error.reason)
        }
        let record: EpochRecord
        do throws(FineTuningError) { record = try EpochRecord(json, path: place) } catch {
          throw FineTuningError.brokenHistory(place, error)
        }
        guard record.epoch == index + 1 else {
          throw FineTuningError.brokenHistory(
            place, "\"epoch\" is \(record.epoch), expected \(index + 1)")
        }
        records.append(record)
      }
    } else if !isInterrupted {
      throw FineTuningError.noHistory(in: folder)
    }
    self.folder = folder
    self.records = records
    isFinished = !isInterrupted
    let epochs = Path.join(folder, TrainingRun.FileName.epochs)
    kept = records.compactMap { record in
      let path = Path.join(epochs, TrainingRun.FileName.epoch(record.epoch))
      return WholeFile.exists(path) ? (record.epoch, path) : nil
    }
  }
}
