import CheckpointFiles
import ParameterSurgery

extension StandardOutput {
  /// Lines around a list that is seen as a whole: the command, headings, the counts, and the next prompt.
  private static let linesAround = 4

  /// Whether a list of `count` lines is taller than the screen; never in a pipe or a file.
  func isTooTall(_ count: Int) -> Bool {
    height.map { count > max(1, $0 - StandardOutput.linesAround) } ?? false
  }

  /// Lines about tensors, indented by two columns; a terminal gets as many as fit, and the number of the other
  /// tensors.
  func list(_ groups: KeyGroups, line text: (KeyGroups.Group) -> String) {
    let limit = isTooTall(groups.groups.count) ? max(10, (height ?? 0) - 6) : .max
    for group in groups.groups.prefix(limit) { paragraph(text(group), indent: 2) }
    let left = groups.groups.dropFirst(limit).reduce(0) { $0 + $1.rows.count }
    if left > 0 {
      line("  … and \(grouped(left)) more; --json lists all")
    } else {
      noteFolding([groups], advice: "--json lists each")
    }
  }

  /// A line that says how to see everything of lists that were folded, which only a terminal gets.
  func noteFolding(_ lists: [KeyGroups], noun: String = "tensor", advice: String) {
    noteFolding(
      lines: lists.reduce(0) { sum, list in sum + list.groups.count { $0.rows.count > 1 } },
      for: lists.reduce(0) { $0 + $1.foldedCount }, noun: noun, advice: advice)
  }

  /// The same, for `lines` that stand for `count` things.
  func noteFolding(lines: Int, for count: Int, noun: String = "tensor", advice: String) {
    guard isTerminal, lines > 0 else { return }
    aside(
      "\(Text.counted(lines, "line")) \(lines == 1 ? "stands" : "stand") for "
        + "\(Text.counted(count, noun)); \(advice)")
  }

  /// A sentence about what is shown, set off from it.
  func aside(_ sentence: String, indent: Int = 0) {
    let margin = String(repeating: " ", count: indent)
    for line in wrapped(sentence, to: width.map { max(24, $0 - indent) } ?? .max) {
      self.line(margin + style.dim(line))
    }
  }
}

extension GroupOptions {
  private static let advice = "pass --no-group to list each"

  /// The line that says how to see everything of lists that were folded because they are taller than the screen.
  func note(_ lists: [KeyGroups], to output: StandardOutput = .shared) {
    if group == nil { output.noteFolding(lists, advice: GroupOptions.advice) }
  }

  /// The same, for `lines` that stand for `count` tensors.
  func note(lines: Int, for count: Int, to output: StandardOutput = .shared) {
    if group == nil { output.noteFolding(lines: lines, for: count, advice: GroupOptions.advice) }
  }
}
