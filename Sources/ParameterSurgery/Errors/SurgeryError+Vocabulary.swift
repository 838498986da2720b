internal import CheckpointFiles

// The sentences about destinations and about the tensors of a vocabulary.
extension SurgeryError {
  private static func step(
    _ kind: Kind, _ operation: SurgeryOperation, key: Key? = nil, _ sentence: String
  ) -> SurgeryError {
    SurgeryError(kind, key: key, "\(operation): \(sentence)")
  }

  // MARK: - Destinations

  static func noModelFound(_ groups: [(Key, Int)]) -> SurgeryError {
    let found = groups.map { "\(quoted($0.0.string)) (\(Text.counted($0.1, "tensor")))" }
    return step(
      .matchesNothing, .convert(to: .transformers),
      "no key is that of the word embeddings of a model of transformers; the keys begin with "
        + Text.list(found, limit: 8))
  }

  static func severalModels(_ roots: [(Key, Int)]) -> SurgeryError {
    let found = roots.map { root, count in
      (root.string.isEmpty ? "the outermost keys" : quoted(root.string))
        + " (\(Text.counted(count, "tensor")))"
    }
    return step(
      .invalidArgument, .convert(to: .transformers),
      "there are several models: \(Text.list(found, limit: 8)); keep one of them first")
  }

  // MARK: - Vocabularies

  static func noVocabulary(_ operation: SurgeryOperation) -> SurgeryError {
    step(
      .unsupported, operation,
      "a vocabulary changes together with the files of its tokenizer, and there are none")
  }

  static func noTokenTable(_ operation: SurgeryOperation) -> SurgeryError {
    step(
      .matchesNothing, operation,
      "no tensor has the name of a table of word embeddings, such as word_embeddings.weight")
  }

  static func fewerRowsThanTokens(
    _ key: Key, _ rows: Int, _ count: Int, _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(
      .tensorMismatch, operation, key: key,
      "\(quoted(key.string)) has \(grouped(rows)) rows, fewer than the \(grouped(count)) tokens of the tokenizer; they do not "
        + "belong together")
  }

  static func otherTokenCount(
    _ key: Key, _ rows: Int, _ table: Key, _ count: Int, _ operation: SurgeryOperation
  ) -> SurgeryError {
    step(
      .tensorMismatch, operation, key: key,
      "\(quoted(key.string)) has \(grouped(rows)) rows, and \(quoted(table.string)) has \(grouped(count)): make them the same "
        + "with resize first")
  }

  static func columnsOfTokens(_ key: Key, _ operation: SurgeryOperation) -> SurgeryError {
    step(
      .unsupported, operation, key: key,
      "\(quoted(key.string)) has a column for each token, which does not follow the vocabulary: drop or transpose it first"
    )
  }
}
