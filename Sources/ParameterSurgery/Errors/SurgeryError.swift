public import CheckpointFiles

/// Why a selector, a mask or an edit could not be used.
///
/// A program switches on ``kind``; the description is the sentence that a user reads, and its wording may change.
///
///     do { _ = try SelectorList(["linaer"]).resolve(in: tree) } catch {
///       if error.kind == .matchesNothing { print("no tensor matches \(error.selector ?? "")") }
///     }
public struct SurgeryError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of thing is wrong. Cases may be added: a `switch` needs a `default`.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// A selector, a rename or an operation is not written as the grammar wants it.
    case syntax
    /// An argument cannot be used, whatever the checkpoint holds.
    case invalidArgument
    /// A selector selects no tensor.
    case matchesNothing
    /// The number of tensors is not the expected one.
    case unexpectedCount
    /// Two tensors would have one key, or a key exists already.
    case duplicateKey
    /// Tensors do not fit what is asked of them: dtype, shape, rows, sharing.
    case tensorMismatch
    /// A tensor of quantised numbers would come apart from its scale.
    case quantised
    /// A mask, a recipe, a delta or a trainer's settings are not valid.
    case malformed
    /// A mask, a delta or an adapter belongs to another checkpoint.
    case otherCheckpoint
    /// A mask, or the configuration of a trainer, lets no tensor train.
    case nothingTrains
    /// What is asked is known, but not done here.
    case unsupported
    /// Something is larger than what is read or computed.
    case tooLarge
    /// A file could not be read or written: see ``SurgeryError/underlying``.
    case file
  }

  /// What a caller can do about it. The command line renders each case as an option.
  public enum Advice: Sendable, Hashable {
    /// Drop or rename one of the tensors first.
    case dropOrRename
    /// Use one of these texts instead.
    case didYouMean([String])
    /// Make the keys, dtypes and shapes of the checkpoints equal with an edit first.
    case edit
  }

  /// What kind of thing is wrong.
  public let kind: Kind
  /// The sentence.
  public let description: String
  /// The file it is about, if it is about one.
  public let path: String?
  /// The tensor it is about, if it is about one.
  public let key: Key?
  /// The selector it is about, as it was typed.
  public let selector: String?
  /// Where in the selector the problem starts, in Unicode scalars.
  public let offset: Int?
  /// What a caller can do, if anything.
  public let advice: Advice?
  /// The error of the file that caused it, if there is one.
  public let underlying: CheckpointError?

  package init(
    _ kind: Kind, path: String? = nil, key: Key? = nil, selector: String? = nil,
    offset: Int? = nil, advice: Advice? = nil, underlying: CheckpointError? = nil,
    _ description: String
  ) {
    self.kind = kind
    self.path = path
    self.key = key
    self.selector = selector
    self.offset = offset
    self.advice = advice
    self.underlying = underlying
    self.description = oneLine(description)
  }

  /// The same with a file, or several, before the sentence.
  func naming(_ place: String) -> SurgeryError {
    SurgeryError(
      kind, path: path ?? place, key: key, selector: selector, offset: offset, advice: advice,
      underlying: underlying, "\(place): \(description)")
  }

  /// An error of a file that was read or written, as an error of this library.
  package static func file(_ error: CheckpointError) -> SurgeryError {
    SurgeryError(
      .file, path: error.path.isEmpty ? nil : error.path, key: error.key, underlying: error,
      error.description)
  }

  /// The selector and, on a second line, a caret below the place of the problem; `nil` when the
  /// error is not about one place of a selector.
  public var diagram: String? {
    guard let selector, let offset, !selector.contains(where: \.isNewline) else { return nil }
    return selector + "\n" + String(repeating: " ", count: offset) + "^"
  }
}
