/// Something that the user of a run should know and that stops nothing.
public struct TrainingNote: Sendable, Hashable, CustomStringConvertible,
  ExpressibleByStringInterpolation
{
  /// The sentence.
  public let description: String
  /// What a caller can do about it, if anything. The command line renders each case as an option.
  public let advice: [FineTuningError.Advice]

  /// A sentence and what can be done about it.
  public init(_ description: String, advice: [FineTuningError.Advice] = []) {
    self.description = description
    self.advice = advice
  }

  /// A sentence.
  public init(stringLiteral value: String) { self.init(value) }
}
