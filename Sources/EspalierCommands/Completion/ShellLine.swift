/// A command line as a shell holds it while it is typed, up to the cursor: the finished words without their quotes, and
/// the word at the cursor.
struct ShellLine {
  /// The words before the one at the cursor, with the name of the program.
  let words: [String]
  /// The word at the cursor, without quotes and backslashes.
  let current: String
  /// The quote that is open at the cursor.
  let quote: Character?
  /// The part of the current word that bash replaces: what follows the last unquoted character at which it breaks
  /// words, as it was typed and without quotes.
  let replaced: (typed: String, plain: String)

  /// Divides a line as a POSIX shell does, without expanding anything. Only the command after the last `|`, `;` or `&`
  /// counts.
  ///
  /// - Parameter breaks: the characters at which bash breaks words (`COMP_WORDBREAKS`).
  init(_ line: String, breaks: String = "") {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var part = (typed: "", plain: "")
    var isEscaped = false
    for character in line {
      if isEscaped {
        word = (word ?? "") + String(character)
        part.typed.append(character)
        part.plain.append(character)
        isEscaped = false
        continue
      }
      switch (character, quote) {
      case ("\\", nil), ("\\", "\""):
        isEscaped = true
        part.typed.append(character)
      case ("'", nil), ("\"", nil):
        quote = character
        word = word ?? ""
        part = ("", "")
      case (_, let open?) where open == character:
        quote = nil
      case (" ", nil), ("\t", nil), ("\n", nil):
        if let word { words.append(word) }
        word = nil
        part = ("", "")
      case (";", nil), ("|", nil), ("&", nil):
        words = []
        word = nil
        part = ("", "")
      default:
        word = (word ?? "") + String(character)
        part.typed.append(character)
        part.plain.append(character)
        if quote == nil, breaks.contains(character) { part = ("", "") }
      }
    }
    self.words = words
    current = word ?? ""
    self.quote = quote
    replaced = part
  }

  /// `text` as bash reads it outside of quotes.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if " !\"#$&'()*;<>?[\\]^`{|}~".unicodeScalars.contains(scalar) { result += "\\" }
      result.unicodeScalars.append(scalar)
    }
    return result
  }
}
