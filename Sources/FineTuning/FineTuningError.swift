public import CheckpointFiles
public import ParameterSurgery

/// Why a model, a data file or a run could not be used.
///
/// A program switches on ``kind``; the description is the sentence that a user reads, and its wording may change.
///
///     do { _ = try ModelDirectory.open("bert") } catch {
///       if error.kind == .unsupportedModel { print("this family is not trained here") }
///     }
public struct FineTuningError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of thing is wrong. Cases may be added: a `switch` needs a `default`.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The configuration of a model is missing, not valid, or contradicts its weights.
    case malformedModel
    /// The model is valid, but of a family or with a setting that is not trained here.
    case unsupportedModel
    /// The files of a tokenizer are missing, not valid or of an unsupported kind.
    case tokenizer
    /// A row of a data file cannot be read.
    case malformedData
    /// The columns of a data file are not the expected ones.
    case columns
    /// A label does not fit the task or the model.
    case label
    /// Options contradict each other or the data.
    case invalidOption
    /// The mask does not fit: nothing trains, or something that trains receives no gradient.
    case mask
    /// A stored run cannot be resumed.
    case storedRun
    /// The training computed a loss that is not a number.
    case diverged
    /// The output would replace something, or another process holds it.
    case outputInUse
    /// A file could not be read or written: see ``FineTuningError/underlying``.
    case file
  }

  /// The error of a room below that caused it.
  public enum Underlying: Sendable, Hashable {
    /// A file could not be read or written.
    case checkpoint(CheckpointError)
    /// A selector, a mask or an edit could not be used.
    case surgery(SurgeryError)
  }

  /// What kind of thing is wrong.
  public let kind: Kind
  /// The file it is about, if it is about one.
  public let path: String?
  /// The line of the data file, from 1, if it is about one.
  public let line: Int?
  /// The tensor it is about, if it is about one.
  public let key: Key?
  /// The sentence.
  public let description: String
  /// The error of a room below, if there is one.
  public let underlying: Underlying?

  package init(_ description: String) { self.init(.invalidOption, description) }

  package init(
    _ kind: Kind, path: String? = nil, line: Int? = nil, key: Key? = nil,
    underlying: Underlying? = nil, _ description: String
  ) {
    self.kind = kind
    self.path = path
    self.line = line
    self.key = key
    self.underlying = underlying
    self.description = oneLine(description)
  }
}
