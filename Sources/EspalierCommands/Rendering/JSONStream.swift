import CheckpointFiles

/// Writes one JSON object to standard output piece by piece: a listing of 91,000 tensors is never one value in
/// memory.
///
/// Each member of the outermost object and each element of ``array(_:_:)`` starts a line; everything inside is
/// compact, so that `grep` and `git diff` work on meaningful lines.
struct JSONStream {
  private var text = "{"
  private var isFirst = true
  private let output: StandardOutput

  /// Begins an object with `version`, which every output has.
  init(to output: StandardOutput = .shared) {
    self.output = output
    member("version", .integer(JSONOutput.version))
  }

  /// A member that fits one line.
  mutating func member(_ name: String, _ value: JSONValue) {
    begin(name)
    text += value.text()
  }

  /// A member that is an array with an element a line.
  mutating func array<S: Sequence>(
    _ name: String, _ elements: S, _ write: (S.Element, inout String) -> Void
  ) {
    begin(name)
    text += "["
    var isFirst = true
    for element in elements {
      text += isFirst ? "\n" : ",\n"
      isFirst = false
      text += "  "
      write(element, &text)
      if text.utf8.count > 1 << 16 {
        output.write(text)
        text = ""
      }
    }
    text += isFirst ? "]" : "\n]"
  }

  /// A member that is an array of many elements, a line each, which are written by all cores.
  mutating func array(
    _ name: String, count: Int, _ write: @Sendable (Int, inout String) -> Void
  ) {
    begin(name)
    output.write(text + "[")
    Pieces.write(count, to: output) { range, lines in
      var text = ""
      for index in range {
        text += index == 0 ? "\n  " : ",\n  "
        write(index, &text)
      }
      lines.append(contentsOf: text.utf8)
    }
    text = count == 0 ? "]" : "\n]"
  }

  private mutating func begin(_ name: String) {
    text += isFirst ? "\n" : ",\n"
    isFirst = false
    JSONValue.writeString(name, to: &text)
    text += ": "
  }

  /// Ends the object.
  mutating func finish() {
    output.write(text + "\n}\n")
    text = ""
  }
}
