internal import CheckpointFiles

/// Why a model, a data file or a run could not be used. The description is what a user reads.
public struct FineTuningError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The sentence.
  public let description: String

  package init(_ description: String) { self.description = oneLine(description) }
}
