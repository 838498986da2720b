/// The tokens of a model's folder, as a plan changes them together with the rows of the embeddings.
///
/// The library of tokenizers has the type that reads and writes tokenizer files; a plan only needs to know which rows
/// stay and how many are new.
///
///     var plan = SurgeryPlan(for: checkpoint)
///     plan.vocabulary = try VocabularyEditor(folder: "bert-base-uncased")
///     try plan.addTokens(file: "tokens.txt")
public protocol ModelVocabulary: Sendable {
  /// One more than the highest id of a token.
  var tokenCount: Int { get }

  /// Adds the tokens of a file, one on each line.
  ///
  /// - Throws: ``SurgeryError`` that names the line when a token cannot be added.
  mutating func add(tokensIn path: String) throws(SurgeryError) -> VocabularyChange

  /// Keeps the special tokens and the tokens that the texts of a file use, one text on each line.
  ///
  /// - Throws: ``SurgeryError`` when the tokenizer would then read one of the texts in another way, or is of a kind that
  ///   cannot lose tokens.
  mutating func trim(toTextsIn path: String) throws(SurgeryError) -> VocabularyChange
}

/// Which tokens a vocabulary has after a change.
public struct VocabularyChange: Sendable, Hashable {
  /// The former ids of the tokens that stay; their new ids are 0, 1, 2 and so on.
  public let kept: [Int]
  /// The number of new tokens, whose ids follow.
  public let added: Int

  /// A change.
  public init(kept: [Int], added: Int) {
    self.kept = kept
    self.added = added
  }
}
