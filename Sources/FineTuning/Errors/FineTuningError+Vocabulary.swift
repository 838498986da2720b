internal import CheckpointFiles

// The sentences about changes of a vocabulary.
extension FineTuningError {
  private static func line(_ path: String, _ line: Int, _ sentence: String) -> FineTuningError {
    FineTuningError(
      .tokenizer, path: path, line: line, sentence)
  }

  private static func file(_ path: String, _ sentence: String) -> FineTuningError {
    FineTuningError(.tokenizer, path: path, sentence)
  }

  // MARK: - Files with tokens or texts

  static func noTexts(_ path: String) -> FineTuningError {
    file(path, "no text: expected a text on each line")
  }

  static func noTokens(_ path: String) -> FineTuningError {
    file(path, "no token: expected a token on each line")
  }

  static func tooManyTokens(_ path: String, most: Int) -> FineTuningError {
    file(
      path,
      "more than \(grouped(most)) tokens, the most that are added at once: added tokens are searched for one by one"
    )
  }

  static func linesNotUTF8(_ path: String, line number: Int) -> FineTuningError {
    line(path, number, "not UTF-8")
  }

  static func longToken(_ path: String, line number: Int, most: Int) -> FineTuningError {
    line(path, number, "longer than \(most) bytes, the most of a token")
  }

  static func controlInToken(
    _ token: String, _ path: String, line number: Int
  ) -> FineTuningError {
    line(path, number, "the token \(quoted(token)) has a control character or an invisible one")
  }

  static func spaceAroundToken(
    _ token: String, _ path: String, line number: Int
  ) -> FineTuningError {
    line(path, number, "the token \(quoted(token)) begins or ends with white space; remove it")
  }

  static func duplicateToken(
    _ token: String, _ path: String, line number: Int, _ other: Int
  ) -> FineTuningError {
    line(
      path, number, "the token \(quoted(token)) is in line \(grouped(other)) already; remove one")
  }

  static func knownToken(
    _ token: String, id: Int, path: String, line number: Int
  ) -> FineTuningError {
    line(
      path, number,
      "the tokenizer has the token \(quoted(token)) already (id \(id)); remove the line")
  }

  static func tokenNotRead(_ token: String, path: String, line number: Int) -> FineTuningError {
    line(
      path, number,
      "the tokenizer would not read \(quoted(token)) as one token: another added token or its normalizer comes first"
    )
  }

  // MARK: - Tokenizers

  static func idsWithGaps(_ path: String) -> FineTuningError {
    file(
      path,
      "the ids of its tokens have gaps or duplicates, so that rows cannot be moved with certainty")
  }

  static func cannotTrim(_ path: String, _ kind: String) -> FineTuningError {
    let reason =
      switch kind {
      case "BPE":
        "its tokens are built by merges of smaller tokens, and a merge that goes changes how words are split"
      case "Unigram":
        "the scores of all tokens decide how a word is split, and tokens that go change the score of unknown characters"
      default: "it is not known which tokens can go without changing how words are split"
      }
    return FineTuningError(
      .invalidOption, path: path,
      "a \(kind) tokenizer cannot be trimmed: \(reason); only WordPiece tokenizers can be trimmed"
    )
  }

  static func otherID(_ token: String, _ path: String) -> FineTuningError {
    file(path, "the token \(quoted(token)) would get another id than its row")
  }

  static func otherTokens(_ path: String, line number: Int) -> FineTuningError {
    line(path, number, "the trimmed tokenizer would read the text as other tokens")
  }

  static func otherLine(_ path: String, line number: Int) -> FineTuningError {
    line(path, number, "the tokenizer has another id for this token than the number of its line")
  }

  static func unknownPieceID(_ path: String, _ id: Int) -> FineTuningError {
    file(path, "names the token \(id), which the tokenizer does not have")
  }

  // MARK: - Proofs

  static func noSuchID(_ id: Int, _ path: String, line number: Int, rows: Int) -> FineTuningError {
    line(
      path, number,
      "the text has the token \(id), and the word embeddings have \(grouped(rows)) rows")
  }
}
