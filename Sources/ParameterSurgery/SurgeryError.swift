/// Why a selector, a mask or an edit could not be used. The description is what a user reads.
public struct SurgeryError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The sentence.
  public let description: String

  package init(_ description: String) { self.description = description }
}
