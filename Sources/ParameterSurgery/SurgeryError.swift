internal import CheckpointFiles

/// Why a selector, a mask or an edit could not be used. The description is what a user reads.
public struct SurgeryError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The sentence.
  public let description: String
  /// The selector it is about, as it was typed.
  public let selector: String?
  /// Where in the selector the trouble starts, in Unicode scalars.
  public let offset: Int?

  /// Whether it is about how an argument is written, whatever the checkpoint holds.
  package let isForm: Bool

  package init(
    _ description: String, selector: String? = nil, offset: Int? = nil, isForm: Bool = false
  ) {
    self.isForm = isForm
    self.description = oneLine(description)
    self.selector = selector
    self.offset = offset
  }

  /// The same with a file, or several, before the sentence.
  func naming(_ place: String) -> SurgeryError {
    SurgeryError(
      "\(place): \(description)", selector: selector, offset: offset, isForm: isForm)
  }

  /// An error about how an argument is written.
  static func form(_ description: String) -> SurgeryError {
    SurgeryError(description, isForm: true)
  }

  /// The selector and, on a second line, a caret below the place of the trouble; `nil` when the
  /// error is not about one place of a selector.
  public var diagram: String? {
    guard let selector, let offset, !selector.contains(where: \.isNewline) else { return nil }
    return selector + "\n" + String(repeating: " ", count: offset) + "^"
  }
}
