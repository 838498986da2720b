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
    /// A selector, a mask or an edit could not be used: see ``FineTuningError/underlying``.
    case selection
    /// A file could not be read or written, or is not what was written: see ``FineTuningError/underlying``.
    case file
  }

  /// What a caller can do about it. The command line renders each case as an option.
  public enum Advice: Sendable, Hashable {
    /// Name the column of the text, the second text or the label, or several of them.
    case nameColumns([DataOptions.ColumnRole])
    /// Use the column with this number, from 1.
    case numberColumn(DataOptions.ColumnRole, Int)
    /// State whether the first row names the columns.
    case chooseHeader(DataOptions.Header)
    /// State whether quotes delimit cells.
    case chooseQuotes(DataOptions.Quotes)
    /// Name the character between cells.
    case chooseSeparator(String)
    /// Name the layout of the file.
    case chooseFormat(DataOptions.Format)
    /// Name one of these tasks.
    case chooseTask([PredictionTask])
    /// Add a head to the model.
    case addHead
    /// Give data to evaluate on.
    case giveEvaluationData
    /// Resume the run that the folder holds.
    case resume
    /// Start a new run from the model in this folder.
    case trainFrom(String)
    /// Train the whole head.
    case trainHead
    /// Read sequences of up to this many tokens.
    case raiseMaximumLength(Int)
    /// Let another figure decide which epoch is kept.
    case chooseCriterion(TrainingOptions.Criterion)
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
  /// The member of a JSON file, the column or the training option that it is about, if it is about one.
  public let field: String?
  /// The sentence with its place, `FILE: line N: what is wrong`, without the advice.
  public let description: String
  /// What a caller can do, if anything.
  public let advice: [Advice]
  /// The error of a room below, if there is one.
  public let underlying: Underlying?

  /// An error. The sentences of this module are in `Errors/`.
  ///
  /// - Parameter reason: what is wrong, without the file and the line.
  package init(
    _ kind: Kind, path: String? = nil, line: Int? = nil, key: Key? = nil, field: String? = nil,
    advice: [Advice] = [], underlying: Underlying? = nil, _ reason: String
  ) {
    self.kind = kind
    self.path = path
    self.line = line
    self.key = key
    self.field = field
    self.advice = advice
    self.underlying = underlying
    description = oneLine(
      (path.map { "\($0): " } ?? "") + (line.map { "line \($0): " } ?? "") + reason)
  }

  /// An error of a room below, with its sentence, which names its file.
  package init(_ error: CheckpointError) {
    kind = .file
    path = error.path.isEmpty ? nil : error.path
    (line, key, field, advice) = (nil, error.key, nil, [])
    underlying = .checkpoint(error)
    description = error.description
  }

  /// An error of a room below, with its sentence.
  package init(_ error: SurgeryError) {
    kind = .selection
    (path, line, key, field, advice) = (error.path, nil, error.key, nil, [])
    underlying = .surgery(error)
    description = error.description
  }
}
