import CheckpointFiles
import Synchronization

/// The time and the bytes that all requests of one command may take together: a slow or endless server ends
/// with an error and not with a full memory.
final class WebBudget: Sendable {
  /// When the last answer must be there, on the clock of ``System/seconds``.
  let deadline: Double
  private let maximumByteCount: Int
  private let received = Atomic(0)

  /// - Parameters:
  ///   - seconds: the time from now on.
  ///   - maximumByteCount: the bytes of all answers, heads included.
  init(seconds: Double, maximumByteCount: Int = 1 << 29) {
    deadline = System.seconds + seconds
    self.maximumByteCount = maximumByteCount
  }

  /// Counts `count` bytes of an answer from `url`.
  ///
  /// - Throws: `CheckpointError` when the answers are too large together.
  func take(_ count: Int, of url: String) throws(CheckpointError) {
    let sum = received.wrappingAdd(count, ordering: .relaxed).newValue
    guard sum <= maximumByteCount else {
      throw CheckpointError(
        .tooLarge, path: url,
        "the answers are larger than \(byteText(maximumByteCount)) together; download the files first"
      )
    }
  }
}
