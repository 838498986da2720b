import ArgumentParser

/// The help of a command. The parser's own pages wrap examples and show required options among the others.
///
/// `--help` prints the long page: the usage, the description with its examples, and each option in full. `-h` prints the
/// short page: the usage, one line for each common option, and one example. An example is never wrapped, so that it
/// can be copied.
struct HelpPage {
  private let info: CommandInfo
  private let width: Int
  /// The column in which texts start.
  private static let column = 26

  /// - Parameter width: the columns of the page.
  init?(_ command: any ParsableCommand.Type, width: Int) {
    guard let info = CommandInfo(command) else { return nil }
    self.info = info
    self.width = max(24, width)
  }

  /// The complete page.
  func long() -> String {
    var blocks = [wrapped(info.abstract, to: width), usage]
    blocks += HelpPage.blocks(of: info.discussion).map { block in
      block.isVerbatim ? block.lines : wrapped(block.lines.joined(separator: " "), to: width)
    }
    for section in sections {
      var lines = ["\(section.title.uppercased()):"]
      for argument in section.arguments { lines += row(argument.label, argument.sentence) }
      if section.title == HelpPage.options {
        lines += row("-h", "Print a short help: the common options and one example.")
        lines += row("--help", "Print this help.")
        lines += row("--version", "Print the version.")
      }
      blocks.append(lines)
    }
    blocks += commandBlocks(row)
    blocks.append(wrapped("Documentation: \(Documentation.folder)", to: .max))
    return HelpPage.joined(blocks)
  }

  /// The page that fits a screen.
  func short() -> String {
    var blocks = [wrapped(info.abstract, to: width), usage]
    let common = CommonOptions.of(info)
    let labels = info.subcommands.isEmpty ? common.map { displayWidth($0.label) } : []
    let column = min(max(labels.max() ?? 0, 8), 26) + 4
    blocks += sections.compactMap { section in
      let shown = section.arguments.filter { argument in
        common.contains { $0.label == argument.label }
      }
      guard !shown.isEmpty else { return nil }
      return ["\(section.title.uppercased()):"]
        + shown.map { HelpPage.line($0.label, $0.abstract, column: column, width: width) }
    }
    blocks += commandBlocks { label, text in
      [HelpPage.line(label, text, column: HelpPage.column, width: width)]
    }
    if let example = HelpPage.examples(in: info.discussion).first {
      blocks.append(["EXAMPLE:"] + example)
    }
    let name = info.path.joined(separator: " ")
    blocks.append(
      wrapped(
        info.subcommands.isEmpty
          ? "See '\(name) --help' for all options and more examples."
          : "See '\(name) --help' for more, and '\(name) <command> -h' for a command.", to: width))
    return HelpPage.joined(blocks)
  }

  // MARK: Parts

  private static let options = "Options"

  private static func joined(_ blocks: [[String]]) -> String {
    blocks.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
  }

  private var usage: [String] {
    info.usage.enumerated().flatMap { index, line in
      let parts = wrapped(line, to: max(16, width - 7), continued: 4)
      return parts.enumerated().map { part, text in
        (index == 0 && part == 0 ? "USAGE: " : "       ") + text
      }
    }
  }

  /// The arguments in the order of the page: positional arguments, what the usage demands, the sections that the usage
  /// names, the other options, the other sections.
  private var sections: [(title: String, arguments: [CommandInfo.Argument])] {
    let demanded = UsageDemands(info.usage)
    let positional = info.arguments.filter { $0.kind == .positional }
    let named = info.arguments.filter { $0.kind != .positional }
    let required = named.filter { demanded.options.isDisjoint(with: $0.names) == false }
      .sorted { demanded.place(of: $0.names) < demanded.place(of: $1.names) }
    let others = named.filter { demanded.options.isDisjoint(with: $0.names) }
    var titles: [String] = []
    for title in others.compactMap(\.section) where !titles.contains(title) { titles.append(title) }
    let groups = titles.map { title in (title, others.filter { $0.section == title }) }
    let isDemanded = { (title: String) in
      demanded.values.contains { title.lowercased().hasPrefix($0) }
    }
    let title = info.usage.count > 1 ? "Required options of these forms" : "Required options"
    return [("Arguments", positional), (title, required)].filter { !$0.1.isEmpty }
      + groups.filter { isDemanded($0.0) }
      + [(HelpPage.options, others.filter { $0.section == nil })]
      + groups.filter { !isDemanded($0.0) }
  }

  private func commandBlocks(_ row: (String, String) -> [String]) -> [[String]] {
    guard !info.subcommands.isEmpty else { return [] }
    var blocks = [
      ["COMMANDS:"]
        + info.subcommands.flatMap { command in
          row(command.configuration.commandName ?? "", command.configuration.abstract)
        }
    ]
    if info.path.count == 1 {
      blocks.append(
        ["TOPICS:"]
          + HelpTopic.allCases.flatMap { row("help \($0.rawValue)", $0.abstract) })
    }
    return blocks
  }

  /// A label and its text, wrapped in a column of its own; on a narrow terminal, below the label.
  private func row(_ label: String, _ text: String) -> [String] {
    let isNarrow = width < 60
    let margin = String(repeating: " ", count: isNarrow ? 6 : HelpPage.column)
    let lines = wrapped(text, to: max(16, width - margin.count)).map { margin + $0 }
    let name = "  \(label)"
    guard !isNarrow, displayWidth(name) + 2 <= HelpPage.column, let first = lines.first else {
      return [name] + (text.isEmpty ? [] : lines)
    }
    return [name + first.dropFirst(displayWidth(name))] + lines.dropFirst()
  }

  /// A label and its text on one line; a text that is too long is cut after a word.
  static func line(_ label: String, _ text: String, column: Int, width: Int) -> String {
    let name = "  \(label)"
    let padding = String(repeating: " ", count: max(2, column - displayWidth(name)))
    let room = width - displayWidth(name) - padding.count
    guard room >= 12 else { return name }
    var sentence = firstSentence(text)
    if displayWidth(sentence) > room, let colon = sentence.firstRange(of: ": ") {
      sentence = String(sentence[..<colon.lowerBound])
    }
    guard displayWidth(sentence) > room else { return name + padding + sentence }
    let kept = wrapped(sentence, to: room - 2)[0]
    let plain = kept.trimmingPrefix(while: { $0 == " " })
    let end = plain.last.map { ",;:".contains($0) } == true ? plain.dropLast() : plain
    return truncated(name + padding + end + " …", to: width)
  }

  /// `text` up to its first full stop or semicolon.
  static func firstSentence(_ text: String) -> String {
    let end = [". ", "; "].compactMap { text.firstRange(of: $0)?.lowerBound }.min()
    let sentence = end.map { text[..<$0] } ?? text[...]
    return sentence.last == "." ? String(sentence.dropLast()) : String(sentence)
  }

  // MARK: Descriptions

  /// The paragraphs of a description: prose, which is wrapped, and indented lines, which are not.
  static func blocks(of discussion: String) -> [(lines: [String], isVerbatim: Bool)] {
    var blocks: [(lines: [String], isVerbatim: Bool)] = []
    var isNew = true
    for line in discussion.split(separator: "\n", omittingEmptySubsequences: false) {
      let isVerbatim = line.hasPrefix("  ")
      if line.isEmpty {
        isNew = true
      } else if !isNew, let last = blocks.indices.last, blocks[last].isVerbatim == isVerbatim {
        blocks[last].lines.append(String(line))
      } else {
        blocks.append(([String(line)], isVerbatim))
        isNew = false
      }
    }
    return blocks
  }

  /// The examples of a description, each with its continuation lines.
  static func examples(in discussion: String) -> [[String]] {
    var examples: [[String]] = []
    var continues = false
    for line in blocks(of: discussion).filter(\.isVerbatim).flatMap(\.lines) {
      if continues, let last = examples.indices.last {
        examples[last].append(line)
      } else {
        examples.append([line])
      }
      continues = line.hasSuffix("\\")
    }
    return examples
  }
}

/// What the lines of a usage demand: everything that is not in brackets.
struct UsageDemands {
  /// The options, in the order of the usage.
  private let ordered: [String]
  let options: Set<String>
  /// The names of values: `operation` for `<operation>`.
  let values: [String]

  init(_ usage: [String]) {
    var text = ""
    for line in usage {
      var depth = 0
      for character in line {
        switch character {
        case "[": depth += 1
        case "]": depth -= 1
        default: if depth == 0 { text.append(character) }
        }
      }
      text += " "
    }
    let words = text.split(separator: " ").map(String.init)
    ordered = words.filter { $0.hasPrefix("-") }
    options = Set(ordered)
    values = words.filter { $0.hasPrefix("<") }.map { $0.filter { $0 != "<" && $0 != ">" } }
  }

  func place(of names: [String]) -> Int {
    names.compactMap { ordered.firstIndex(of: $0) }.min() ?? .max
  }
}
