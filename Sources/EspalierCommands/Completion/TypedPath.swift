import CheckpointFiles

/// A selector that is typed up to the cursor, divided into components.
struct TypedPath {
  /// A component that is complete.
  struct Component {
    let pattern: String
    /// Whether the pattern is a name, and not a wildcard or an index expression.
    let isName: Bool

    func matches(_ part: Key) -> Bool { !isName || part.string.isSame(as: pattern) }
  }

  private(set) var components: [Component] = []
  /// The component at the cursor.
  private(set) var last = ""
  /// What is typed before the component at the cursor.
  private(set) var stem = ""
  /// Whether the cursor is in brackets.
  private(set) var isInBrackets = false
  /// Whether the cursor is in a filter, after a colon.
  private(set) var isInFilter = false

  init(_ typed: String) {
    var isQuoted = false
    var wasQuoted = false
    var bracket = ""
    var done = ""
    for character in typed {
      done.append(character)
      switch character {
      case "\"":
        isQuoted.toggle()
        wasQuoted = true
      case _ where isQuoted: last.append(character)
      case "[" where !isInBrackets:
        close(wasQuoted)
        (isInBrackets, bracket, stem, wasQuoted) = (true, "", done, false)
      case "]" where isInBrackets:
        components.append(
          Component(pattern: bracket, isName: Int(bracket).map { $0 >= 0 } ?? false))
        (isInBrackets, stem) = (false, done)
      case _ where isInBrackets: bracket.append(character)
      case ".":
        close(wasQuoted)
        (stem, wasQuoted) = (done, false)
      case ":":
        (isInFilter, stem) = (true, done)
      default: last.append(character)
      }
    }
  }

  /// The same path without the brackets at the cursor, and one empty component there.
  var beforeBrackets: TypedPath {
    var path = self
    path.last = ""
    return path
  }

  private mutating func close(_ isQuoted: Bool) {
    guard !last.isEmpty || isQuoted else { return }
    let isName = isQuoted || !last.contains { "*?{/".contains($0) }
    components.append(Component(pattern: last, isName: isName))
    last = ""
  }
}
