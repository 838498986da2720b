/// The `console` blocks of a Markdown file: what somebody types, and what they see.
///
///     $ espalier ls base linear
///     linear.0.weight  F32  [16, 32]  2.0 kB
///       …
///
/// A line that begins with `$ ` is a command; one that ends with `\` goes on in the next. What follows is
/// what it prints, standard output and standard error together. A line of `…` alone stands for any
/// lines, `…` within a line for any text.
struct Transcript {
  /// A command and what follows it.
  struct Step: Equatable {
    /// Where the command stands in the file, counted from 1.
    let line: Int
    /// The command, without its prompt; several lines when it has several.
    var command: String
    /// The lines that it prints.
    var output: [String]
  }

  /// The steps of all blocks, in order.
  let steps: [Step]
  /// The commands of `sh` blocks, which show no output.
  let commands: [Step]

  /// Reads the blocks of a Markdown text.
  init(_ markdown: String) {
    var steps: [Step] = []
    var commands: [Step] = []
    var fence: Substring?
    var continues = false
    let lines = markdown.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      if line.hasPrefix("```") {
        fence = fence == nil ? line.dropFirst(3) : nil
        continues = false
      } else if continues {
        let last = (fence == "sh" ? commands : steps).count - 1
        if fence == "sh" {
          commands[last].command += "\n\(line)"
        } else {
          steps[last].command += "\n\(line)"
        }
        continues = line.hasSuffix("\\")
      } else if fence == "sh", !line.isEmpty {
        commands.append(Step(line: index + 1, command: String(line), output: []))
        continues = line.hasSuffix("\\")
      } else if fence == "console" {
        if line.hasPrefix("$ ") {
          steps.append(Step(line: index + 1, command: String(line.dropFirst(2)), output: []))
          continues = line.hasSuffix("\\")
        } else if let last = steps.indices.last {
          steps[last].output.append(String(line))
        }
      }
    }
    // The empty line before the next command of a block is there for the reader.
    self.steps = steps.map { step in
      var step = step
      while step.output.last?.isEmpty == true { step.output.removeLast() }
      return step
    }
    self.commands = commands
  }

  /// Whether printed lines are those expected, with `…` for what varies.
  static func matches(_ printed: some Collection<String>, _ expected: some Collection<String>)
    -> Bool
  {
    // reached[i]: the expected lines up to here can be the first i printed ones.
    var reached = [true] + Array(repeating: false, count: printed.count)
    for line in expected {
      if line.trimmingPrefix(while: { $0 == " " }) == "…" {
        let first = reached.firstIndex(of: true) ?? reached.count
        for index in reached.indices { reached[index] = index >= first }
      } else {
        var next = Array(repeating: false, count: reached.count)
        for (index, text) in printed.enumerated() where reached[index] {
          next[index + 1] = isLike(text, line)
        }
        reached = next
      }
    }
    return reached.last == true
  }

  /// Whether a text is a pattern's, in which `…` stands for any text.
  private static func isLike(_ text: String, _ pattern: String) -> Bool {
    let parts = pattern.split(separator: "…", omittingEmptySubsequences: false)
    guard let first = parts.first, let last = parts.last, parts.count > 1 else {
      return text == pattern
    }
    guard text.hasPrefix(first) else { return false }
    var rest = text.dropFirst(first.count)
    for part in parts.dropFirst().dropLast() {
      guard let range = rest.firstRange(of: part) else { return false }
      rest = rest[range.upperBound...]
    }
    return rest.hasSuffix(last)
  }
}
