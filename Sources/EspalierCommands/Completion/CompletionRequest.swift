import CheckpointFiles

/// The request that the script of a shell makes when Tab is pressed: `espalier ---complete SHELL …`.
enum CompletionRequest {
  /// The word that begins a request; no option has three hyphens.
  static let word = "---complete"

  /// Prints the answer to the request that `words` make; `false` when they make none.
  ///
  /// bash passes the characters at which it breaks words and the line up to the cursor, because its own words are broken
  /// at `=` and `:`. zsh and fish pass the place of the word at the cursor, and all words without quotes.
  static func answer(_ words: some Collection<String>) -> Bool {
    guard words.first == word else { return false }
    let rest = Array(words.dropFirst())
    for line in lines(rest) { StandardOutput.shared.line(line) }
    return true
  }

  /// The lines of the answer: which files the shell adds and whether a space may follow, and the candidates with their
  /// notes after a tab. What a shell completes itself comes with the path that is typed.
  static func lines(_ words: [String]) -> [String] {
    guard let shell = words.first.flatMap(CompletionScript.Shell.init(rawValue:)) else { return [] }
    if shell == .bash {
      guard words.count == 3 else { return [] }
      let line = ShellLine(words[2], breaks: words[1])
      return answer(Array(line.words.dropFirst()) + [line.current], line.words.count - 1).map {
        answer in
        let head = head(answer, typed: line.replaced.plain)
        return [head]
          + answer.candidates.compactMap { candidate in
            // bash replaces only what follows the last break.
            let kept = line.current.utf8.count - line.replaced.plain.utf8.count
            let text = candidate.word.droppingFirstBytes(max(0, kept))
            return line.quote == nil && answer.files == .none ? ShellLine.escaped(text) : text
          }
      } ?? []
    }
    guard words.count > 1, let index = Int(words[1]) else { return [] }
    return answer(Array(words.dropFirst(2)), index).map { answer in
      [head(answer, typed: "")]
        + answer.candidates.map { $0.note.isEmpty ? $0.word : "\($0.word)\t\($0.note)" }
    } ?? []
  }

  private static func head(_ answer: CompletionAnswer, typed: String) -> String {
    let space = answer.candidates.allSatisfy(\.isWhole) ? "space" : "nospace"
    return "\(answer.files.rawValue) \(space) \(typed)"
  }

  private static func answer(_ words: [String], _ index: Int) -> CompletionAnswer? {
    guard words.indices.contains(index) else { return nil }
    return CompletionContext(words, current: index).map { CompletionAnswer($0) }
  }

  /// A path whose leading `~/` is the home folder: a shell passes words as they are typed.
  static func expanded(_ path: String) -> String {
    guard path.hasPrefix("~/"), let home = Environment["HOME"] else { return path }
    return Path.join(home, String(path.dropFirst(2)))
  }
}
